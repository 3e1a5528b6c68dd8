//! `scheduler_config.json`: every discrete diffusers scheduler gives the same alphas.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::Refusal;
use super::raw_config::settings_of;
use crate::diffusion::schedule::{
    Betas, PixelRange, Prediction, Process, SMALLEST_EXPLODING_TIME, ScheduleConfig, Variance,
};
use crate::networks::checkpoints::{Origin, Setting};

/// The fields as the file has them; the defaults are those of diffusers' schedulers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct RawScheduler {
    #[serde(rename = "_class_name")]
    class_name: Option<String>,
    #[serde(alias = "timesteps")]
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    trained_betas: Option<Vec<f64>>,
    prediction_type: Option<String>,
    clip_sample: Option<bool>,
    clip_sample_range: Option<f64>,
    variance_type: Option<String>,
    thresholding: bool,
    rescale_betas_zero_snr: bool,
    use_flow_sigmas: bool,
    use_karras_sigmas: Option<bool>,
    use_exponential_sigmas: Option<bool>,
    use_beta_sigmas: Option<bool>,
}

impl Default for RawScheduler {
    fn default() -> Self {
        Self {
            class_name: None,
            num_train_timesteps: 1000,
            beta_start: 1e-4,
            beta_end: 0.02,
            beta_schedule: "linear".to_owned(),
            trained_betas: None,
            prediction_type: None,
            clip_sample: None,
            clip_sample_range: None,
            variance_type: None,
            thresholding: false,
            rescale_betas_zero_snr: false,
            use_flow_sigmas: false,
            use_karras_sigmas: None,
            use_exponential_sigmas: None,
            use_beta_sigmas: None,
        }
    }
}

/// The fields of a `ScoreSdeVeScheduler` with its defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct RawExploding {
    num_train_timesteps: usize,
    snr: f64,
    sigma_min: f64,
    sigma_max: f64,
    sampling_eps: f64,
    correct_steps: usize,
}

impl Default for RawExploding {
    fn default() -> Self {
        Self {
            num_train_timesteps: 2000,
            snr: 0.15,
            sigma_min: 0.01,
            sigma_max: 1348.0,
            sampling_eps: SMALLEST_EXPLODING_TIME,
            correct_steps: 1,
        }
    }
}

/// What is assumed of a network that is told noise levels and has no scheduler file.
pub(super) fn usual_exploding() -> ScheduleConfig {
    exploding(&RawExploding::default())
}

/// Pixels of these models' images lie in [0, 1], whatever the network makes of them.
fn exploding(raw: &RawExploding) -> ScheduleConfig {
    ScheduleConfig {
        process: Process::VarianceExploding,
        betas: Betas::Geometric,
        beta_start: raw.sigma_min,
        beta_end: raw.sigma_max,
        num_train_timesteps: raw.num_train_timesteps,
        prediction: Prediction::Score,
        pixels: PixelRange::Unit,
        snr: raw.snr,
        ..ScheduleConfig::default()
    }
}

/// More training timesteps than any model has.
const MAX_TIMESTEPS: usize = 1_000_000;

/// Read a parsed scheduler file; what had to be assumed is added to `notes`.
pub(super) fn schedule_config(
    fields: Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<ScheduleConfig, Refusal> {
    if fields.get("_class_name") == Some(&Value::from("ScoreSdeVeScheduler")) {
        return exploding_config(fields);
    }
    let raw: RawScheduler = parsed(fields)?;
    let class = raw.class_name.as_deref().unwrap_or("DDPMScheduler");
    check_class(class)?;
    if raw.use_flow_sigmas {
        return Err(unsupported(
            "use_flow_sigmas",
            "true",
            "noise schedules of betas",
        ));
    }
    if raw.thresholding {
        return Err(Refusal::Unsupported(
            "thresholding \"true\"".to_owned(),
            "set it to false to have predictions clipped to clip_sample_range".to_owned(),
        ));
    }
    if class.starts_with("Euler") {
        raw.check_sigmas()?;
    }
    check_timesteps(raw.num_train_timesteps)?;
    let clip_range = raw.clip_range(class, notes);
    Ok(ScheduleConfig {
        process: Process::VariancePreserving,
        clip_range,
        prediction: prediction(raw.prediction_type.as_deref())?,
        variance: variance(raw.variance_type.as_deref())?,
        betas: match raw.trained_betas {
            Some(betas) => Betas::Trained(betas),
            None => betas(&raw.beta_schedule)?,
        },
        beta_start: raw.beta_start,
        beta_end: raw.beta_end,
        num_train_timesteps: raw.num_train_timesteps,
        rescale_to_zero_snr: raw.rescale_betas_zero_snr,
        ..ScheduleConfig::default()
    })
}

/// Every field of a scheduler file, with its default where the file has none; all are assumed where there is no file.
pub(super) fn settings(
    fields: Option<(Map<String, Value>, Origin)>,
    is_told_noise: bool,
) -> Vec<Setting> {
    let (fields, file) =
        fields.map_or_else(|| (Map::new(), None), |(fields, file)| (fields, Some(file)));
    let value = Value::Object(fields.clone());
    let all = if is_told_noise {
        serde_json::from_value::<RawExploding>(value).and_then(serde_json::to_value)
    } else {
        serde_json::from_value::<RawScheduler>(value).and_then(serde_json::to_value)
    };
    let Ok(Value::Object(all)) = all else {
        return Vec::new();
    };
    let mut settings = settings_of(&all, &fields, file.as_ref().unwrap_or(&Origin::Assumed));
    for setting in &mut settings {
        setting.name = format!("scheduler.{}", setting.name);
        if file.is_none() {
            setting.origin = Origin::Assumed;
        }
    }
    settings
}

fn parsed<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| Refusal::Bad(format!("a field has the wrong type ({error})")))
}

fn check_timesteps(count: usize) -> Result<(), Refusal> {
    if count <= MAX_TIMESTEPS {
        return Ok(());
    }
    Err(Refusal::Bad(format!(
        "num_train_timesteps must be 1 to {MAX_TIMESTEPS}, got {count}"
    )))
}

fn exploding_config(fields: Map<String, Value>) -> Result<ScheduleConfig, Refusal> {
    let raw: RawExploding = parsed(fields)?;
    check_timesteps(raw.num_train_timesteps)?;
    if raw.correct_steps != 1 {
        let got = raw.correct_steps.to_string();
        return Err(unsupported("correct_steps", &got, "1"));
    }
    if (raw.sampling_eps / SMALLEST_EXPLODING_TIME - 1.0).abs() > 1e-6 {
        let got = raw.sampling_eps.to_string();
        return Err(unsupported("sampling_eps", &got, "1e-5"));
    }
    Ok(exploding(&raw))
}

impl RawScheduler {
    /// Euler's schedulers are read for their betas, and where sigmas of another kind take their place these are not all.
    fn check_sigmas(&self) -> Result<(), Refusal> {
        for (field, is_used) in [
            ("use_karras_sigmas", self.use_karras_sigmas),
            ("use_exponential_sigmas", self.use_exponential_sigmas),
            ("use_beta_sigmas", self.use_beta_sigmas),
        ] {
            if is_used == Some(true) {
                return Err(unsupported(field, "true", "noise schedules of betas"));
            }
        }
        Ok(())
    }

    fn clip_range(&self, class: &str, notes: &mut Vec<String>) -> Option<f64> {
        let clips_by_default = matches!(class, "DDPMScheduler" | "DDIMScheduler");
        if self.clip_sample.is_none() && !clips_by_default {
            // These samplers do not clip, but the sampler used here needs it for pixel-space models.
            notes.push(format!(
                "{class} has no clip_sample: predictions are clipped to ±1 (assumed)"
            ));
        }
        self.clip_sample
            .unwrap_or(true)
            .then(|| self.clip_sample_range.unwrap_or(1.0))
    }
}

fn check_class(class: &str) -> Result<(), Refusal> {
    match class {
        "DDPMScheduler"
        | "DDIMScheduler"
        | "PNDMScheduler"
        | "DPMSolverMultistepScheduler"
        | "UniPCMultistepScheduler"
        | "EulerDiscreteScheduler"
        | "EulerAncestralDiscreteScheduler" => Ok(()),
        other => Err(Refusal::Unsupported(
            format!("the scheduler {other}"),
            "use a model trained with DDPM, DDIM, PNDM, DPMSolverMultistep, UniPC, Euler or ScoreSdeVe schedules"
                .to_owned(),
        )),
    }
}

fn unsupported(field: &str, got: &str, supported: &str) -> Refusal {
    Refusal::Unsupported(
        format!("{field} \"{got}\""),
        format!("supported are {supported}"),
    )
}

fn betas(name: &str) -> Result<Betas, Refusal> {
    match name {
        "linear" => Ok(Betas::Linear),
        "scaled_linear" => Ok(Betas::ScaledLinear),
        "squaredcos_cap_v2" => Ok(Betas::SquaredCosine),
        "sigmoid" => Ok(Betas::Sigmoid),
        other => {
            let supported = "linear, scaled_linear, squaredcos_cap_v2 and sigmoid";
            Err(unsupported("beta_schedule", other, supported))
        }
    }
}

fn prediction(name: Option<&str>) -> Result<Prediction, Refusal> {
    match name {
        None | Some("epsilon") => Ok(Prediction::Epsilon),
        Some("sample") => Ok(Prediction::Sample),
        Some("v_prediction") => Ok(Prediction::VPrediction),
        Some(other) => {
            let supported = "epsilon, sample and v_prediction";
            Err(unsupported("prediction_type", other, supported))
        }
    }
}

fn variance(name: Option<&str>) -> Result<Variance, Refusal> {
    match name {
        None | Some("fixed_small" | "fixed_small_log") => Ok(Variance::FixedSmall),
        Some("fixed_large" | "fixed_large_log") => Ok(Variance::FixedLarge),
        Some(other) => {
            let supported = "fixed_small and fixed_large; learned variances are not";
            Err(unsupported("variance_type", other, supported))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: Value) -> Result<(ScheduleConfig, Vec<String>), Refusal> {
        let Value::Object(fields) = fields else {
            panic!("a scheduler file is an object");
        };
        let mut notes = Vec::new();
        schedule_config(fields, &mut notes).map(|config| (config, notes))
    }

    #[test]
    fn the_public_ddpm_file_is_read() {
        // google/ddpm-cifar10-32
        let (config, notes) = read(json!({
            "_class_name": "DDPMScheduler", "beta_end": 0.02, "beta_schedule": "linear",
            "beta_start": 0.0001, "clip_sample": true, "num_train_timesteps": 1000,
            "trained_betas": null, "variance_type": "fixed_large"
        }))
        .unwrap();
        let expected = ScheduleConfig {
            variance: Variance::FixedLarge,
            ..ScheduleConfig::default()
        };
        assert_eq!(config, expected);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn log_variances_map_to_their_fixed_forms() {
        for (name, expected) in [
            ("fixed_small_log", Variance::FixedSmall),
            ("fixed_large_log", Variance::FixedLarge),
        ] {
            let (config, _) = read(json!({"variance_type": name})).unwrap();
            assert_eq!(config.variance, expected, "{name}");
        }
    }

    #[test]
    fn a_scheduler_that_does_not_clip_is_noted() {
        let (config, notes) = read(json!({"_class_name": "UniPCMultistepScheduler"})).unwrap();
        assert_eq!(config.clip_range, Some(1.0));
        assert_eq!(notes.len(), 1);
        let (config, notes) =
            read(json!({"_class_name": "PNDMScheduler", "clip_sample": false})).unwrap();
        assert_eq!((config.clip_range, notes.len()), (None, 0));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (fields, name) in [
            (
                json!({"_class_name": "ScoreSdeVpScheduler"}),
                "ScoreSdeVpScheduler",
            ),
            (
                json!({"_class_name": "ScoreSdeVeScheduler", "correct_steps": 2}),
                "correct_steps",
            ),
            (
                json!({"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true}),
                "use_karras_sigmas",
            ),
            (
                json!({"_class_name": "EDMEulerScheduler"}),
                "EDMEulerScheduler",
            ),
            (json!({"variance_type": "learned_range"}), "learned_range"),
            (json!({"beta_schedule": "laplace"}), "laplace"),
            (
                json!({"prediction_type": "flow_prediction"}),
                "flow_prediction",
            ),
            (json!({"thresholding": true}), "thresholding"),
        ] {
            match read(fields).unwrap_err() {
                Refusal::Unsupported(what, _) => assert!(what.contains(name), "{what}"),
                other @ Refusal::Bad(_) => panic!("{other:?}"),
            }
        }
    }
}
