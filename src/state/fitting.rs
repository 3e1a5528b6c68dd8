//! Fitting the chosen detector on in-domain images: on which, how far it is, and what came of it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::folders::{Folder, ScanState, planned_images};
use super::model::estimated_calls;
use super::notices::Cause;
use super::outbox::Outgoing;
use super::session::Session;
use super::text;
use crate::detectors::DetectorSpec;
use crate::detectors::fitted::Fitting;
use crate::engine::fitting::usual_share;
use crate::images::ContentHash;
use crate::ood::Role;
use crate::runs::RunImage;
use crate::runs::fit_file::{fit_of, fits_of};
use crate::worker::protocol::{
    Command, Control, Event, FitRequest, JobId, Notice, Progress, Severity,
};

/// Why the model can't be used beside a fit.
const BUSY: &str = "The model is busy with the fit of a detector: cancel it to use the model now";
/// Why nothing else can be begun beside a fit.
const UNDER_WAY: &str = "A detector is being fitted. Wait until it is done, or cancel the fit.";
/// A share of the work before which its time can't be told.
const TOO_EARLY: f64 = 0.02;

/// What the next fit takes, as far as the user has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FitForm {
    /// The first images of each in-domain folder, as `lmd fit --limit` takes them; `None` is a usual share.
    pub limit: Option<usize>,
    /// Keys the fit.
    pub seed: u64,
}

/// The images that the next fit takes.
#[derive(Clone, Debug, Default)]
pub struct FitChoice {
    /// The first so many of each folder.
    pub limit: usize,
    /// Images of the largest folder.
    pub most: usize,
    /// Each content once.
    pub images: Arc<[RunImage]>,
    /// In-domain images that stay for scoring.
    pub num_left: usize,
}

/// A fit under way.
#[derive(Debug)]
pub struct FitRun {
    job: JobId,
    control: Control,
    progress: Progress,
    /// Network calls of the whole fit, about.
    num_calls: f64,
    is_cancelled: bool,
}

/// What came of the last fit, or of the last ones of several detectors, besides the fits.
#[derive(Debug, Default)]
struct Outcome {
    /// The name of the detector that was chosen.
    detector: &'static str,
    problem: Option<String>,
    warnings: Vec<Notice>,
}

/// All that is known of fits in this window.
#[derive(Debug, Default)]
pub struct FittingState {
    pub form: FitForm,
    pub choice: FitChoice,
    /// The fit under way.
    pub run: Option<FitRun>,
    /// Folders, detector or form have changed since `choice` was made.
    pub(super) is_stale: bool,
    last: Outcome,
    /// The names of the detectors that are fitted one after the other, the next one first.
    queue: Vec<&'static str>,
}

impl FitRun {
    /// How much of the work is done.
    pub fn share(&self) -> f64 {
        let progress = &self.progress;
        let images = progress.images_done as f64 / progress.num_images.max(1) as f64;
        // Few batches may hold all images: calls tell more, where the detector makes any.
        let calls = progress.network_calls as f64 / self.num_calls.max(1.0);
        images.max(calls).min(1.0)
    }

    /// Where it stands, in a few words.
    pub fn words(&self) -> String {
        let progress = &self.progress;
        if self.is_cancelled {
            return "Ending after the call in hand…".to_owned();
        }
        let has_begun = progress.network_calls > 0 || progress.images_done > 0;
        if !has_begun || progress.images_done == progress.num_images {
            return format!("{}…", progress.activity);
        }
        let share = self.share();
        let left = if share > TOO_EARLY && progress.network_secs > 0.0 {
            let secs = progress.network_secs * (1.0 - share) / share;
            format!(", {} left", text::rough_duration(secs))
        } else {
            String::new()
        };
        let images = text::counted(progress.num_images, "image");
        format!("Looking at {images}, {:.0} % done{left}", 100.0 * share)
    }
}

impl FittingState {
    pub(super) fn job(&self) -> Option<JobId> {
        self.run.as_ref().map(|run| run.job)
    }
}

impl Session {
    /// Whether the worker fits a detector.
    pub fn is_fitting(&self) -> bool {
        self.fitting.run.is_some()
    }

    /// Why no run can be started beside a fit.
    pub fn busy_with_fit(&self) -> Option<&'static str> {
        self.is_fitting().then_some(UNDER_WAY)
    }

    /// Why the model can't be used beside a fit.
    pub(super) fn model_busy_with_fit(&self) -> Option<&'static str> {
        self.is_fitting().then_some(BUSY)
    }

    /// Say why something else can't be begun beside a fit; `false` where there is none.
    pub(super) fn refuse_beside_fit(&mut self) -> bool {
        if self.is_fitting() {
            self.notices.warn_while(Cause::FitUnderWay, UNDER_WAY);
        }
        self.is_fitting()
    }

    /// Why the chosen detector can't be fitted now, a sentence that says what to do.
    pub fn missing_for_fit(&self) -> Option<Cow<'static, str>> {
        let detector = self.settings.run.method.detector.to_fit();
        let label = detector.about().label;
        let Some(fitting) = detector.fitting() else {
            return Some(format!("{label} scores without a fit.").into());
        };
        if self.is_fitting() {
            return Some(UNDER_WAY.into());
        }
        if self.is_running() || self.is_resuming() {
            return Some("A run is under way. Wait for its end, or cancel it.".into());
        }
        if let Some(reason) = (self.missing_opened_model()).or_else(|| self.pending_folder()) {
            return Some(reason.into());
        }
        if let Some(reason) = self.missing_diffusion_model(detector) {
            return Some(reason.into());
        }
        if let Some(reason) = self.missing_weights(detector) {
            return Some(reason.into());
        }
        let (fewest, choice) = (fitting.fewest_images(), &self.fitting.choice);
        let num_images = choice.images.len();
        if num_images == 0 {
            return Some("There are no in-domain images to fit on. Add a folder of them.".into());
        }
        if num_images >= fewest {
            return None;
        }
        let remedy = if choice.limit < choice.most {
            "Raise the number."
        } else {
            "Add more."
        };
        let images = text::counted(num_images, "in-domain image");
        let is = if num_images == 1 { "is" } else { "are" };
        Some(
            format!(
                "{label} is fitted on at least {fewest} images of different content, and {images} {is} taken. {remedy}"
            )
            .into(),
        )
    }

    /// On how many images the next fit is, and how many stay.
    pub fn fit_choice_words(&self) -> String {
        let choice = &self.fitting.choice;
        let images = text::counted(choice.images.len(), "in-domain image");
        match choice.num_left {
            0 => format!("Takes {images}, none stays for scoring"),
            1 => format!("Takes {images}, 1 stays for scoring"),
            count => format!("Takes {images}, {} stay for scoring", text::count(count)),
        }
    }

    /// Why the last fit of the chosen detector gave none, a sentence.
    pub fn fit_problem(&self) -> Option<&str> {
        self.last_fit()?.problem.as_deref()
    }

    /// What should be known of the last fit of the chosen detector.
    pub fn fit_warnings(&self) -> &[Notice] {
        self.last_fit().map_or(&[], |last| &last.warnings)
    }

    fn last_fit(&self) -> Option<&Outcome> {
        let name = self.settings.run.method.detector.about().name;
        Some(&self.fitting.last).filter(|last| last.detector == name)
    }

    pub(super) fn change_fit(&mut self, form: FitForm) {
        self.fitting.form = form;
        self.fitting.is_stale = true;
    }

    /// See which images the next fit takes, where that may have changed.
    pub(super) fn choose_fit_images(&mut self) {
        if !std::mem::take(&mut self.fitting.is_stale) {
            return;
        }
        // Several are fitted on the same images: each other one would leave out more.
        let fittings = self.settings.run.method.detector.fittings().into_iter();
        let Some(fewest) = fittings.map(Fitting::fewest_images).max() else {
            self.fitting.choice = FitChoice::default();
            return;
        };
        let all = in_domain(&self.folders, self.settings.run.selection.limit);
        let usual = usual_share(all.len()).max(fewest);
        self.fitting.choice = match self.fitting.form.limit {
            Some(limit) => FitChoice::new(&self.folders, limit, &all),
            None => FitChoice::usual(&self.folders, usual, &all),
        };
    }

    /// Fit the chosen detector; what it has of a fit stays until there is another. Of several those that are not fitted, or
    /// all where each is.
    pub(super) fn start_fit(&mut self) {
        let chosen = &self.settings.run.method.detector;
        self.fitting.last = Outcome {
            detector: chosen.about().name,
            ..Outcome::default()
        };
        let takes_all = self.is_fitted();
        let fittings = chosen.fittings().into_iter();
        let wanted = fittings.filter(|it| takes_all || it.fitted().is_none());
        self.fitting.queue = wanted.map(|fitting| fitting.about().name).collect();
        self.fit_next();
    }

    /// Fit the next detector of the queue.
    fn fit_next(&mut self) {
        self.choose_fit_images();
        if let Some(reason) = self.missing_for_fit() {
            self.fitting.queue.clear();
            self.notices.say(Severity::Warning, reason);
            return;
        }
        if self.fitting.queue.is_empty() {
            return;
        }
        let name = self.fitting.queue.remove(0);
        let Some(info) = self.model_info() else {
            return;
        };
        let (method, execution) = (&self.settings.run.method, self.settings.run.execution);
        let images = Arc::clone(&self.fitting.choice.images);
        let num_images = images.len();
        let mut each = method.detector.each().iter();
        let Some(detector) = each.find(|part| part.about().name == name) else {
            return;
        };
        let num_calls = estimated_calls(info, &**detector, num_images);
        let request = FitRequest {
            detector: detector.clone(),
            seed: self.fitting.form.seed,
            resize: method.resize,
            batch: execution.batch,
            images,
        };
        let job = self.outbox.mint_job();
        let control = Control::default();
        self.fitting.run = Some(FitRun {
            job,
            control: control.clone(),
            progress: Progress {
                num_images,
                activity: "Starting".to_owned(),
                ..Progress::default()
            },
            num_calls,
            is_cancelled: false,
        });
        self.outbox.push_back(Outgoing::Worker(Command::Fit {
            job,
            request,
            device: execution.device,
            control,
        }));
    }

    pub(super) fn cancel_fit(&mut self) {
        if let Some(run) = &mut self.fitting.run {
            run.is_cancelled = true;
            run.control.cancel();
        }
    }

    /// A fit under way gives nothing, for this reason.
    pub(super) fn fit_failed(&mut self, reason: &str) {
        if let Some(run) = self.fitting.run.take() {
            run.control.cancel();
            self.fitting.queue.clear();
            self.fitting.last.problem = Some(text::sentences(reason));
        }
    }

    /// Take an event of the fit under way.
    pub(super) fn apply_fit(&mut self, event: Event) {
        let Some(run) = &mut self.fitting.run else {
            return;
        };
        match event {
            Event::Progress { progress, .. } => {
                run.progress = Progress {
                    // The model may have to be read first.
                    num_images: run.progress.num_images,
                    ..progress
                };
            }
            Event::Notice { notice, .. } => self.fitting.last.warnings.push(notice),
            Event::Fitted { detector, .. } => {
                if !run.is_cancelled {
                    self.fit_made(detector);
                }
            }
            Event::Failed { message, .. } => self.fit_failed(&message),
            Event::Done { .. } => {
                self.fitting.run = None;
                if !self.fitting.queue.is_empty() {
                    self.fit_next();
                }
            }
            Event::Cancelled { .. } => {
                self.fitting.run = None;
                self.fitting.queue.clear();
            }
            Event::ModelOpened { .. }
            | Event::ModelIncomplete { .. }
            | Event::Traced { .. }
            | Event::Mapped { .. }
            | Event::Saving { .. } => {}
        }
    }

    fn fit_made(&mut self, detector: DetectorSpec) {
        let mut each = self.settings.run.method.detector.each().iter();
        if each.any(|part| without_fit(part) == without_fit(&detector)) {
            if self.ranking.is_active() {
                // The comparison goes back to the settings before it.
                self.set_fit(detector);
            } else {
                self.use_fit(detector);
            }
        } else {
            self.fitting.queue.clear();
            self.fitting.last.problem = Some(
                "The detector was changed before the fit was done, so the fit is not used. Fit again."
                    .to_owned(),
            );
        }
    }

    /// Score by a detector that was fitted on in-domain images, as `lmd score --fitted` does.
    pub(super) fn use_fit(&mut self, detector: DetectorSpec) {
        let former = self.settings.run.clone();
        let summary = text::capitalized(&detector.summary());
        self.set_fit(detector);
        if former != self.settings.run {
            self.history.remember_fit(former);
        }
        self.notices
            .say(Severity::Info, format!("{summary} scores the next run."));
    }

    fn set_fit(&mut self, detector: DetectorSpec) {
        let mut run = self.settings.run.clone();
        if let Some(fitted) = fit_of(&*detector) {
            run.method.resize = fitted.resize();
        }
        let chosen = &mut run.method.detector;
        if !chosen.put(detector.clone()) {
            // One of several joins them.
            let mut each = chosen.each().to_vec();
            each.push(detector.clone());
            let together = DetectorSpec::together(each).ok();
            *chosen = together
                .filter(|_| chosen.each().len() > 1)
                .unwrap_or(detector);
        }
        self.change_settings(run);
    }

    /// Fits that the chosen detector has, of several all of theirs.
    pub fn num_fits(&self) -> usize {
        fits_of(&*self.settings.run.method.detector).len()
    }

    /// Whether the chosen detector has a fit, or each of several that takes one.
    pub fn is_fitted(&self) -> bool {
        fit_of(&**self.settings.run.method.detector.to_fit()).is_some()
    }
}

impl FitChoice {
    /// The first `limit` of each folder; `all` are the in-domain images that a run would score.
    fn new(folders: &[Folder], limit: usize, all: &[RunImage]) -> Self {
        let images = in_domain(folders, Some(limit));
        let contents: HashSet<ContentHash> = images.iter().map(|image| image.file.hash).collect();
        let is_left = |image: &&RunImage| !contents.contains(&image.file.hash);
        Self {
            limit,
            most: largest(folders),
            num_left: all.iter().filter(is_left).count(),
            images: images.into(),
        }
    }

    /// At least so many images, as many of each folder as it has.
    fn usual(folders: &[Folder], num_images: usize, all: &[RunImage]) -> Self {
        let listed = listings(folders).count().max(1);
        let most = largest(folders);
        let mut limit = 0;
        loop {
            let missing = num_images - in_domain(folders, Some(limit)).len().min(num_images);
            if missing == 0 || limit >= most {
                return Self::new(folders, limit.max(1), all);
            }
            // Folders may be too small for their share, and copies count once.
            limit = (limit + missing.div_ceil(listed)).min(most);
        }
    }
}

/// The number of images of each in-domain folder.
fn listings(folders: &[Folder]) -> impl Iterator<Item = usize> {
    let in_domain = folders
        .iter()
        .filter(|folder| folder.role == Role::InDomain);
    in_domain.filter_map(|folder| match &folder.scan {
        ScanState::Ready(listing) => Some(listing.files.len()),
        _ => None,
    })
}

fn largest(folders: &[Folder]) -> usize {
    listings(folders).max().unwrap_or_default()
}

/// In-domain images as a run takes them, those that a detector was fitted on among them.
fn in_domain(folders: &[Folder], limit: Option<usize>) -> Vec<RunImage> {
    let (mut images, _) = planned_images(folders, limit);
    images.retain(|image| image.role == Role::InDomain);
    images
}

fn without_fit(detector: &DetectorSpec) -> DetectorSpec {
    let mut detector = detector.clone();
    if let Some(settings) = detector.fitting_mut() {
        settings.set_fitted(None);
    }
    detector
}

#[cfg(test)]
#[path = "fitting_tests.rs"]
mod tests;
