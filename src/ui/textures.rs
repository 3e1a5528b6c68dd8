//! Textures of pictures: made once a picture, kept while they are in use.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};

use super::colormap;
use super::thumbnails::Thumbnails;
use crate::images::Picture;
use crate::ood::KnownMask;
use crate::state::look::ColorMap;

/// Textures kept at most beyond those of the current frame.
const MAX_PICTURES: usize = 96;

/// All textures of the window.
#[derive(Default)]
pub struct Textures {
    /// The gallery's pictures.
    pub thumbnails: Thumbnails,
    pictures: HashMap<Key, Entry>,
    frame: u64,
}

/// Addresses of the shared allocations that a texture shows; they stay taken while the entry holds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    bytes: usize,
    variant: Variant,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Variant {
    Plain,
    Masked {
        mask: usize,
        hole: Color32,
    },
    Difference {
        other: usize,
        map: ColorMap,
        top: u8,
    },
    Levels(ColorMap),
    Legend(ColorMap),
}

/// What a texture's key holds the addresses of.
type Held<'a> = ([Option<&'a Arc<[u8]>>; 2], Option<&'a Arc<KnownMask>>);

struct Entry {
    texture: TextureHandle,
    last_used: u64,
    _bytes: [Option<Arc<[u8]>>; 2],
    _mask: Option<Arc<KnownMask>>,
}

impl Textures {
    /// Call once a frame before any drawing.
    pub fn begin_frame(&mut self) {
        self.frame += 1;
        self.thumbnails.begin_frame();
        if self.pictures.len() > MAX_PICTURES {
            let mut ages: Vec<u64> = self.pictures.values().map(|e| e.last_used).collect();
            ages.sort_unstable();
            let oldest_kept = ages[ages.len() - MAX_PICTURES];
            self.pictures
                .retain(|_, entry| entry.last_used >= oldest_kept);
        }
    }

    /// The texture of a picture.
    pub fn picture(&mut self, ctx: &Context, picture: &Picture) -> TextureHandle {
        let key = Key {
            bytes: address(&picture.bytes),
            variant: Variant::Plain,
        };
        let held = ([Some(&picture.bytes), None], None);
        self.load(ctx, key, held, options(picture), || {
            color_image(picture, None, Color32::TRANSPARENT)
        })
    }

    /// The texture of a picture whose unknown pixels are painted in the color `hole`.
    pub fn masked(
        &mut self,
        ctx: &Context,
        picture: &Picture,
        known_mask: &Arc<KnownMask>,
        hole: Color32,
    ) -> TextureHandle {
        let key = Key {
            bytes: address(&picture.bytes),
            variant: Variant::Masked {
                mask: Arc::as_ptr(known_mask).addr(),
                hole,
            },
        };
        let held = ([Some(&picture.bytes), None], Some(known_mask));
        self.load(ctx, key, held, options(picture), || {
            color_image(picture, Some(known_mask), hole)
        })
    }

    /// The texture of the difference of two pictures, see [`colormap::difference_image`].
    pub fn difference(
        &mut self,
        ctx: &Context,
        (a, b): (&Picture, &Picture),
        map: ColorMap,
        top: u8,
    ) -> TextureHandle {
        let key = Key {
            bytes: address(&a.bytes),
            variant: Variant::Difference {
                other: address(&b.bytes),
                map,
                top,
            },
        };
        let held = ([Some(&a.bytes), Some(&b.bytes)], None);
        self.load(ctx, key, held, options(a), || {
            colormap::difference_image(a, b, map, top)
                .unwrap_or_else(|| color_image(a, None, Color32::TRANSPARENT))
        })
    }

    /// The texture of levels in colors, see [`colormap::levels_image`].
    pub fn levels(&mut self, ctx: &Context, levels: &Picture, map: ColorMap) -> TextureHandle {
        let key = Key {
            bytes: address(&levels.bytes),
            variant: Variant::Levels(map),
        };
        let held = ([Some(&levels.bytes), None], None);
        self.load(ctx, key, held, options(levels), || {
            colormap::levels_image(levels, map)
        })
    }

    /// The texture of a map's legend, one row from weak to strong.
    pub fn legend(&mut self, ctx: &Context, map: ColorMap) -> TextureHandle {
        let key = Key {
            bytes: 0,
            variant: Variant::Legend(map),
        };
        let held = ([None, None], None);
        self.load(ctx, key, held, TextureOptions::LINEAR, || {
            colormap::legend_image(map)
        })
    }

    fn load(
        &mut self,
        ctx: &Context,
        key: Key,
        (bytes, mask): Held<'_>,
        options: TextureOptions,
        make: impl FnOnce() -> ColorImage,
    ) -> TextureHandle {
        let frame = self.frame;
        let entry = self.pictures.entry(key).or_insert_with(|| {
            let max_side = ctx.input(|input| input.max_texture_side);
            Entry {
                texture: ctx.load_texture("picture", bounded(make(), max_side), options),
                last_used: frame,
                _bytes: bytes.map(|bytes| bytes.map(Arc::clone)),
                _mask: mask.map(Arc::clone),
            }
        });
        entry.last_used = frame;
        entry.texture.clone()
    }
}

fn address(bytes: &Arc<[u8]>) -> usize {
    Arc::as_ptr(bytes).cast::<u8>().addr()
}

/// Small pictures show their pixels, large ones are smoothed when they are shrunk.
fn options(picture: &Picture) -> TextureOptions {
    if picture.width.max(picture.height) <= 64 {
        TextureOptions::NEAREST
    } else {
        TextureOptions {
            minification: egui::TextureFilter::Linear,
            ..TextureOptions::NEAREST
        }
    }
}

/// The pixels of a picture; a mask of another size is ignored.
pub fn color_image(
    picture: &Picture,
    known_mask: Option<&Arc<KnownMask>>,
    hole: Color32,
) -> ColorImage {
    let size = [picture.width, picture.height];
    let mut image = if picture.channels == 3 {
        ColorImage::from_rgb(size, &picture.bytes)
    } else {
        ColorImage::from_gray(size, &picture.bytes)
    };
    if let Some(mask) = known_mask
        && mask.known().len() == image.pixels.len()
    {
        for (pixel, is_known) in image.pixels.iter_mut().zip(mask.known()) {
            if !is_known {
                *pixel = hole;
            }
        }
    }
    image
}

/// Leave out rows and columns until the image fits into a texture.
fn bounded(image: ColorImage, max_side: usize) -> ColorImage {
    let [width, height] = image.size;
    let stride = width.max(height).div_ceil(max_side.max(1)).max(1);
    if stride == 1 {
        return image;
    }
    let size = [width.div_ceil(stride), height.div_ceil(stride)];
    let pixels = image
        .pixels
        .chunks(width)
        .step_by(stride)
        .flat_map(|row| row.iter().copied().step_by(stride))
        .collect();
    ColorImage::new(size, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> Picture {
        Picture {
            width,
            height,
            channels: 1,
            bytes: (0..width * height).map(|i| i as u8).collect(),
        }
    }

    #[test]
    fn nothing_is_larger_than_the_adapter_allows() {
        let image = bounded(color_image(&picture(9, 5), None, Color32::BLACK), 4);
        assert_eq!(image.size, [3, 2]);
        assert_eq!(image.pixels[1].r(), 3);
        assert_eq!(image.pixels[3].r(), 27);
    }

    #[test]
    fn holes_are_painted() {
        let mask = Arc::new(KnownMask::from_known(2, vec![true, false, true, true]).unwrap());
        let image = color_image(&picture(2, 2), Some(&mask), Color32::RED);
        assert_eq!(image.pixels[1], Color32::RED);
        assert_eq!(image.pixels[3].g(), 3);
    }

    #[test]
    fn a_picture_is_loaded_once_and_old_ones_go() {
        let ctx = Context::default();
        let mut textures = Textures::default();
        let kept = picture(2, 2);
        textures.begin_frame();
        let first = textures.picture(&ctx, &kept).id();
        for _ in 0..2 * MAX_PICTURES {
            textures.begin_frame();
            assert_eq!(textures.picture(&ctx, &kept).id(), first);
            drop(textures.picture(&ctx, &picture(2, 2)));
        }
        assert!(textures.pictures.len() <= MAX_PICTURES + 2);
    }
}
