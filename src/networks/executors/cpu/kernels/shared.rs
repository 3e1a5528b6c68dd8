//! A slice that the tasks of one parallel loop write to, each its own part.

use std::marker::PhantomData;

/// Pointer to a mutably borrowed slice, shared by tasks.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    start: *mut f32,
    len: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: access goes through `at`, whose callers keep tasks apart.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Share a slice for the length of a loop.
    pub fn new(slice: &'a mut [f32]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// The place of value `offset`, of which the caller means to touch `span` values.
    ///
    /// # Safety
    /// No other task may touch the values that are written through the pointer while the loop runs.
    ///
    /// # Panics
    /// If the span leaves the slice.
    pub unsafe fn at(self, offset: usize, span: usize) -> *mut f32 {
        assert!(
            offset + span <= self.len,
            "values {offset}..{} of {}",
            offset + span,
            self.len
        );
        // SAFETY: inside the slice, just checked.
        unsafe { self.start.add(offset) }
    }
}
