//! `lmd score --estimate`: what a run will take, by scoring some of its images.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::execute::{self, Listed, Request};
use super::follow::watched;
use super::score::Args;
use super::signals::Signals;
use super::{Failure, Outcome, terminal};
use crate::engine::{Control, Engine, RunRequest, error_chain, score};
use crate::runs::{ResultLog, RunImage, RunSettings};

/// Network calls are made for about so many seconds, in each of two rounds.
const SECONDS: f64 = 8.0;
/// Images of a round at most: more hardly change the outcome.
const MOST_IMAGES: usize = 512;

/// Seconds per image, by what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    /// Whatever the number of attempts: reading the image, and what is worked out of it once.
    per_image: f64,
    per_attempt: f64,
}

impl Cost {
    /// By the seconds per image of a round of one attempt and of one of two.
    fn fitted(by_one: f64, by_two: f64) -> Self {
        // Images that take next to nothing may come out as less than nothing.
        let per_attempt = (by_two - by_one).clamp(0.0, by_one);
        Self {
            per_image: by_one - per_attempt,
            per_attempt,
        }
    }

    fn of(self, num_attempts: usize) -> f64 {
        self.per_image + self.per_attempt * num_attempts as f64
    }
}

/// Say what a run would take, and make none.
pub fn run(request: &Request, args: &Args, signals: &Signals) -> Result<Outcome, Failure> {
    let Listed { images, .. } = execute::list(request, signals)?;
    let images: Vec<RunImage> = images.into_iter().map(|(image, _)| image).collect();
    let settings = &request.settings;
    let checked = execute::check((&request.source, request.architecture), settings, &images)?;
    let geometry = checked.model.geometry;
    let measured = watched(signals, |control| {
        let engine = Engine::new(checked.checkpoint, settings.execution.device, control);
        let mut engine = engine.map_err(|error| error_chain(&error))?;
        measure(&mut engine, settings, &images, control)
    })?;
    if let Some(code) = signals.exit_code() {
        return Ok(Outcome::Interrupted(code));
    }
    let measured = measured.map_err(|error| Failure::failed(anyhow::Error::msg(error)))?;
    let detector = &settings.method.detector;
    let estimate = Estimate {
        num_images: images.len(),
        num_attempts: detector.num_attempts(),
        calls_per_image: detector.total_calls(measured.num_train_timesteps),
        seconds_per_image: measured.cost.of(detector.num_attempts()),
        bytes: (request.keep_pictures).expected_bytes(
            geometry,
            images.len(),
            detector.num_results(),
        ),
        device: measured.device,
        machines: args.machines as usize,
        price: args.price_per_hour,
    };
    terminal::answer(&if args.json {
        estimate.json().to_string()
    } else {
        estimate.to_string()
    })?;
    Ok(Outcome::Done)
}

struct Measured {
    cost: Cost,
    device: String,
    num_train_timesteps: usize,
}

/// Score some of the images, spread over the list, once and then twice.
fn measure(
    engine: &mut Engine,
    settings: &RunSettings,
    images: &[RunImage],
    control: &Control,
) -> Result<Measured, String> {
    let mut settings = settings.clone();
    let may_vary = settings.method.detector.lmd().is_some();
    let num_train_timesteps = engine.info.num_train_timesteps;
    let mut round = |num_attempts: usize, most: usize| -> Result<f64, String> {
        if let Some(lmd) = settings.method.detector.lmd_mut() {
            lmd.num_attempts = num_attempts;
        }
        let request = RunRequest {
            settings: settings.clone(),
            images: spread(images, most),
            results: Arc::new(ResultLog::default()),
            saving: None,
        };
        let begin = Instant::now();
        let (progress, outcome) = score::run(engine, &request, control, &mut Vec::new());
        outcome.map_err(|error| error_chain(&error))?;
        let num_scored = request.images.len() - progress.images_skipped;
        Ok(begin.elapsed().as_secs_f64() / num_scored.max(1) as f64)
    };
    // The first images show how many fill the time; they also wake what sleeps until it is needed.
    let first = round(1, 4)?;
    let most = (SECONDS / first.max(1e-9)).clamp(1.0, MOST_IMAGES as f64) as usize;
    let by_one = round(1, most)?;
    let cost = if may_vary {
        Cost::fitted(by_one, round(2, most.div_ceil(2))?)
    } else {
        Cost {
            per_image: by_one,
            per_attempt: 0.0,
        }
    };
    Ok(Measured {
        cost,
        device: engine.info.device.to_string(),
        num_train_timesteps,
    })
}

/// At most so many images, evenly from all of the list: folders may hold images of other sizes.
fn spread(images: &[RunImage], most: usize) -> Arc<[RunImage]> {
    let count = most.min(images.len());
    (0..count)
        .map(|index| images[index * images.len() / count].clone())
        .collect()
}

/// What a run takes.
struct Estimate {
    num_images: usize,
    num_attempts: usize,
    calls_per_image: usize,
    seconds_per_image: f64,
    bytes: u64,
    device: String,
    machines: usize,
    price: Option<f64>,
}

impl Estimate {
    fn seconds(&self) -> f64 {
        self.seconds_per_image * self.num_images as f64 / self.machines as f64
    }

    fn images_per_day(&self) -> f64 {
        86_400.0 / self.seconds_per_image * self.machines as f64
    }

    /// Of all machines together.
    fn price(&self) -> Option<f64> {
        self.price
            .map(|price| price * self.seconds() / 3600.0 * self.machines as f64)
    }

    fn json(&self) -> Value {
        json!({
            "images": self.num_images,
            "attempts": self.num_attempts,
            "network_calls_per_image": self.calls_per_image,
            "seconds_per_image": self.seconds_per_image,
            "machines": self.machines,
            "seconds": self.seconds(),
            "images_per_day": self.images_per_day(),
            "run_file_bytes": self.bytes,
            "price": self.price(),
            "device": self.device,
        })
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} images, {} attempts, {} network calls per image",
            self.num_images, self.num_attempts, self.calls_per_image
        )?;
        let machines = match self.machines {
            1 => "here".to_owned(),
            count => format!(
                "on {count} machines like this one, if these share the images evenly and none waits for another"
            ),
        };
        writeln!(
            f,
            "{:.3} s per image on {}: {:.0} images a day, {} in all {machines}",
            self.seconds_per_image,
            self.device,
            self.images_per_day(),
            terminal::duration(self.seconds())
        )?;
        if let Some(price) = self.price() {
            writeln!(f, "{price:.2} in all, by the price per hour and machine")?;
        }
        write!(
            f,
            "the run files take about {:.1} MB",
            self.bytes as f64 / 1e6
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_fitted_by_one_attempt_and_two() {
        let cost = Cost::fitted(0.5, 0.875);
        assert_eq!(
            cost,
            Cost {
                per_image: 0.125,
                per_attempt: 0.375
            }
        );
        assert_eq!(cost.of(10), 3.875);
        // Noise alone.
        assert_eq!(Cost::fitted(0.5, 0.25).of(10), 0.5);
        assert_eq!(Cost::fitted(0.5, 2.0).of(4), 2.0);
    }

    #[test]
    fn an_estimate_adds_up() {
        let estimate = Estimate {
            num_images: 1_000_000,
            num_attempts: 10,
            calls_per_image: 250,
            seconds_per_image: 0.432,
            bytes: 4_200_000_000,
            device: "CPU".to_owned(),
            machines: 8,
            price: Some(0.5),
        };
        let said = estimate.to_string();
        for words in [
            "0.432 s per image on CPU: 1600000 images a day, 15.0 h in all on 8 machines",
            "60.00 in all",
            "4200.0 MB",
        ] {
            assert!(said.contains(words), "{said}");
        }
        assert_eq!(estimate.json()["seconds"], 54_000.0);
    }
}
