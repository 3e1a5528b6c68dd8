//! Which images the gallery shows, in which order, and where their results are.

mod alike;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::analysis::Analysis;
use super::run::RunState;
use crate::images::ContentHash;
use crate::ood::{PerRole, Role};
use crate::runs::{Marks, RunImage};
use crate::state::arrangement::{Alike, GalleryOrder, GalleryView, MarkFilter, ScoreRange};
use crate::worker::protocol::Similar;

/// The images that can be seen, their order, and which of them are selected, marked or left out by their scores.
#[derive(Debug, Default)]
pub struct Gallery {
    images: Arc<[RunImage]>,
    /// For each image its id in the run; `None` as a whole where both lists are the same.
    run_ids: Option<Vec<Option<usize>>>,
    order: Vec<usize>,
    selected: Option<usize>,
    marked: BTreeSet<usize>,
    brush: Option<ScoreRange>,
    alike: Option<Alike>,
    matching: Option<PerRole<Vec<usize>>>,
}

/// Order and filters that the user has chosen; they outlive a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filters<'a> {
    /// Order, role and verdict.
    pub view: GalleryView,
    /// The text that paths must have, in any case.
    pub needle: &'a str,
    /// The marks that images must have.
    pub marks: Option<&'a MarkFilter>,
}

impl Filters<'_> {
    fn leave_out(self) -> bool {
        self.view.role.is_some()
            || self.view.verdict.is_some()
            || self.marks.is_some()
            || !self.needle.trim().is_empty()
    }
}

/// What order and filters go by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Basis<'a> {
    /// The run that the scores are from.
    pub run: Option<&'a RunState>,
    /// Its p-values and the bins of its histogram.
    pub analysis: Option<&'a Analysis>,
    pub threshold: Option<f64>,
    /// What was noted about its images.
    pub marks: Option<&'a Marks>,
    /// How alike its images are.
    pub similar: Option<&'a Similar>,
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

    /// The scores that images must have to be shown; `None` for all images.
    pub fn brush(&self) -> Option<ScoreRange> {
        self.brush
    }

    /// Show only images with these scores; takes effect when the gallery is arranged.
    pub fn set_brush(&mut self, range: Option<ScoreRange>) {
        self.brush = range;
    }

    /// Which images are shown by how alike they are; `None` for all.
    pub fn alike(&self) -> Option<&Alike> {
        self.alike.as_ref()
    }

    /// Show only these images, or in this order; takes effect when the gallery is arranged.
    pub fn set_alike(&mut self, alike: Option<Alike>) {
        self.alike = alike;
    }

    /// Whether some images may be left out.
    pub fn is_filtered(&self, filters: Filters<'_>) -> bool {
        self.brush.is_some() || self.alike.is_some() || filters.leave_out()
    }

    /// The images that role, verdict and text leave, counted in the bins of the score histogram; `None` where these leave
    /// out nothing. The range of scores is no part of it.
    pub fn matching(&self) -> Option<&PerRole<Vec<usize>>> {
        self.matching.as_ref()
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

    /// Mark these images alone.
    pub fn set_marked(&mut self, marked: BTreeSet<usize>) {
        let count = self.images.len();
        self.marked = marked.into_iter().filter(|&image| image < count).collect();
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
        let is_of_run = run.is_some_and(|run| Arc::ptr_eq(&run.images, &images));
        if is_of_run && self.run_ids.is_none() && Arc::ptr_eq(&self.images, &images) {
            return;
        }
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
            _ if is_of_run => None,
            Some(run) => Some(match_up(&images, &run.images)),
            None => Some(vec![None; images.len()]),
        };
        self.images = images;
        self.selected = selected;
        self.order = Vec::new();
    }

    /// Sort and filter again.
    pub fn arrange(&mut self, filters: Filters<'_>, basis: Basis<'_>) {
        let found = self.found(filters, basis);
        let histogram = basis.analysis.and_then(|a| a.histogram.as_ref());
        self.matching = histogram.filter(|_| filters.leave_out()).map(|histogram| {
            PerRole::new(|role| {
                let of_role = found.iter().filter(|&&i| self.images[i].role == role);
                let scores: Vec<f64> = of_role
                    .filter_map(|&index| self.score(index, basis))
                    .collect();
                histogram.bins.histogram(&scores)
            })
        });
        let mut order = found;
        if let Some(range) = self.brush {
            order.retain(|&index| {
                self.score(index, basis)
                    .is_some_and(|score| range.contains(score))
            });
        }
        self.sort(&mut order, filters.view.order, basis);
        self.arrange_alike(&mut order, basis);
        self.order = order;
    }

    fn score(&self, image: usize, basis: Basis<'_>) -> Option<f64> {
        basis.run?.score(self.run_id(image)?)
    }

    /// The images that role, verdict, marks and text leave.
    fn found(&self, filters: Filters<'_>, basis: Basis<'_>) -> Vec<usize> {
        let view = filters.view;
        let needle = filters.needle.trim().to_lowercase();
        let has_needle = |index: usize| {
            let path = &self.images[index].file.path;
            needle.is_empty() || path.to_string_lossy().to_lowercase().contains(&needle)
        };
        let is_judged_so = |index: usize| {
            view.verdict.is_none_or(|verdict| {
                let image = self.score(index, basis).zip(basis.threshold);
                image.is_some_and(|(score, threshold)| {
                    verdict.keeps(self.images[index].role, score > threshold)
                })
            })
        };
        (0..self.images.len())
            .filter(|&index| view.role.is_none_or(|role| self.images[index].role == role))
            .filter(|&index| is_judged_so(index) && has_needle(index))
            .filter(|&index| {
                filters.marks.is_none_or(|filter| {
                    let image = &self.images[index];
                    let marks = basis.marks.and_then(|marks| marks.of(&image.file.hash));
                    filter.keeps(image.role, marks)
                })
            })
            .collect()
    }

    /// Images without what is sorted by come last.
    fn sort(&self, images: &mut [usize], order: GalleryOrder, basis: Basis<'_>) {
        let ascending = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        let descending = |value: Option<f64>| value.map_or(f64::INFINITY, |value| -value);
        let key = |&image: &usize| -> (f64, f64) {
            let score = || self.score(image, basis);
            match order {
                GalleryOrder::Natural => (0.0, 0.0),
                GalleryOrder::HighestFirst => (descending(score()), 0.0),
                GalleryOrder::LowestFirst => (ascending(score()), 0.0),
                GalleryOrder::PValueFirst => {
                    let p_value = self
                        .run_id(image)
                        .and_then(|id| basis.analysis?.p_value(basis.run?, id));
                    (ascending(p_value), descending(score()))
                }
                GalleryOrder::SpreadFirst => {
                    let spread = self
                        .run_id(image)
                        .and_then(|id| basis.run.and_then(|run| run.spread(id)));
                    (descending(spread), 0.0)
                }
            }
        };
        if order == GalleryOrder::Natural {
            return;
        }
        let mut keyed: Vec<((f64, f64), usize)> =
            images.iter().map(|image| (key(image), *image)).collect();
        keyed.sort_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        for (slot, (_, image)) in images.iter_mut().zip(keyed) {
            *slot = image;
        }
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
    use crate::ood::Outcome;
    use crate::runs::{ResultLog, RunSettings};
    use crate::state::VerdictFilter;
    use crate::state::session::testing::{result, run_images};
    use crate::worker::protocol::JobId;

    fn basis(run: &RunState, threshold: Option<f64>) -> Basis<'_> {
        Basis {
            run: Some(run),
            analysis: None,
            threshold,
            ..Basis::default()
        }
    }

    fn filters(view: GalleryView) -> Filters<'static> {
        Filters {
            view,
            ..Filters::default()
        }
    }

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
            ..GalleryView::default()
        };
        gallery.arrange(filters(view), basis(&run, None));
        assert_eq!(gallery.order(), [2, 0, 3, 1], "no score comes last");
        view.order = GalleryOrder::LowestFirst;
        gallery.arrange(filters(view), basis(&run, None));
        assert_eq!(gallery.order(), [3, 0, 2, 1]);
        assert_eq!(gallery.neighbor(Some(3), -1), Some(3));
        assert_eq!(gallery.neighbor(Some(3), 1), Some(0));
        assert_eq!(gallery.neighbor(None, 1), Some(3));
        view.role = Some(Role::InDomain);
        gallery.arrange(filters(view), basis(&run, None));
        assert_eq!(gallery.order(), [0, 1]);
        view.role = None;
        for (verdict, images) in [
            (VerdictFilter::Outcome(Outcome::Hit), vec![2]),
            (VerdictFilter::Outcome(Outcome::Miss), vec![3]),
            (VerdictFilter::Flagged, vec![2]),
            (VerdictFilter::LetThrough, vec![3, 0]),
        ] {
            view.verdict = Some(verdict);
            gallery.arrange(filters(view), basis(&run, Some(0.3)));
            assert_eq!(gallery.order(), images);
        }
        view.verdict = Some(VerdictFilter::Outcome(Outcome::CorrectPass));
        gallery.arrange(filters(view), basis(&run, Some(0.3)));
        assert_eq!(gallery.order(), [0], "no score, no outcome");

        log.extend([result(0, 1, 0.4), result(2, 1, 0.2)]);
        run.absorb();
        view.order = GalleryOrder::SpreadFirst;
        view.verdict = None;
        gallery.arrange(filters(view), basis(&run, None));
        assert_eq!(gallery.order(), [2, 0, 1, 3], "one attempt has no spread");
        let filters = Filters {
            view,
            needle: " OUT/0",
            marks: None,
        };
        gallery.arrange(filters, basis(&run, None));
        assert_eq!(gallery.order(), [2]);
    }

    #[test]
    fn p_values_sort_with_a_calibration_image_held_against_the_others() {
        let log = Arc::new(ResultLog::default());
        let images: Arc<[RunImage]> = run_images(3, 2).into();
        let mut run = RunState::new(
            JobId(0),
            RunSettings::default(),
            Arc::clone(&images),
            Arc::clone(&log),
        );
        let scores = [0.1, 0.5, 0.3, 0.4, 0.2];
        log.extend((0..5).map(|image| result(image, 0, scores[image])));
        run.absorb();
        let analysis = Analysis::of(&run, None);
        // (1 + others at least as high) / (others + 1), with 2 others for in-domain images and 3 for the rest.
        let expected = [3.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0, 2.0 / 4.0, 3.0 / 4.0];
        for (image, expected) in expected.into_iter().enumerate() {
            assert_eq!(analysis.p_value(&run, image), Some(expected));
        }
        let mut gallery = Gallery::default();
        gallery.fill(images, Some(&run));
        let view = GalleryView {
            order: GalleryOrder::PValueFirst,
            ..GalleryView::default()
        };
        let basis = Basis {
            run: Some(&run),
            analysis: Some(&analysis),
            ..Basis::default()
        };
        gallery.arrange(filters(view), basis);
        assert_eq!(gallery.order(), [1, 3, 2, 4, 0]);
    }

    #[test]
    fn a_range_of_scores_filters_and_the_histogram_follows_the_other_filters_only() {
        let log = Arc::new(ResultLog::default());
        let images: Arc<[RunImage]> = run_images(2, 2).into();
        let mut run = RunState::new(
            JobId(0),
            RunSettings::default(),
            Arc::clone(&images),
            Arc::clone(&log),
        );
        log.extend([result(0, 0, 0.1), result(1, 0, 0.2), result(2, 0, 0.3)]);
        run.absorb();
        let analysis = Analysis::of(&run, None);
        let basis = Basis {
            run: Some(&run),
            analysis: Some(&analysis),
            threshold: Some(0.15),
            ..Basis::default()
        };
        let mut gallery = Gallery::default();
        gallery.fill(images, Some(&run));
        let mut view = GalleryView::default();
        gallery.set_brush(Some(ScoreRange::between(0.3, 0.2)));
        gallery.arrange(filters(view), basis);
        assert_eq!(gallery.order(), [1, 2], "both ends belong to it");
        assert_eq!(gallery.matching(), None, "no filter but the range");
        view.role = Some(Role::InDomain);
        gallery.arrange(filters(view), basis);
        assert_eq!(gallery.order(), [1]);
        let counts = gallery.matching().unwrap();
        let totals: Vec<usize> = counts
            .values()
            .iter()
            .map(|bins| bins.iter().sum())
            .collect();
        assert_eq!(totals, [2, 0, 0]);
        gallery.set_brush(None);
        gallery.arrange(filters(view), basis);
        assert_eq!(gallery.order(), [0, 1]);
    }

    #[test]
    fn a_changed_list_keeps_the_selection_and_finds_old_results() {
        let log = Arc::new(ResultLog::default());
        let images: Arc<[RunImage]> = run_images(3, 0).into();
        let run = RunState::new(JobId(0), RunSettings::default(), Arc::clone(&images), log);
        let mut gallery = Gallery::default();
        gallery.fill(Arc::clone(&images), Some(&run));
        gallery.select(Some(2));
        let basis = Basis {
            run: Some(&run),
            ..Basis::default()
        };
        gallery.arrange(Filters::default(), basis);
        gallery.mark_between(2, 1);
        let shorter: Arc<[RunImage]> = images[1..].to_vec().into();
        gallery.fill(shorter, Some(&run));
        assert_eq!(gallery.selected(), Some(1));
        assert_eq!(gallery.marked().iter().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(gallery.run_id(1), Some(2));
        assert_eq!(gallery.image_of_run_id(0), None);
    }
}
