//! `lmd info MODEL`: what a model is.

use std::path::PathBuf;

use serde_json::json;

use super::options::ArchitectureOption;
use super::{Failure, Outcome, device, terminal};
use crate::networks::checkpoints::{ModelSource, Setting};

/// Options of `lmd info`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    pub model: PathBuf,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// A value for a line: lists of a thousand betas are told by their beginning.
fn shortened(value: &str) -> String {
    const MOST: usize = 100;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Print what the model is.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let source = ModelSource::named(&args.model);
    let checkpoint = args.architecture.look(&source)?;
    let network = &checkpoint.network;
    let (side, channels) = (network.image_size, network.in_channels);
    let (parameters, flops) = (network.num_parameters(), network.flops_per_image());
    let schedule = checkpoint.schedule.to_string();
    let text = if args.json {
        json!({
            "name": checkpoint.name,
            "family": checkpoint.family,
            "image_size": side,
            "channels": channels,
            "parameters": parameters,
            "flops_per_call": flops,
            "train_timesteps": checkpoint.schedule.num_train_timesteps(),
            "schedule": schedule,
            "weights_sha256": checkpoint.identity.weights_sha256,
            "tensors": checkpoint.num_tensors,
            "settings": checkpoint.settings,
            "notes": checkpoint.notes,
            "devices": device::names_in_this_build(),
        })
        .to_string()
    } else {
        let mut lines = vec![
            format!("name        {}", checkpoint.name),
            format!("family      {}", checkpoint.family),
            format!("images      {side} x {side}, {channels} channels"),
            format!(
                "parameters  {parameters} in {} tensors",
                checkpoint.num_tensors
            ),
            format!(
                "arithmetic  {:.2} GFLOP per image and call",
                flops as f64 / 1e9
            ),
            format!("schedule    {schedule}"),
            format!("weights     SHA-256 {}", checkpoint.identity.weights_sha256),
        ];
        lines.push(format!(
            "devices     {} (of this build)",
            device::names_in_this_build().join(", ")
        ));
        let width = checkpoint.settings.iter().map(|it| it.name.len()).max();
        lines.extend(checkpoint.settings.iter().map(|setting| {
            let Setting {
                name,
                value,
                origin,
            } = setting;
            let width = width.unwrap_or(0);
            format!("setting     {name:width$}  {} ({origin})", shortened(value))
        }));
        lines.extend(
            checkpoint
                .notes
                .iter()
                .map(|note| format!("warning     {note}")),
        );
        lines.join("\n")
    };
    terminal::answer(&text)?;
    Ok(Outcome::Done)
}
