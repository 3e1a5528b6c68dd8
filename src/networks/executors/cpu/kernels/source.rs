//! The input of a product: stored activations side by side, normalized and resampled on the way.

use super::isa::Table;
use super::rows::{RowArgs, Step};
pub use crate::networks::executors::lowered::{MAX_SEGMENTS, Resampling};

/// A stored activation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment<'a> {
    /// (B, H, W, C).
    pub data: &'a [f32],
    /// C; 0 for an absent segment.
    pub channels: usize,
}

impl<'a> Segment<'a> {
    /// An activation with no others beside it.
    pub fn alone(data: &'a [f32], channels: usize) -> [Self; MAX_SEGMENTS] {
        std::array::from_fn(|index| match index {
            0 => Self { data, channels },
            _ => Self::default(),
        })
    }
}

/// (B, H, W, C) as the product sees it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Concatenated over channels.
    pub segments: [Segment<'a>; MAX_SEGMENTS],
    /// Rows after resampling.
    pub height: usize,
    /// Pixels a row after resampling.
    pub width: usize,
    /// Rows and pixels a row as stored.
    pub stored_size: (usize, usize),
    /// (B, 2, C): a factor and a term for each channel, applied first.
    pub norm: Option<&'a [f32]>,
    /// Whether `SiLU` follows the normalization.
    pub silu: bool,
    /// Applied after the activation.
    pub resampling: Resampling,
}

impl<'a> Source<'a> {
    /// A plain stored activation.
    pub fn plain(data: &'a [f32], channels: usize, height: usize, width: usize) -> Self {
        Self {
            segments: Segment::alone(data, channels),
            height,
            width,
            stored_size: (height, width),
            norm: None,
            silu: false,
            resampling: Resampling::None,
        }
    }

    /// Channels of all segments.
    pub fn channels(&self) -> usize {
        self.segments.iter().map(|segment| segment.channels).sum()
    }

    /// The stored activation itself, if pixels are read as they are from one segment.
    pub fn stored(&self) -> Option<&'a [f32]> {
        let segments = self.stored_segments()?;
        (segments[1].channels == 0).then_some(segments[0].data)
    }

    /// The stored activations themselves, if their pixels are read as they are.
    pub fn stored_segments(&self) -> Option<[Segment<'a>; MAX_SEGMENTS]> {
        let plain = self.norm.is_none() && !self.silu && self.resampling == Resampling::None;
        plain.then_some(self.segments)
    }

    /// Write whole pixels of an image: rows `first_row..`, as many as `to` holds.
    ///
    /// # Panics
    /// If the image has no such rows.
    pub fn write_rows(&self, table: &Table, (image, first_row): (usize, usize), to: &mut [f32]) {
        let channels = self.channels();
        for (y, to) in (first_row..).zip(to.chunks_exact_mut(self.width * channels)) {
            // SAFETY: `to` has room for the row.
            unsafe { self.write_row(table, (image, y), (0, channels), to.as_mut_ptr(), channels) };
        }
    }

    /// Write channels `first..first + count` of row `y` of an image, `to_stride` values a pixel.
    ///
    /// # Safety
    /// `to` must have room for the row.
    pub(super) unsafe fn write_row(
        &self,
        table: &Table,
        (image, y): (usize, usize),
        (first, count): (usize, usize),
        to: *mut f32,
        to_stride: usize,
    ) {
        let (stored_height, stored_width) = self.stored_size;
        let (stored_y, step) = match self.resampling {
            Resampling::None => (y, Step::Copy),
            Resampling::Up => (y / 2, Step::Double),
            Resampling::Down => (y * 2, Step::Halve),
        };
        let channels = self.channels();
        debug_assert!(
            y < self.height && first + count <= channels && count <= to_stride,
            "row {y} of {}, channels {first} + {count} of {channels}",
            self.height
        );
        let norm = self
            .norm
            .map(|norm| &norm[image * 2 * channels..][..2 * channels]);
        let mut segment_first = 0;
        for segment in &self.segments {
            let begin = first.max(segment_first);
            let end = (first + count).min(segment_first + segment.channels);
            if begin < end {
                let row = (image * stored_height + stored_y) * stored_width * segment.channels;
                let row_len = stored_width * segment.channels;
                let from = &segment.data[row..][..row_len];
                let below = if step == Step::Halve {
                    &segment.data[row + row_len..][..row_len]
                } else {
                    from
                };
                let part = |offset: usize| {
                    norm.map_or(std::ptr::null(), |norm| {
                        norm[offset + begin..][..end - begin].as_ptr()
                    })
                };
                // SAFETY: the slices above hold whole stored rows; `to` has room by the caller's promise.
                unsafe {
                    (table.row)(&RowArgs {
                        from: from.as_ptr().add(begin - segment_first),
                        below: below.as_ptr().add(begin - segment_first),
                        from_stride: segment.channels,
                        width: self.width,
                        channels: end - begin,
                        scale: part(0),
                        shift: part(channels),
                        silu: self.silu,
                        step,
                        to: to.add(begin - first),
                        to_stride,
                    });
                }
            }
            segment_first += segment.channels;
        }
    }
}
