//! The gallery's pictures, packed into a few large textures so that a screen full of them is a few draw calls.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use egui::{
    Color32, ColorImage, Context, Rect, TextureHandle, TextureId, TextureOptions, Vec2, pos2, vec2,
};

use super::textures::color_image;
use crate::images::Picture;

/// Largest side of a thumbnail in pixels.
pub const MAX_SIDE: usize = 96;
/// Pictures up to this side are magnified with their pixels visible.
const NEAREST_SIDE: usize = 48;
/// Side of a cell: the picture and an empty pixel around, so that neighbors do not bleed in.
const CELL: usize = MAX_SIDE + 2;
/// Side of an atlas texture in pixels, unless the adapter allows less.
const PAGE_SIDE: usize = 1024;
/// Atlas textures at most: 1,600 thumbnails, 64 MiB.
const MAX_PAGES: usize = 16;
/// Requests to the library thread at most at a time, so that what is scrolled past is not waited for.
const MAX_IN_FLIGHT: usize = 24;
/// Thumbnails put into an atlas at most in one frame.
const MAX_UPLOADS: usize = 64;

/// A picture inside an atlas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thumbnail {
    pub texture: TextureId,
    /// The picture's place in it.
    pub uv: Rect,
    /// The picture's width and height in pixels.
    pub size: Vec2,
    /// Whether its pixels should be magnified by whole numbers.
    pub is_pixelated: bool,
}

/// What is known of a file's thumbnail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lookup<'a> {
    /// Draw this.
    Ready(Thumbnail),
    /// It was asked for.
    Waiting,
    /// There is none, and why.
    Failed(&'a str),
}

/// Thumbnails by file.
#[derive(Default)]
pub struct Thumbnails {
    pages: Vec<Page>,
    cells: HashMap<PathBuf, (usize, usize)>,
    failed: HashMap<PathBuf, String>,
    wanted: Vec<PathBuf>,
    in_flight: HashSet<PathBuf>,
    arrived: Vec<(PathBuf, Picture)>,
    frame: u64,
}

struct Page {
    texture: TextureHandle,
    is_pixelated: bool,
    side: usize,
    cells: Vec<Option<Cell>>,
}

struct Cell {
    path: PathBuf,
    size: [usize; 2],
    last_used: u64,
}

impl Thumbnails {
    pub(super) fn begin_frame(&mut self) {
        self.frame += 1;
        self.wanted.clear();
    }

    /// The thumbnail of a visible file; asks for it where there is none.
    pub fn look_up(&mut self, path: &Path) -> Lookup<'_> {
        if let Some(&(page, index)) = self.cells.get(path) {
            let page = &mut self.pages[page];
            let origin = page.origin(index);
            if let Some(cell) = &mut page.cells[index] {
                cell.last_used = self.frame;
                let scale = 1.0 / page.side as f32;
                let size = vec2(cell.size[0] as f32, cell.size[1] as f32);
                let min = pos2(origin[0] as f32, origin[1] as f32) + Vec2::splat(1.0);
                return Lookup::Ready(Thumbnail {
                    texture: page.texture.id(),
                    uv: Rect::from_min_max(
                        (min.to_vec2() * scale).to_pos2(),
                        ((min + size).to_vec2() * scale).to_pos2(),
                    ),
                    size,
                    is_pixelated: page.is_pixelated,
                });
            }
        }
        if self.failed.contains_key(path) {
            return Lookup::Failed(&self.failed[path]);
        }
        if !self.in_flight.contains(path) {
            self.wanted.push(path.to_owned());
        }
        Lookup::Waiting
    }

    /// The files to ask the library thread for now.
    pub fn take_requests(&mut self) -> Vec<PathBuf> {
        let room = MAX_IN_FLIGHT.saturating_sub(self.in_flight.len());
        let count = room.min(self.wanted.len());
        let requests: Vec<PathBuf> = self.wanted.drain(..count).collect();
        self.in_flight.extend(requests.iter().cloned());
        requests
    }

    /// A request could not be sent; it is asked for again while it is visible.
    pub fn not_sent(&mut self, path: &Path) {
        self.in_flight.remove(path);
    }

    /// Nothing that was asked for will be answered.
    pub fn forget_requests(&mut self) {
        self.in_flight.clear();
    }

    /// Take an answer of the library thread.
    pub fn insert(&mut self, path: PathBuf, picture: Result<Picture, String>) {
        self.in_flight.remove(&path);
        match picture {
            Ok(picture) => self.arrived.push((path, picture)),
            Err(message) => {
                self.failed.insert(path, message);
            }
        }
    }

    /// Put what arrived into the atlases; `true` when some is left for the next frame.
    pub fn upload(&mut self, ctx: &Context) -> bool {
        let count = self.arrived.len().min(MAX_UPLOADS);
        let batch: Vec<(PathBuf, Picture)> = self.arrived.drain(..count).collect();
        for (path, picture) in batch {
            self.place(ctx, path, &picture);
        }
        !self.arrived.is_empty()
    }

    fn place(&mut self, ctx: &Context, path: PathBuf, picture: &Picture) {
        let largest = picture.width.max(picture.height);
        if largest == 0 || largest > MAX_SIDE {
            let message = format!(
                "The thumbnail should be at most {MAX_SIDE} pixels wide and high, it has {largest}."
            );
            self.failed.insert(path, message);
            return;
        }
        let is_pixelated = largest <= NEAREST_SIDE;
        let Some((page_index, index)) = self.free_cell(ctx, is_pixelated) else {
            return;
        };
        let page = &mut self.pages[page_index];
        let origin = page.origin(index);
        let mut padded = ColorImage::filled(
            [picture.width + 2, picture.height + 2],
            Color32::TRANSPARENT,
        );
        let image = color_image(picture, None, Color32::TRANSPARENT);
        let width = padded.size[0];
        for (y, row) in image.pixels.chunks(picture.width).enumerate() {
            let start = (y + 1) * width + 1;
            padded.pixels[start..start + row.len()].copy_from_slice(row);
        }
        page.texture
            .set_partial(origin, padded, page_options(is_pixelated));
        let old = page.cells[index].replace(Cell {
            path: path.clone(),
            size: [picture.width, picture.height],
            last_used: self.frame,
        });
        if let Some(old) = old {
            self.cells.remove(&old.path);
        }
        self.cells.insert(path, (page_index, index));
    }

    fn fitting(&self, is_pixelated: bool) -> impl Iterator<Item = (usize, &Page)> {
        self.pages
            .iter()
            .enumerate()
            .filter(move |(_, page)| page.is_pixelated == is_pixelated)
    }

    /// An empty cell, a new page, or the cell that was not looked at for longest.
    fn free_cell(&mut self, ctx: &Context, is_pixelated: bool) -> Option<(usize, usize)> {
        let empty = self.fitting(is_pixelated).find_map(|(number, page)| {
            let index = page.cells.iter().position(Option::is_none)?;
            Some((number, index))
        });
        if empty.is_some() {
            return empty;
        }
        if self.pages.len() < MAX_PAGES {
            self.pages.push(Page::new(ctx, is_pixelated));
            return Some((self.pages.len() - 1, 0));
        }
        let oldest = self
            .fitting(is_pixelated)
            .flat_map(|(number, page)| {
                page.cells
                    .iter()
                    .enumerate()
                    .filter_map(move |(index, cell)| {
                        Some((cell.as_ref()?.last_used, (number, index)))
                    })
            })
            .min()
            .map(|(_, place)| place);
        // All pages may be of the other kind: one of them is given up.
        oldest.or_else(|| {
            self.cells.retain(|_, (page, _)| *page != 0);
            self.pages[0] = Page::new(ctx, is_pixelated);
            Some((0, 0))
        })
    }
}

impl Page {
    fn new(ctx: &Context, is_pixelated: bool) -> Self {
        let side = PAGE_SIDE.min(ctx.input(|input| input.max_texture_side));
        let image = ColorImage::filled([side, side], Color32::TRANSPARENT);
        let num_cells = (side / CELL).pow(2).max(1);
        Self {
            texture: ctx.load_texture("thumbnails", image, page_options(is_pixelated)),
            is_pixelated,
            side,
            cells: (0..num_cells).map(|_| None).collect(),
        }
    }

    fn origin(&self, index: usize) -> [usize; 2] {
        let columns = (self.side / CELL).max(1);
        [index % columns * CELL, index / columns * CELL]
    }
}

fn page_options(is_pixelated: bool) -> TextureOptions {
    if is_pixelated {
        TextureOptions::NEAREST
    } else {
        TextureOptions::LINEAR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(side: usize) -> Picture {
        Picture {
            width: side,
            height: side,
            channels: 1,
            bytes: vec![200; side * side].into(),
        }
    }

    fn path(index: usize) -> PathBuf {
        PathBuf::from(format!("/{index}.png"))
    }

    #[test]
    fn visible_files_are_asked_for_once() {
        let mut thumbnails = Thumbnails::default();
        thumbnails.begin_frame();
        assert_eq!(thumbnails.look_up(&path(0)), Lookup::Waiting);
        assert_eq!(thumbnails.take_requests(), [path(0)]);
        thumbnails.begin_frame();
        thumbnails.look_up(&path(0));
        assert!(thumbnails.take_requests().is_empty(), "asked already");
        thumbnails.not_sent(&path(0));
        thumbnails.begin_frame();
        thumbnails.look_up(&path(0));
        assert_eq!(thumbnails.take_requests(), [path(0)]);
    }

    #[test]
    fn the_number_of_pages_is_bounded_and_the_longest_unseen_goes() {
        let ctx = Context::default();
        let mut thumbnails = Thumbnails::default();
        let per_page = (PAGE_SIDE / CELL).pow(2);
        let count = MAX_PAGES * per_page + 10;
        for index in 0..count {
            thumbnails.begin_frame();
            thumbnails.insert(path(index), Ok(picture(28)));
            assert!(!thumbnails.upload(&ctx));
            if index > 0 {
                // The first one stays in view.
                assert!(matches!(thumbnails.look_up(&path(0)), Lookup::Ready(_)));
            }
        }
        assert_eq!(thumbnails.pages.len(), MAX_PAGES);
        assert_eq!(thumbnails.cells.len(), MAX_PAGES * per_page);
        assert_eq!(thumbnails.look_up(&path(1)), Lookup::Waiting);
        thumbnails.insert(path(count), Ok(picture(90)));
        thumbnails.upload(&ctx);
        assert_eq!(thumbnails.pages.len(), MAX_PAGES);
        assert!(matches!(thumbnails.look_up(&path(count)), Lookup::Ready(_)));
    }

    #[test]
    fn failures_are_kept() {
        let mut thumbnails = Thumbnails::default();
        thumbnails.insert(path(0), Err("broken".to_owned()));
        assert_eq!(thumbnails.look_up(&path(0)), Lookup::Failed("broken"));
    }
}
