//! `lmd score`: score folders of images and write a report.

use std::path::PathBuf;

use clap::ValueEnum;

use super::execute::{self, Request};
use super::layouts::LayoutOptions;
use super::options::{ArchitectureOption, ScoringOptions};
use super::signals::Signals;
use super::{Failure, Outcome, estimate, options, output, resume, shard, terminal};
use crate::images::sources::labels;
use crate::ood::Role;
use crate::runs::file::{KeepPictures, Shard};

/// Options of `lmd score`.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program. Detectors that were fitted without one need none.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images like those the model was trained on; MODEL:calibration is what the
    /// training of that model left alone.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present_any = ["labels", "layout", "resume", "unknown", "watch"])]
    pub in_domain: Vec<PathBuf>,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images known not to belong.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub out_of_domain: Vec<PathBuf>,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images to be judged.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub unknown: Vec<PathBuf>,
    /// Folders whose images are judged, those that are there and those that come: each is scored as soon as it is whole, added
    /// to the run and told by a line of path, score and p-value (among the in-domain images, if there are some). Ctrl+C ends
    /// the run, and --resume goes on.
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with = "shard")]
    pub watch: Vec<PathBuf>,
    /// Tables (.csv, .tsv, .jsonl) with the columns path and label (in-domain, out-of-domain or unknown, and words such as
    /// good, normal, defect, 0, 1), instead of folders or beside them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub labels: Vec<PathBuf>,
    /// Folders and tables whose names say what is in them.
    #[command(flatten)]
    pub layouts: LayoutOptions,
    /// How images are scored.
    #[command(flatten)]
    pub scoring: ScoringOptions,
    /// Score only part I of N of the images, to share a list between machines; auto reads the variables of a Slurm array,
    /// a Kubernetes indexed job or GNU parallel, or `LMD_SHARD_INDEX` (from 0 on); all but Slurm need `LMD_SHARD_COUNT`.
    #[arg(long, value_name = "I/N", value_parser = shard::parse)]
    pub shard: Option<Shard>,
    /// Which inpainted pictures the run file keeps.
    #[arg(long, value_enum, default_value = "all")]
    pub keep_pictures: KeepName,
    /// Go on with a run that was stopped.
    #[arg(long, value_name = "FILE", conflicts_with_all = fixed_by_a_run())]
    pub resume: Option<PathBuf>,
    /// Resume without the images whose files are missing or have changed.
    #[arg(long, requires = "resume")]
    pub skip_changed: bool,
    /// Resume although another version or device made the scores so far on this machine; they may differ from the fifth
    /// digit on.
    #[arg(long, requires = "resume")]
    pub mix_kernels: bool,
    /// A run file to write (NAME.lmdrun), or a report folder, which gets run.lmdrun too
    /// [default: ./lmd-report-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace a run file, or write into a folder that is not empty.
    #[arg(long)]
    pub overwrite: bool,
    /// Say what the run would take, by scoring some of its images, and make none: time, images per day and room.
    #[arg(long, conflicts_with_all = ["resume", "watch"])]
    pub estimate: bool,
    /// With --estimate: machines like this one that share the images.
    #[arg(long, value_name = "N", default_value = "1", requires = "estimate", value_parser = clap::value_parser!(u32).range(1..))]
    pub machines: u32,
    /// With --estimate: the price of a machine per hour, in any currency.
    #[arg(long, value_name = "PRICE", requires = "estimate")]
    pub price_per_hour: Option<f64>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What a run file decides, besides how its images are scored.
const FIXED_BY_A_RUN: [&str; 8] = [
    "in_domain",
    "out_of_domain",
    "unknown",
    "labels",
    "layout",
    "changes",
    "shard",
    "keep_pictures",
];

/// All that a run file decides.
fn fixed_by_a_run() -> Vec<clap::Id> {
    let ids = FIXED_BY_A_RUN.map(clap::Id::from).into_iter();
    let mut decided = options::deciding_ids();
    // They may have moved; that they are the same is seen by their content.
    decided.retain(|id| !["distance_weights", "feature_weights"].contains(&id.as_str()));
    ids.chain(decided).collect()
}

/// [`KeepPictures`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeepName {
    /// Each attempt's.
    All,
    /// The median attempt's.
    Median,
    /// None.
    None,
}

/// Score, write the report, print what was asked for.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let signals = Signals::catch().map_err(Failure::failed)?;
    if args.estimate {
        return estimate::run(&request(args)?, args, &signals);
    }
    let prepared = match &args.resume {
        Some(path) => resume::prepare(path, args, &signals)?,
        None => execute::prepare(&request(args)?, &signals)?,
    };
    let shown = prepared.target.shown().display().to_string();
    let (outcome, summary) = execute::carry_out(prepared, &signals)?;
    if args.json {
        let json = serde_json::to_string(&summary).map_err(Failure::failed)?;
        terminal::answer(&json)?;
    } else {
        terminal::answer(&shown)?;
    }
    Ok(outcome)
}

/// Each of these folders, with this role.
pub fn with_role(role: Role, paths: &[PathBuf]) -> Vec<(Role, PathBuf)> {
    paths.iter().map(|path| (role, path.clone())).collect()
}

fn request(args: &Args) -> Result<Request, Failure> {
    let settings = args.scoring.settings()?;
    Ok(Request {
        source: options::model_source(args.model.as_deref(), args.architecture, &settings)?,
        architecture: args.architecture,
        settings,
        fit_files: args.scoring.fitted.clone(),
        is_measure_asked: args.scoring.distance.is_some(),
        folders: [
            with_role(Role::InDomain, &args.in_domain),
            with_role(Role::OutOfDomain, &args.out_of_domain),
            with_role(Role::Unknown, &args.unknown),
            from_tables(&args.labels)?,
            args.layouts.sources()?,
        ]
        .concat(),
        watch: args.watch.clone(),
        is_json: args.json,
        shard: args.shard,
        keep_pictures: match args.keep_pictures {
            KeepName::All => KeepPictures::All,
            KeepName::Median => KeepPictures::Median,
            KeepName::None => KeepPictures::None,
        },
        target: output::target(args.output.as_deref(), args.overwrite)?,
    })
}

/// Each table stands for a folder of each role that it names.
fn from_tables(tables: &[PathBuf]) -> Result<Vec<(Role, PathBuf)>, Failure> {
    let mut folders = Vec::new();
    for table in tables {
        let entries = labels::read(table).map_err(Failure::bad_request)?;
        if !labels::is_table(table) {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "a table of labels must be a .csv, .tsv or .jsonl file: {}",
                table.display()
            )));
        }
        let named = |role: &Role| entries.iter().any(|(_, of)| of == role);
        let roles = Role::ALL.into_iter().filter(named);
        folders.extend(roles.map(|role| (role, table.clone())));
    }
    Ok(folders)
}
