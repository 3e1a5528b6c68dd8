//! Which images the gallery shows, in which order, and where their results are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::run::RunState;
use crate::images::ContentHash;
use crate::ood::{Outcome, Role};
use crate::runs::RunImage;

/// Order of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GalleryOrder {
    /// Role by role, folder by folder, file names as people sort them.
    Natural,
    /// The most out-of-domain first.
    HighestFirst,
    /// The most in-domain first.
    LowestFirst,
    /// Those whose attempts disagree most first.
    SpreadFirst,
}

impl GalleryOrder {
    /// All orders, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Natural,
        Self::HighestFirst,
        Self::LowestFirst,
        Self::SpreadFirst,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Natural => "By name",
            Self::HighestFirst => "Highest score first",
            Self::LowestFirst => "Lowest score first",
            Self::SpreadFirst => "Largest spread first",
        }
    }
}

/// Order and filter of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GalleryView {
    /// The order.
    pub order: GalleryOrder,
    /// Show one role only.
    pub role: Option<Role>,
    /// Show images with one outcome at the threshold only.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
}

impl Default for GalleryView {
    fn default() -> Self {
        Self {
            order: GalleryOrder::Natural,
            role: None,
            outcome: None,
        }
    }
}

/// The images that can be seen, their order, and which of them is selected.
#[derive(Debug, Default)]
pub struct Gallery {
    images: Arc<[RunImage]>,
    /// For each image its id in the run; `None` as a whole where both lists are the same.
    run_ids: Option<Vec<Option<usize>>>,
    order: Vec<usize>,
    selected: Option<usize>,
    marked: BTreeSet<usize>,
    needle: String,
}

impl Gallery {
    /// All images, filtered or not.
    pub fn images(&self) -> &Arc<[RunImage]> {
        &self.images
    }

    /// Indices into [`Self::images`] in the order in which they are shown.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The selected image, an index into [`Self::images`].
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// The marked images, indices into [`Self::images`].
    pub fn marked(&self) -> &BTreeSet<usize> {
        &self.marked
    }

    /// The text that paths must have to be shown.
    pub fn needle(&self) -> &str {
        &self.needle
    }

    /// Show only images whose path has this text, in any case; takes effect when the gallery is arranged.
    pub fn find(&mut self, text: &str) {
        text.clone_into(&mut self.needle);
    }

    /// Mark an image, or take its mark away.
    pub fn toggle_mark(&mut self, image: usize) {
        if !self.marked.remove(&image) && image < self.images.len() {
            self.marked.insert(image);
        }
    }

    /// Mark all images from one to another in the order shown.
    pub fn mark_between(&mut self, from: usize, to: usize) {
        let position = |image| self.order.iter().position(|&other| other == image);
        if let (Some(a), Some(b)) = (position(from), position(to)) {
            self.marked.extend(&self.order[a.min(b)..=a.max(b)]);
        }
    }

    /// Mark all images that are shown.
    pub fn mark_all(&mut self) {
        self.marked = self.order.iter().copied().collect();
    }

    /// Mark no image.
    pub fn mark_none(&mut self) {
        self.marked.clear();
    }

    /// The id of an image in the run that the gallery was last filled for.
    pub fn run_id(&self, image: usize) -> Option<usize> {
        match &self.run_ids {
            None => Some(image),
            Some(ids) => ids.get(image).copied().flatten(),
        }
    }

    /// The image with an id of the run.
    pub fn image_of_run_id(&self, run_id: usize) -> Option<usize> {
        match &self.run_ids {
            None => (run_id < self.images.len()).then_some(run_id),
            Some(ids) => ids.iter().position(|known| *known == Some(run_id)),
        }
    }

    /// Show other images; the selection stays on the same file.
    pub fn fill(&mut self, images: Arc<[RunImage]>, run: Option<&RunState>) {
        let selected = self
            .selected
            .and_then(|index| self.images.get(index))
            .and_then(|old| images.iter().position(|new| is_same(old, new)));
        if !self.marked.is_empty() && !Arc::ptr_eq(&self.images, &images) {
            let olds = match_up(&images, &self.images);
            let is_marked = |old: &Option<usize>| old.is_some_and(|old| self.marked.contains(&old));
            let kept = olds.iter().enumerate().filter(|(_, old)| is_marked(old));
            self.marked = kept.map(|(index, _)| index).collect();
        }
        self.run_ids = match run {
            Some(run) if Arc::ptr_eq(&run.images, &images) => None,
            Some(run) => Some(match_up(&images, &run.images)),
            None => Some(vec![None; images.len()]),
        };
        self.images = images;
        self.selected = selected;
        self.order = Vec::new();
    }

    /// Sort and filter anew.
    pub fn arrange(&mut self, view: GalleryView, run: Option<&RunState>, threshold: Option<f64>) {
        let score = |index: usize| {
            self.run_id(index)
                .and_then(|id| run.and_then(|run| run.score(id)))
        };
        let mut order: Vec<usize> = (0..self.images.len())
            .filter(|&index| view.role.is_none_or(|role| self.images[index].role == role))
            .collect();
        let needle = self.needle.trim().to_lowercase();
        if !needle.is_empty() {
            order.retain(|&index| {
                let path = self.images[index].file.path.to_string_lossy();
                path.to_lowercase().contains(&needle)
            });
        }
        if let Some(outcome) = view.outcome {
            order.retain(|&index| {
                let image = score(index).zip(threshold);
                image.and_then(|(score, threshold)| {
                    Outcome::of(self.images[index].role, score > threshold)
                }) == Some(outcome)
            });
        }
        // Images without a score come last either way.
        let key = |index: usize, sign: f64| score(index).map_or(f64::INFINITY, |s| sign * s);
        match view.order {
            GalleryOrder::Natural => {}
            GalleryOrder::HighestFirst => {
                order.sort_by(|&a, &b| key(a, -1.0).total_cmp(&key(b, -1.0)));
            }
            GalleryOrder::LowestFirst => {
                order.sort_by(|&a, &b| key(a, 1.0).total_cmp(&key(b, 1.0)));
            }
            GalleryOrder::SpreadFirst => {
                let spreads: Vec<f64> = (0..self.images.len())
                    .map(|index| {
                        let id = self.run_id(index);
                        id.and_then(|id| run.and_then(|run| run.spread(id)))
                            .map_or(f64::INFINITY, |spread| -spread)
                    })
                    .collect();
                order.sort_by(|&a, &b| spreads[a].total_cmp(&spreads[b]));
            }
        }
        self.order = order;
    }

    /// Select an image, or none.
    pub fn select(&mut self, image: Option<usize>) {
        self.selected = image.filter(|&index| index < self.images.len());
    }

    /// The image `offset` places after `from` in the order shown, stopping at the ends.
    pub fn neighbor(&self, from: Option<usize>, offset: isize) -> Option<usize> {
        let last = self.order.len().checked_sub(1)?;
        let position = from.and_then(|image| self.order.iter().position(|&other| other == image));
        let target = match position {
            None => 0,
            Some(position) => position.saturating_add_signed(offset).min(last),
        };
        self.order.get(target).copied()
    }
}

fn is_same(a: &RunImage, b: &RunImage) -> bool {
    a.role == b.role && a.file.path == b.file.path && a.folder == b.folder
}

/// For each of `images` the position of the same image in `others`.
fn match_up(images: &[RunImage], others: &[RunImage]) -> Vec<Option<usize>> {
    type Key<'a> = (ContentHash, Role, &'a std::path::Path);
    fn key(image: &RunImage) -> Key<'_> {
        (image.file.hash, image.role, &image.file.path)
    }
    let positions: HashMap<Key<'_>, usize> = others
        .iter()
        .enumerate()
        .map(|(index, image)| (key(image), index))
        .collect();
    images
        .iter()
        .map(|image| positions.get(&key(image)).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{ResultLog, RunSettings};
    use crate::state::session::testing::{result, run_images};
    use crate::worker::protocol::JobId;

    #[test]
    fn order_filter_and_neighbors() {
        let log = Arc::new(ResultLog::default());
        let images: Arc<[RunImage]> = run_images(2, 2).into();
        let mut run = RunState::new(
            JobId(0),
            RunSettings::default(),
            Arc::clone(&images),
            Arc::clone(&log),
        );
        log.extend([result(0, 0, 0.3), result(2, 0, 0.9), result(3, 0, 0.1)]);
        run.absorb();
        let mut gallery = Gallery::default();
        gallery.fill(images, Some(&run));
        let mut view = GalleryView {
            order: GalleryOrder::HighestFirst,
            role: None,
            outcome: None,
        };
        gallery.arrange(view, Some(&run), None);
        assert_eq!(gallery.order(), [2, 0, 3, 1], "no score comes last");
        view.order = GalleryOrder::LowestFirst;
        gallery.arrange(view, Some(&run), None);
        assert_eq!(gallery.order(), [3, 0, 2, 1]);
        assert_eq!(gallery.neighbor(Some(3), -1), Some(3));
        assert_eq!(gallery.neighbor(Some(3), 1), Some(0));
        assert_eq!(gallery.neighbor(None, 1), Some(3));
        view.role = Some(Role::InDomain);
        gallery.arrange(view, Some(&run), None);
        assert_eq!(gallery.order(), [0, 1]);
        view.role = None;
        for (outcome, images) in [(Outcome::Hit, vec![2]), (Outcome::Miss, vec![3])] {
            view.outcome = Some(outcome);
            gallery.arrange(view, Some(&run), Some(0.3));
            assert_eq!(gallery.order(), images);
        }
        view.outcome = Some(Outcome::CorrectPass);
        gallery.arrange(view, Some(&run), Some(0.3));
        assert_eq!(gallery.order(), [0], "no score, no outcome");

        log.extend([result(0, 1, 0.4), result(2, 1, 0.2)]);
        run.absorb();
        view.order = GalleryOrder::SpreadFirst;
        view.outcome = None;
        gallery.arrange(view, Some(&run), None);
        assert_eq!(gallery.order(), [2, 0, 1, 3], "one attempt has no spread");
        gallery.find(" OUT/0");
        gallery.arrange(view, Some(&run), None);
        assert_eq!(gallery.order(), [2]);
    }

    #[test]
    fn a_changed_list_keeps_the_selection_and_finds_old_results() {
        let log = Arc::new(ResultLog::default());
        let images: Arc<[RunImage]> = run_images(3, 0).into();
        let run = RunState::new(JobId(0), RunSettings::default(), Arc::clone(&images), log);
        let mut gallery = Gallery::default();
        gallery.fill(Arc::clone(&images), Some(&run));
        gallery.select(Some(2));
        gallery.arrange(GalleryView::default(), Some(&run), None);
        gallery.mark_between(2, 1);
        let shorter: Arc<[RunImage]> = images[1..].to_vec().into();
        gallery.fill(shorter, Some(&run));
        assert_eq!(gallery.selected(), Some(1));
        assert_eq!(gallery.marked().iter().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(gallery.run_id(1), Some(2));
        assert_eq!(gallery.image_of_run_id(0), None);
    }
}
