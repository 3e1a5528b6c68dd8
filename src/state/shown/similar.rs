//! How alike the images of the run are: found once in the background, and again for those that have come since.

use std::sync::Arc;

use super::Shown;
use super::run::RunState;
use crate::ood::Role;
use crate::state::arrangement::Alike;
use crate::state::outbox::{Outbox, Outgoing};
use crate::worker::protocol::{Control, JobId, LibraryCommand, Similar, SimilarRequest};

/// What is known and what is awaited.
#[derive(Debug, Default)]
pub struct Likeness {
    found: Option<Arc<Similar>>,
    awaited: Option<Awaited>,
    failed: Option<String>,
    /// The user does not want to wait; asked for once more, it continues.
    is_stopped: bool,
    /// Results of the run when its pictures were counted last, and how many have one.
    counted: (usize, usize),
}

#[derive(Debug)]
struct Awaited {
    job: JobId,
    control: Control,
    num_done: usize,
    num_images: usize,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        self.control.cancel();
    }
}

impl Likeness {
    /// How alike the images are, as far as that is known.
    pub(super) fn found(&self) -> Option<&Similar> {
        self.found.as_deref()
    }
}

impl Shown {
    /// How alike the images are; `None` before they were compared.
    pub fn similar(&self) -> Option<&Arc<Similar>> {
        self.likeness.found.as_ref()
    }

    /// How many images have been looked at, and of how many, while they are.
    pub fn comparing_images(&self) -> Option<(usize, usize)> {
        let awaited = self.likeness.awaited.as_ref()?;
        Some((awaited.num_done, awaited.num_images))
    }

    /// Why the images could not be compared, if so.
    pub fn failed_comparison(&self) -> Option<&str> {
        self.likeness.failed.as_deref()
    }

    /// Whether the user has stopped the comparison.
    pub fn is_comparison_stopped(&self) -> bool {
        self.likeness.is_stopped
    }

    /// Have the images compared that are not yet, where any are new enough to be worth it; call once a frame in which it is
    /// wanted.
    pub(in crate::state) fn want_similar(&mut self, outbox: &mut Outbox) {
        let likeness = &mut self.likeness;
        let Some(run) = self.run.as_ref() else { return };
        if likeness.awaited.is_some() || likeness.failed.is_some() || likeness.is_stopped {
            return;
        }
        if likeness.counted.0 != run.num_results() {
            likeness.counted = (run.num_results(), num_pictures(run));
        }
        let num_known = likeness
            .found
            .as_ref()
            .map_or(0, |found| found.num_images());
        let num_pictures = likeness.counted.1;
        // While results come in it is done each time that half as many have come, not with every one.
        let is_worth_it = !run.phase.is_active() || 2 * num_pictures >= 3 * num_known.max(1);
        if num_pictures <= num_known || !is_worth_it {
            return;
        }
        let firsts = (0..run.images.len()).filter_map(|id| run.attempts(id).first());
        let request = SimilarRequest {
            pictures: SimilarRequest::pictures(run.images.len(), firsts.map(|it| &**it)),
            known: likeness.found.clone(),
        };
        let (job, control) = (outbox.mint_job(), Control::default());
        likeness.awaited = Some(Awaited {
            job,
            control: control.clone(),
            num_done: 0,
            num_images: request.num_new(),
        });
        outbox.push_back(Outgoing::Library(LibraryCommand::Compare {
            job,
            request,
            control,
        }));
    }

    /// So many images have been looked at.
    pub(in crate::state) fn comparing(&mut self, job: JobId, num_images: usize) {
        let awaited = self.likeness.awaited.as_mut();
        if let Some(awaited) = awaited.filter(|awaited| awaited.job == job) {
            awaited.num_done = num_images;
        }
    }

    /// The images were compared, or not.
    pub(in crate::state) fn compared(&mut self, job: JobId, similar: Result<Arc<Similar>, String>) {
        let likeness = &mut self.likeness;
        if (likeness.awaited.take_if(|awaited| awaited.job == job)).is_none() {
            return;
        }
        match similar {
            Ok(similar) => likeness.found = Some(similar),
            Err(message) => likeness.failed = Some(message),
        }
        self.is_order_stale |= self.gallery.alike().is_some();
    }

    /// Do not compare the images, or continue where that was stopped or has failed.
    pub(in crate::state) fn stop_comparing(&mut self, is_stopped: bool) {
        let likeness = &mut self.likeness;
        likeness.is_stopped = is_stopped;
        likeness.failed = None;
        if is_stopped {
            likeness.awaited = None;
        }
    }

    /// The library thread has lost what it was asked for.
    pub(in crate::state) fn likeness_restarted(&mut self) {
        self.likeness.awaited = None;
    }

    /// Show images by how alike they are; `None` shows all.
    pub(in crate::state) fn show_alike(&mut self, alike: Option<Alike>) {
        if self.gallery.alike() != alike.as_ref() {
            if alike.is_some() {
                self.stop_comparing(false);
            }
            self.gallery.set_alike(alike);
            self.is_order_stale = true;
        }
    }

    /// What sorts the images by how like the one looked at they are; `None` without a picture of it.
    pub(in crate::state) fn like_this(&self) -> Option<Alike> {
        let id = self.gallery.run_id(self.image()?)?;
        let is_seen = !self.run.as_ref()?.attempts(id).is_empty();
        is_seen.then_some(Alike::Like(id))
    }

    /// How like an image of the gallery is to the one that the others are sorted by.
    pub fn similarity_of(&self, image: usize) -> Option<f64> {
        let Some(Alike::Like(to)) = self.gallery.alike() else {
            return None;
        };
        let id = self.gallery.run_id(image)?;
        self.similar()?.similarity(*to, id)
    }

    /// Pairs of near duplicates, and how many of them are of different roles.
    pub fn num_twins(&self) -> (usize, usize) {
        let (Some(similar), Some(run)) = (self.similar(), &self.run) else {
            return (0, 0);
        };
        let role = |id: usize| run.images.get(id).map(|image| image.role);
        let has_two = |images: &[usize; 2]| role(images[0]) != role(images[1]);
        let pairs = similar.twins.iter().map(|twins| &twins.images);
        (pairs.len(), pairs.filter(|pair| has_two(pair)).count())
    }

    /// That images of two roles are nearly the same picture.
    pub(super) fn near_duplicates(&self) -> Option<String> {
        let run = self.run.as_ref()?;
        let found = self.similar()?.two_roles(&run.images)?;
        Some(format!("{found}."))
    }

    /// Images of a role on the map.
    pub fn num_on_map(&self, role: Role) -> usize {
        let (Some(similar), Some(run)) = (self.similar(), &self.run) else {
            return 0;
        };
        let on_map = run.images.iter().enumerate();
        on_map
            .filter(|(id, image)| image.role == role && similar.place(*id).is_some())
            .count()
    }
}

fn num_pictures(run: &RunState) -> usize {
    let seen = (0..run.images.len()).filter(|&id| {
        let first = run.attempts(id).first();
        first.is_some_and(|first| SimilarRequest::has_picture(first))
    });
    seen.count()
}
