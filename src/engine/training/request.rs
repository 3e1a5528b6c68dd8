//! A training as it is asked for, before its images are read: by options, or by the window's form.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beginning::refuse_existing;
use super::checkpoint::WorkFolder;
use super::data::{self, Gathered};
use super::survey;
use super::{Budget, Start, Training, TrainingError, TrainingSettings, memory};
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::sources::{self, Wanted};
use crate::images::{Geometry, ImageFile, ListError, Listing, ResizeMode, layouts};
use crate::networks::checkpoints::{self, Architecture, Blueprint, ModelSource, NetworkSize};
use crate::networks::executors::cpu::Machine;
use crate::networks::training::{Plan, TimestepDensity, TrainError};
use crate::ood::Role;

/// Minutes where nothing else is asked for.
pub const USUAL_MINUTES: f64 = 20.0;
/// Steps over which the learning rate grows, in runs that are not too short for it.
const USUAL_WARM_UP: usize = 100;

/// What is asked for; what is `None` follows from the images.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRequest {
    /// Where the images are.
    pub sources: Vec<PathBuf>,
    /// The model folder to make.
    pub output: PathBuf,
    /// How long.
    pub budget: Budget,
    /// Pixels a side.
    pub side: Option<usize>,
    /// 1 or 3.
    pub channels: Option<usize>,
    /// The new network.
    pub network: NetworkSize,
    /// The model whose weights to begin from, in place of a new network.
    pub from: Option<ModelSource>,
    /// What that model is, where it does not say all of itself.
    pub architecture: Option<&'static Architecture>,
    /// Images a step.
    pub batch: usize,
    /// Largest learning rate.
    pub learning_rate: Option<f64>,
    /// Whether images are turned left to right at random.
    pub has_flips: bool,
    /// Where timesteps are drawn.
    pub timesteps: TimestepDensity,
    /// How pictures are brought to a square.
    pub resize: ResizeMode,
    /// Decides all that is drawn.
    pub seed: u64,
}

/// A run that is ready, and what to tell of its images.
pub struct Begun {
    pub training: Training,
    /// Files that could not be decoded, each with the reason.
    pub skipped: Vec<(PathBuf, String)>,
    /// What to know of the images, a sentence each.
    pub notes: Vec<String>,
}

/// How the reading of images is watched and stopped.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Stops it.
    pub interrupt: &'a dyn Interrupt,
    /// Told how many images have been read.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

impl TrainingRequest {
    /// A request with nothing but its ends.
    pub fn new(sources: Vec<PathBuf>, output: PathBuf) -> Self {
        Self {
            sources,
            output,
            budget: Budget::Minutes(USUAL_MINUTES),
            side: None,
            channels: None,
            network: NetworkSize::Small,
            from: None,
            architecture: None,
            batch: TrainingSettings::USUAL_BATCH,
            learning_rate: None,
            has_flips: false,
            timesteps: TimestepDensity::default(),
            resize: ResizeMode::Crop,
            seed: 0,
        }
    }

    /// Refuse what shows before images are listed.
    pub fn check(&self) -> Result<(), TrainingError> {
        refuse_existing(&self.output)?;
        check_sources(&self.sources).map(drop)
    }

    /// Read the listed images and begin.
    pub fn begin(
        &self,
        files: &[Arc<ImageFile>],
        machine: Machine,
        reading: Reading<'_>,
    ) -> Result<Begun, TrainingError> {
        self.check()?;
        let model = (self.from.as_ref())
            .map(|source| read_model(source, self.architecture))
            .transpose()?;
        let asked = model.as_ref().map(|model| model.blueprint.geometry());
        let (geometry, is_gray_welcome) = match asked {
            Some(of_model) => (self.geometry_of_model(of_model)?, false),
            None => (self.geometry(files), self.channels.is_none()),
        };
        // A shape that no network has, or one that does not fit, shows before images are read.
        if model.is_none() {
            let model = new_model(self.network, geometry, self.seed)?;
            memory::check(&Plan::new(&model.network).map_err(TrainError::from)?)?;
        }
        let gathered = gather(files, (geometry, self.resize), is_gray_welcome, reading)?;
        let is_trained = model.is_some();
        let geometry = gathered.examples.geometry();
        let start = match model {
            Some(model) => model,
            None => new_model(self.network, geometry, self.seed)?,
        };
        let start = Start {
            sources: self.sources.clone(),
            ..start
        };
        let num_parameters = start.network.num_parameters();
        let settings = TrainingSettings {
            geometry,
            fit: self.resize,
            budget: self.budget,
            batch: self.batch,
            learning_rate: self
                .learning_rate
                .unwrap_or_else(|| TrainingSettings::usual_rate(num_parameters, is_trained)),
            warm_up: match self.budget {
                Budget::Steps(steps) => USUAL_WARM_UP.min(steps / 10),
                Budget::Minutes(_) => USUAL_WARM_UP,
            },
            has_flips: self.has_flips,
            timesteps: self.timesteps,
            seed: self.seed,
        };
        let notes = survey::notes(files, &gathered.examples);
        Ok(Begun {
            training: Training::begin(settings, start, &gathered.examples, &self.output, machine)?,
            skipped: gathered.skipped,
            notes,
        })
    }

    /// The shape that suits the images, as far as it is not asked for.
    pub(super) fn geometry(&self, files: &[Arc<ImageFile>]) -> Geometry {
        let is_color = data::may_be_color(files);
        Geometry {
            channels: self.channels.unwrap_or(if is_color { 3 } else { 1 }),
            side: self.side.unwrap_or_else(|| data::usual_side(files)),
        }
    }

    fn geometry_of_model(&self, of_model: Geometry) -> Result<Geometry, TrainingError> {
        let is_other = self.side.is_some_and(|side| side != of_model.side)
            || (self.channels).is_some_and(|channels| channels != of_model.channels);
        if is_other {
            return Err(TrainingError::OtherShape {
                colors: colors(of_model),
                side: of_model.side,
            });
        }
        Ok(of_model)
    }
}

/// Continue the run of an output that was stopped; it has its own settings.
pub fn resume<E: From<TrainingError>>(
    output: &Path,
    list: impl FnOnce() -> Result<Vec<Arc<ImageFile>>, E>,
    machine: Machine,
    reading: Reading<'_>,
) -> Result<Begun, E> {
    let folder = WorkFolder::open(output)?;
    let (index, state) = folder.load()?;
    let shape = (index.settings.geometry, index.settings.fit);
    let files = list()?;
    let gathered = gather(&files, shape, false, reading)?;
    let notes = survey::notes(&files, &gathered.examples);
    Ok(Begun {
        training: Training::resume((index, state), &gathered.examples, output, folder, machine)?,
        skipped: gathered.skipped,
        notes,
    })
}

/// What the colors of images are called.
pub fn colors(geometry: Geometry) -> &'static str {
    if geometry.channels == 1 {
        "gray"
    } else {
        "RGB"
    }
}

/// All images of all sources.
pub fn list(sources: &[PathBuf], reading: Reading<'_>) -> Result<Listing, TrainingError> {
    let mut all = Listing::default();
    for source in sources {
        let before = all.files.len();
        let mut progress = |count: usize| {
            (reading.progress)(before + count);
            match reading.interrupt.check() {
                Ok(()) => ControlFlow::Continue(()),
                Err(Interrupted) => ControlFlow::Break(()),
            }
        };
        let wanted = Wanted::of_role(Role::InDomain, None);
        let listing =
            sources::list(source, wanted, &mut progress).map_err(|error| match error {
                ListError::Stopped => Interrupted.into(),
                other => TrainingError::from(other),
            })?;
        all.files.extend(listing.files);
        all.unreadable.extend(listing.unreadable);
        all.notes.extend(listing.notes);
    }
    Ok(all)
}

/// Refuse folders of which only a part is good: what anomaly benchmarks and their users put in one folder. Where that is no
/// more than a guess it is among the sentences that are returned.
pub fn check_sources(sources: &[PathBuf]) -> Result<Vec<String>, TrainingError> {
    let mut guesses = Vec::new();
    for path in sources {
        let has = |name: &&str| path.join(name).is_dir();
        let good = ["train/good", "train"].into_iter().find(has);
        let others: Vec<&str> = ["test", "ground_truth"].into_iter().filter(has).collect();
        if let (Some(good), false) = (good, others.is_empty()) {
            return Err(TrainingError::Benchmark {
                good,
                others: others.join(" and "),
                path: path.clone(),
            });
        }
        guesses.extend(layouts::check_to_learn_from(path)?);
    }
    Ok(guesses)
}

fn gather(
    files: &[Arc<ImageFile>],
    shape: (Geometry, ResizeMode),
    is_gray_welcome: bool,
    reading: Reading<'_>,
) -> Result<Gathered, TrainingError> {
    memory::check_images(files.len(), shape.0)?;
    data::gather(
        files,
        shape,
        is_gray_welcome,
        reading.interrupt,
        reading.progress,
    )
}

fn new_model(size: NetworkSize, geometry: Geometry, seed: u64) -> Result<Start, TrainingError> {
    let blueprint = Blueprint::new(size, geometry).map_err(TrainingError::Shape)?;
    Ok(Start {
        network: blueprint.initial(seed),
        blueprint,
        began_from: None,
        sources: Vec::new(),
    })
}

/// A model to begin from.
fn read_model(
    source: &ModelSource,
    architecture: Option<&'static Architecture>,
) -> Result<Start, TrainingError> {
    let checkpoint = checkpoints::load_with(source, architecture.into())?;
    let blueprint = Blueprint::of_checkpoint(&checkpoint)?;
    Ok(Start {
        blueprint,
        network: checkpoint.network,
        began_from: Some(checkpoint.name),
        sources: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_test_images_beside_the_good_ones_is_told_to_be_named_by_its_good_part() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let sources = [folder.path().to_owned()];
        std::fs::create_dir_all(at("train/good")).unwrap();
        check_sources(&sources).unwrap();
        std::fs::create_dir_all(at("test/crack")).unwrap();
        std::fs::create_dir_all(at("ground_truth/crack")).unwrap();
        let told = check_sources(&sources).unwrap_err().to_string();
        assert!(
            told.starts_with(
                "this folder has images to learn from in train/good and others, test and ground_truth"
            ),
            "{told}"
        );
        check_sources(&[at("train/good")]).unwrap();
        std::fs::create_dir_all(at("plain/bad")).unwrap();
        std::fs::create_dir_all(at("plain/good")).unwrap();
        for name in ["plain/bad/1.png", "plain/good/2.png"] {
            std::fs::write(at(name), b"").unwrap();
        }
        let told = check_sources(&[at("plain")]).unwrap_err().to_string();
        assert!(told.contains("bad would be taken for in-domain"), "{told}");
        let good = at("plain/good");
        assert!(
            told.contains(&format!(
                "name the folder of good images, such as {}: ",
                good.display()
            )),
            "{told}"
        );
        // Beside good images a word that says nothing by itself may be that of a defect, or of anything.
        std::fs::rename(at("plain/bad"), at("plain/other")).unwrap();
        let guesses = check_sources(&[at("plain")]).unwrap();
        assert!(guesses[0].contains("other would be taken"), "{guesses:?}");
    }
}
