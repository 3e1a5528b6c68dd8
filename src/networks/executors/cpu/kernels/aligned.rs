//! Buffers that begin on a cache line.

use std::collections::TryReserveError;
use std::fmt;

/// One cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([f32; 16]);

/// `f32` values from a cache line's start on: no register load crosses a line.
#[derive(Clone, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let mut aligned = Self::default();
        aligned.grow(len);
        aligned
    }

    /// Make room for at least `len` values; the contents are then unspecified, not lost.
    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            self.lines.resize(len.div_ceil(16), Line([0.0; 16]));
            self.len = len;
        }
    }

    /// Make room for at least `len` values, whatever the contents are then. Where there is no memory for them, the buffer is
    /// empty afterwards.
    pub fn try_grow(&mut self, len: usize) -> Result<(), TryReserveError> {
        if len > self.len {
            // Both would have to fit at once otherwise.
            *self = Self::default();
            self.lines.try_reserve_exact(len.div_ceil(16))?;
            self.grow(len);
        }
        Ok(())
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values.
    pub fn as_slice(&self) -> &[f32] {
        debug_assert!(self.len <= self.lines.len() * 16, "{} values", self.len);
        // SAFETY: `lines` holds at least `len` contiguous values: `Line` is `repr(C)` without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    /// All values.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        debug_assert!(self.len <= self.lines.len() * 16, "{} values", self.len);
        // SAFETY: as in `as_slice`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl fmt::Debug for Aligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aligned({} values)", self.len)
    }
}
