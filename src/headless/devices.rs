//! `lmd devices`: what networks can run on here.

use serde::Serialize;

use super::{Failure, Outcome, terminal};
use crate::networks::executors::{DeviceChoice, DeviceId, EXECUTORS, ExecutorDef, Listed};

/// Options of `lmd devices`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON array.
    #[arg(long)]
    pub json: bool,
}

/// A device with the word that chooses it.
#[derive(Debug, Serialize)]
struct Row {
    device: String,
    #[serde(flatten)]
    listed: Listed,
}

/// Print the list.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let rows: Vec<Row> = EXECUTORS.iter().flat_map(|it| rows(it)).collect();
    let text = if args.json {
        serde_json::to_string(&rows).map_err(Failure::failed)?
    } else {
        let lines: Vec<String> = rows.iter().map(line).collect();
        lines.join("\n")
    };
    terminal::answer(&text)?;
    Ok(Outcome::Done)
}

fn rows(executor: &'static ExecutorDef) -> Vec<Row> {
    let devices = (executor.list)().into_iter().enumerate();
    devices
        .map(|(ordinal, listed)| Row {
            device: DeviceChoice::Device(DeviceId { executor, ordinal }).to_string(),
            listed,
        })
        .collect()
}

fn line(row: &Row) -> String {
    let Row { device, listed } = row;
    let mut facts = vec![listed.name.clone()];
    if let Some(obstacle) = &listed.obstacle {
        facts.push(format!("cannot be used: {obstacle}"));
    } else {
        facts.push(listed.kind.to_owned());
        facts.extend(listed.api.map(str::to_owned));
        facts.extend(listed.memory_bytes.map(|bytes| {
            let mebibytes = bytes >> 20;
            format!("{mebibytes} MiB in one piece")
        }));
        facts.push(listed.precisions.join(", "));
        facts.extend((!listed.is_automatic).then(|| "not taken by auto".to_owned()));
    }
    format!("{device:<11}{}", facts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_a_device_is_or_why_it_cannot_be_used() {
        let usable = Row {
            device: "gpu:1".to_owned(),
            listed: Listed {
                name: "Some Card".to_owned(),
                kind: "discrete GPU",
                api: Some("Vulkan"),
                memory_bytes: Some(4 << 30),
                precisions: vec!["f32"],
                is_automatic: true,
                obstacle: None,
            },
        };
        assert_eq!(
            line(&usable),
            "gpu:1      Some Card · discrete GPU · Vulkan · 4096 MiB in one piece · f32"
        );
        let mut other = usable;
        other.listed.obstacle = Some("it has 8 threads of the 256 needed".to_owned());
        assert_eq!(
            line(&other),
            "gpu:1      Some Card · cannot be used: it has 8 threads of the 256 needed"
        );
    }
}
