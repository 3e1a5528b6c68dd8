//! `lmd paper`: the paper's tables again, from models of one's own, and the frontier that it left open.

mod results;
mod tables;
mod turned;

use std::path::{Path, PathBuf};

use clap::{Args as _, FromArgMatches as _};

use self::results::Found;
use self::tables::{NAMES, Row, Set, Table};
use super::collect::Collected;
use super::execute::{self, Request};
use super::options::{ArchitectureOption, check_limit};
use super::output::{self, Target};
use super::signals::Signals;
use super::{Failure, Outcome, resume, score, stored, terminal};
use crate::detectors::lmd::{Lift, Lmd};
use crate::engine::{Control, Engine, error_chain};
use crate::images::write::write_atomically;
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::{self, Bundled, ModelSource};
use crate::networks::executors::DeviceChoice;
use crate::ood::Role;
use crate::runs::file::{self, EXTENSION, KeepPictures, StoredScores};
use crate::runs::{RunImage, RunSettings};

/// Options of `lmd paper`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the data sets: mnist, kmnist and fashion-mnist, each with its t10k-images-idx3-ubyte.gz.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The folder of their models, of the same names [default: the bundled models]
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// The tables to make [default: all]
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = NAMES)]
    pub rows: Vec<String>,
    /// Test images of each data set; the paper uses all 10,000.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub limit: usize,
    /// Attempts per image, where a table does not say otherwise; the paper makes 10.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub attempts: usize,
    /// Steps of DDIM, where a table does not say otherwise; the paper takes 1000 of another sampler.
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub steps: usize,
    /// Network calls per image of the frontier's costliest settings.
    #[arg(long, value_name = "N", default_value_t = tables::MOST_CALLS)]
    pub most_calls: usize,
    /// Keys the noise, together with each image's content.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where to run.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Say how long it takes, and end.
    #[arg(long)]
    pub estimate: bool,
    /// The folder for the tables and the run files. The same command again uses the runs that are finished and goes on with
    /// one that is not.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace run files of other settings, models or images.
    #[arg(long)]
    pub overwrite: bool,
}

/// A run that rows of the tables are taken from.
#[derive(Clone, Debug, PartialEq)]
struct Work {
    inside: Set,
    /// All that any table holds against it.
    outside: Vec<Set>,
    lmd: Lmd,
}

/// How a run came out.
enum Ended {
    Finished(Box<StoredScores>),
    Interrupted(Outcome),
}

/// Make the runs one by one; the tables are written after each.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    check_limit(Some(args.limit))?;
    let signals = Signals::catch().map_err(Failure::failed)?;
    let mut usual = Lmd::default();
    (usual.num_attempts, usual.sampler.num_steps) = (args.attempts, Some(args.steps));
    let tables = tables::tables(&args.rows, &usual, args.most_calls);
    let study = Study { args, signals };
    let works = works(&tables, &tables::tables(&[], &usual, args.most_calls));
    let (mut plan, mut read) = (Vec::new(), Read::default());
    for work in works {
        plan.push((study.look(&work, &mut read)?, work));
    }
    study.tell_hours(&plan)?;
    if args.estimate {
        return Ok(Outcome::Done);
    }
    output::check_writable(&args.output)?;
    let mut done: Vec<(Work, Result<StoredScores, String>)> = Vec::new();
    for (looked, work) in plan {
        let scores = match looked {
            Looked::Missing(reason) => Err(reason),
            Looked::Ready(ready) => match study.carry_out(&work, *ready)? {
                Ended::Finished(scores) => Ok(*scores),
                Ended::Interrupted(outcome) => {
                    terminal::message("what is finished is kept; the same command continues");
                    return Ok(outcome);
                }
            },
        };
        done.push((work, scores));
        study.write(&tables, &done)?;
    }
    terminal::answer(&args.output.display().to_string())?;
    Ok(Outcome::Done)
}

/// The runs that these tables take, each once; `all` are the tables that share their files.
fn works(asked: &[Table], all: &[Table]) -> Vec<Work> {
    let mut works: Vec<Work> = Vec::new();
    for row in asked.iter().flat_map(|table| &table.rows) {
        let is_same = |other: &&Row| {
            other.pair.0 == row.pair.0
                && other.pair.1.is_turned() == row.pair.1.is_turned()
                && other.lmd == row.lmd
        };
        let rows = all.iter().flat_map(|table| &table.rows).filter(is_same);
        let mut outside: Vec<Set> = rows.map(|row| row.pair.1).collect();
        outside.sort_by_key(|set| Set::ALL.iter().position(|it| it == set));
        outside.dedup();
        let work = Work {
            inside: row.pair.0,
            outside,
            lmd: row.lmd.clone(),
        };
        if !works.contains(&work) {
            works.push(work);
        }
    }
    works
}

impl Work {
    /// Of its run file.
    fn name(&self) -> String {
        let Lmd { mask, grid, .. } = &self.lmd;
        let lift = match self.lmd.lift {
            Lift::Inpaint => format!("{mask}-{grid}"),
            Lift::Denoise { start_timestep } => {
                format!("denoise-{start_timestep}")
            }
        };
        let is_turned = self.outside.iter().any(|set| set.is_turned());
        format!(
            "{}{}-{lift}-steps-{}-eta-{}-attempts-{}",
            self.inside.name(),
            if is_turned { "-turned" } else { "" },
            self.lmd.sampler.num_steps(1000),
            self.lmd.sampler.eta,
            self.lmd.num_attempts
        )
    }
}

/// What is known of a key, found out when it is asked for first.
fn once<K: PartialEq, V>(
    known: &mut Vec<(K, V)>,
    key: K,
    find_out: impl FnOnce(&K) -> Result<V, Failure>,
) -> Result<&V, Failure> {
    let place = known.iter().position(|(of, _)| *of == key);
    if place.is_none() {
        let value = find_out(&key)?;
        known.push((key, value));
    }
    Ok(&known[place.unwrap_or(known.len() - 1)].1)
}

fn identity(source: &ModelSource) -> Result<ModelIdentity, Failure> {
    let checkpoint = checkpoints::load(source).map_err(Failure::bad_request)?;
    Ok(checkpoint.identity)
}

/// What there is of a run before work.
enum Looked {
    /// It can't be made, for this reason.
    Missing(String),
    Ready(Box<Ready>),
}

struct Ready {
    source: ModelSource,
    settings: RunSettings,
    folders: Vec<(Role, PathBuf)>,
    path: PathBuf,
    num_images: usize,
    /// The run as it is, finished or not.
    found: Option<StoredScores>,
}

/// Files of images with their roles.
type Folders = Vec<(Role, PathBuf)>;

/// What several runs share, read once.
#[derive(Default)]
struct Read {
    images: Vec<(Folders, Vec<RunImage>)>,
    models: Vec<(ModelSource, ModelIdentity)>,
}

struct Study<'a> {
    args: &'a Args,
    signals: Signals,
}

impl Study<'_> {
    /// The model of a data set, or what to do where there is none.
    fn model(&self, set: Set) -> Result<ModelSource, String> {
        let folder = self
            .args
            .models
            .as_deref()
            .map(|models| models.join(set.name()));
        match folder {
            Some(folder) if folder.exists() => Ok(ModelSource::Path(folder)),
            _ if set == Set::FashionMnist => Ok(ModelSource::BUNDLED),
            _ if set == Set::Mnist => Ok(ModelSource::Bundled(Bundled::Mnist)),
            folder => {
                let place = folder.unwrap_or_else(|| Path::new("MODELS").join(set.name()));
                Err(format!(
                    "there is no model of {set}; make one by lmd train --size 32 --in-domain {} --output {}, and give its folder's \
                     folder as --models",
                    output::quoted(
                        &self
                            .args
                            .data
                            .join(set.name())
                            .join("train-images-idx3-ubyte.gz")
                    ),
                    output::quoted(&place)
                ))
            }
        }
    }

    fn look(&self, work: &Work, read: &mut Read) -> Result<Looked, Failure> {
        let source = match self.model(work.inside) {
            Ok(source) => source,
            Err(reason) => return Ok(Looked::Missing(reason)),
        };
        let mut folders = vec![(Role::InDomain, work.inside.test_images(&self.args.data))];
        for &set in &work.outside {
            folders.push((Role::OutOfDomain, self.test_images(set)?));
        }
        if let Some((_, missing)) = folders.iter().find(|(_, path)| !path.is_file()) {
            let reason = format!("its images are not there: {}", missing.display());
            return Ok(Looked::Missing(reason));
        }
        let mut settings = RunSettings::by_lmd(work.lmd.clone());
        settings.method.seed = self.args.seed;
        settings.selection.limit = Some(self.args.limit);
        settings.execution.device = self.args.device;
        let path = self
            .args
            .output
            .join(work.name())
            .with_added_extension(EXTENSION);
        let images = once(&mut read.images, folders.clone(), |folders| {
            self.images(folders)
        })?;
        let identity = once(&mut read.models, source.clone(), identity)?;
        Ok(Looked::Ready(Box::new(Ready {
            found: self.found(&path, &settings, identity, images)?,
            num_images: images.len(),
            source,
            settings,
            folders,
            path,
        })))
    }

    /// Where the test images of a data set are. Those upside down are made, but for an estimate, which leaves nothing behind and
    /// which as many others do for.
    fn test_images(&self, set: Set) -> Result<PathBuf, Failure> {
        let Some(upright) = set.turned_back() else {
            return Ok(set.test_images(&self.args.data));
        };
        let from = upright.test_images(&self.args.data);
        if self.args.estimate || !from.is_file() {
            return Ok(from);
        }
        let to = self
            .args
            .output
            .join(set.name())
            .join("t10k-images-idx3-ubyte");
        turned::write(&from, &to, self.args.limit).map_err(|error| {
            Failure::bad_request(anyhow::anyhow!(
                "test images can't be turned upside down: {error}: {} to {}",
                from.display(),
                to.display()
            ))
        })?;
        Ok(to)
    }

    fn images(&self, folders: &Folders) -> Result<Vec<RunImage>, Failure> {
        let mut collected = Collected::until(&self.signals);
        for (role, path) in folders {
            collected.add(*role, path, Some(self.args.limit))?;
        }
        collected.settle();
        Ok(collected.images)
    }

    /// The run that is there already, which must be the same.
    fn found(
        &self,
        path: &Path,
        settings: &RunSettings,
        identity: &ModelIdentity,
        images: &[RunImage],
    ) -> Result<Option<StoredScores>, Failure> {
        if !path.exists() {
            return Ok(None);
        }
        let run = file::read_scores(path).map_err(Failure::bad_request)?;
        let method = run.manifest.settings().method;
        if stored::is_same_run(&run, &method, &settings.method, identity, images) {
            return Ok(Some(run));
        }
        if self.args.overwrite {
            return Ok(None);
        }
        Err(Failure::bad_request(anyhow::anyhow!(
            "a run of other settings, another model or other images is there already; replace it by --overwrite, or give another \
             --output: {}",
            path.display()
        )))
    }

    /// Say how long it takes, by timing each model.
    fn tell_hours(&self, plan: &[(Looked, Work)]) -> Result<(), Failure> {
        let mut speeds: Vec<(ModelSource, f64)> = Vec::new();
        let (mut secs, mut num_finished, mut num_missing) = (0.0, 0, 0);
        for (looked, work) in plan {
            let Looked::Ready(ready) = looked else {
                num_missing += 1;
                continue;
            };
            let found = ready.found.as_ref();
            if found.is_some_and(StoredScores::is_finished) {
                num_finished += 1;
                continue;
            }
            let known = speeds.iter().find(|(source, _)| *source == ready.source);
            let speed = if let Some((_, speed)) = known {
                *speed
            } else {
                let engine = Engine::open(&ready.source, self.args.device, &Control::default());
                let engine = engine.map_err(|error| {
                    Failure::bad_request(anyhow::Error::msg(error_chain(&error)))
                })?;
                let speed = engine.info.calls_per_second();
                speeds.push((ready.source.clone(), speed));
                speed
            };
            let num_done = found.map_or(0, |run| run.attempts.iter().map(Vec::len).sum());
            let left = ready.num_images * work.lmd.num_attempts - num_done;
            let num_steps = work.lmd.sampler.num_steps(1000);
            secs += (left * work.lmd.sampler.num_calls(num_steps)) as f64 / speed;
        }
        terminal::message(&format!(
            "{} runs, {num_finished} of them finished, {num_missing} can't be made; what is left takes about {:.1} hours of network \
             calls here",
            plan.len(),
            secs / 3600.0
        ));
        Ok(())
    }

    fn carry_out(&self, work: &Work, ready: Ready) -> Result<Ended, Failure> {
        let Ready {
            source,
            settings,
            folders,
            path,
            found,
            ..
        } = ready;
        let prepared = match found {
            Some(run) if run.is_finished() => return Ok(Ended::Finished(Box::new(run))),
            Some(_) => {
                terminal::message(&format!("\n{}: going on", work.name()));
                let options = score::Args::augment_args(clap::Command::new("score"));
                let resume = [
                    "score".into(),
                    "--resume".into(),
                    path.clone().into_os_string(),
                ];
                let matches = options
                    .try_get_matches_from(resume)
                    .map_err(Failure::failed)?;
                let options = score::Args::from_arg_matches(&matches).map_err(Failure::failed)?;
                resume::prepare(&path, &options, &self.signals)?
            }
            None => {
                terminal::message(&format!("\n{}", work.name()));
                let request = Request {
                    source,
                    architecture: ArchitectureOption::default(),
                    settings,
                    is_measure_asked: false,
                    fit_files: Vec::new(),
                    folders,
                    watch: Vec::new(),
                    is_json: false,
                    shard: None,
                    keep_pictures: KeepPictures::None,
                    target: Target {
                        report: None,
                        run_file: path.clone(),
                        may_overwrite: self.args.overwrite,
                        is_default: false,
                    },
                };
                execute::prepare(&request, &self.signals)?
            }
        };
        let (outcome, _) = execute::carry_out(prepared, &self.signals)?;
        if outcome != Outcome::Done {
            return Ok(Ended::Interrupted(outcome));
        }
        let scores = file::read_scores(&path).map_err(Failure::failed)?;
        Ok(Ended::Finished(Box::new(scores)))
    }

    /// Write the tables as far as they are known.
    fn write(
        &self,
        tables: &[Table],
        done: &[(Work, Result<StoredScores, String>)],
    ) -> Result<(), Failure> {
        for table in tables {
            let of_row = |row: &Row| -> Found {
                let is_of = |work: &Work| {
                    work.inside == row.pair.0
                        && work.outside.contains(&row.pair.1)
                        && work.lmd == row.lmd
                };
                let figure = match done.iter().find(|(work, _)| is_of(work)) {
                    None => Err("not yet".to_owned()),
                    Some((_, Err(reason))) => Err(reason.clone()),
                    Some((_, Ok(run))) => results::figure(row, run),
                };
                (row.clone(), figure)
            };
            let found: Vec<Found> = table.rows.iter().map(of_row).collect();
            let is_bounded =
                table.name == tables::FRONTIER && self.args.most_calls != tables::MOST_CALLS;
            let bound = if is_bounded {
                format!(" --most-calls {}", self.args.most_calls)
            } else {
                String::new()
            };
            let command = format!(
                "lmd paper --data DATA --models MODELS --rows {}{bound} --limit {} --attempts {} --steps {} --seed {} --output \
                 RESULTS",
                table.name, self.args.limit, self.args.attempts, self.args.steps, self.args.seed
            );
            for (extension, text) in [
                ("md", results::markdown(table, &found, &command)),
                ("csv", results::csv(table, &found)),
            ] {
                let path = self.args.output.join(table.name).with_extension(extension);
                write_atomically(&path, text.as_bytes()).map_err(|error| {
                    Failure::failed(anyhow::anyhow!(
                        "the table can't be written: {error}: {}",
                        path.display()
                    ))
                })?;
            }
        }
        Ok(())
    }
}
