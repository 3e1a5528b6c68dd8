//! The output side of a product: where values go, and what is added on the way.

use super::finish::FinishArgs;
use super::shared::Shared;

/// What is added for each channel.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// The same for all images; empty for none.
    Same(&'a [f32]),
    /// Image `i` takes `C` values from `table[starts[i] + offset]` on.
    PerImage {
        /// Rows of values.
        table: &'a [f32],
        /// Where each image's row starts.
        starts: &'a [usize],
        /// Place in the row.
        offset: usize,
    },
}

impl<'a> Bias<'a> {
    fn of(&self, image: usize, channels: usize) -> &'a [f32] {
        match *self {
            Self::Same([]) => &[],
            Self::Same(bias) => &bias[..channels],
            Self::PerImage {
                table,
                starts,
                offset,
            } => &table[starts[image] + offset..][..channels],
        }
    }
}

/// What is added for each value.
#[derive(Clone, Copy, Debug)]
pub enum Residual<'a> {
    None,
    /// What the output holds before.
    InPlace,
    /// (B, H, W, C).
    From(&'a [f32]),
}

/// The end of a product: `relu((value + bias + residual) * scale)`.
#[derive(Debug)]
pub struct Finish<'a> {
    /// Added for each channel.
    pub bias: Bias<'a>,
    /// Added for each value.
    pub residual: Residual<'a>,
    /// Factor on the sum.
    pub scale: f32,
    /// Whether negative values become zero.
    pub relu: bool,
    /// (B, parts, 2, C): sums and sums of squares over each part of an image, for the next group norm.
    /// How many parts, the driver's layer says.
    pub sums: Option<&'a mut [f32]>,
}

/// A [`Finish`] and its output, shared by tasks.
pub(super) struct Output<'a> {
    out: Shared<'a>,
    sums: Option<Shared<'a>>,
    bias: Bias<'a>,
    residual: Residual<'a>,
    scale: f32,
    relu: bool,
    channels: usize,
    image_pixels: usize,
    parts: usize,
}

/// A run of pixels of one image that lies in one part of it, and some of its channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub image: usize,
    pub first_pixel: usize,
    pub pixels: usize,
    pub part: usize,
    pub first_channel: usize,
    pub channels: usize,
}

impl<'a> Output<'a> {
    pub fn new(
        out: &'a mut [f32],
        finish: Finish<'a>,
        channels: usize,
        image_pixels: usize,
        parts: usize,
    ) -> Self {
        Self {
            out: Shared::new(out),
            sums: finish.sums.map(Shared::new),
            bias: finish.bias,
            residual: finish.residual,
            scale: finish.scale,
            relu: finish.relu,
            channels,
            image_pixels,
            parts,
        }
    }

    /// Pointers for a place, its sums set to zero.
    ///
    /// # Safety
    /// No two tasks may ask for the same channel of the same pixel or part during the loop.
    pub unsafe fn at(&self, place: Place) -> FinishArgs {
        let Place {
            image,
            first_pixel,
            pixels,
            part,
            first_channel,
            channels,
        } = place;
        debug_assert!(
            first_pixel + pixels <= self.image_pixels
                && first_channel + channels <= self.channels
                && part < self.parts,
            "{place:?} in {} pixels, {} channels, {} parts",
            self.image_pixels,
            self.channels,
            self.parts
        );
        let offset = (image * self.image_pixels + first_pixel) * self.channels;
        let span = pixels * self.channels;
        // SAFETY: the caller keeps tasks apart, and a task touches its own channels only.
        let out = unsafe { self.out.at(offset, span).add(first_channel) };
        let residual = match self.residual {
            Residual::None => std::ptr::null(),
            Residual::InPlace => out.cast_const(),
            Residual::From(residual) => residual[offset..][..span][first_channel..].as_ptr(),
        };
        let (mut sums, mut squares) = (std::ptr::null_mut(), std::ptr::null_mut());
        if let Some(shared) = self.sums {
            let offset = (image * self.parts + part) * 2 * self.channels;
            // SAFETY: as above.
            unsafe {
                sums = shared.at(offset, self.channels).add(first_channel);
                squares = shared
                    .at(offset + self.channels, self.channels)
                    .add(first_channel);
                sums.write_bytes(0, channels);
                squares.write_bytes(0, channels);
            }
        }
        let bias = self.bias.of(image, self.channels);
        FinishArgs {
            channels,
            bias: bias.get(first_channel..).map_or(std::ptr::null(), |bias| {
                if bias.is_empty() {
                    std::ptr::null()
                } else {
                    bias.as_ptr()
                }
            }),
            residual,
            scale: self.scale,
            relu: self.relu,
            out,
            pixel_stride: self.channels,
            sums,
            squares,
        }
    }
}
