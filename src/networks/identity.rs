//! Which model made a number: what run files and detectors keep of it, and the one way to compare two of them.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::description::{
    Attention, Conv2d, GroupNorm, InputResidual, Linear, Network, OutputSkip, Padding, Resample,
    Resnet, ResnetResample, Stage, TimeEmbedding, TimeMode,
};
use super::weights::Weights;
use crate::diffusion::Schedule;
use crate::diffusion::schedule::{
    Betas, PixelRange, Prediction, Process, ScheduleConfig, USUAL_SNR, Variance,
};
use crate::images::ContentHash;

/// SHA-256 over all that decides a model's output: weights, the network's description and the whole schedule.
///
/// Two files that give the same network have the same fingerprint, e.g. a `.bin` and its `.safetensors`.
/// What is at its default is left out of the text that is hashed, so that a field that a later version knows changes no
/// earlier fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a network as it is sampled by a schedule.
    pub fn new(network: &Network, schedule: &Schedule) -> Self {
        let mut text = Canonical::default();
        text.network(network);
        text.schedule(schedule.config());
        Self(Sha256::digest(text.0.as_bytes()).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ContentHash(self.0), f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "64 hexadecimal digits of a model's fingerprint";
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let is_whole = pairs.len() == bytes.len() && rest.is_empty();
        let is_read = (bytes.iter_mut().zip(pairs)).all(|(byte, [high, low])| {
            let value = digit(*high).zip(digit(*low));
            value.is_some_and(|(high, low)| {
                *byte = high << 4 | low;
                true
            })
        });
        if is_whole && is_read {
            Ok(Self(bytes))
        } else {
            let message = format!("expected {expected}, got `{text}`");
            Err(serde::de::Error::custom(message))
        }
    }
}

/// What a file keeps of the model that made its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// SHA-256 of the weights file, in hex.
    pub weights_sha256: String,
    /// The schedule in one line; detectors before version 0.2 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Files before version 0.2 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// Whether two models give the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelMatch {
    /// They do.
    Same,
    /// As far as an older file tells; the sentence says what could not be compared.
    Unproven(String),
    /// They do not, or may not; the text says how they differ.
    Different(String),
}

impl ModelMatch {
    /// How the models differ; `None` where they do not.
    pub fn difference(self) -> Option<String> {
        match self {
            Self::Different(reason) => Some(reason),
            Self::Same | Self::Unproven(_) => None,
        }
    }

    /// What could not be compared, if anything.
    pub fn caveat(self) -> Option<String> {
        match self {
            Self::Unproven(caveat) => Some(caveat),
            Self::Same | Self::Different(_) => None,
        }
    }
}

impl ModelIdentity {
    /// The SHA-256 of a weights file of no bytes, for where there is no model.
    pub const NO_WEIGHTS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// Whether there is no model, see [`Blank`](super::checkpoints::Blank).
    pub fn is_blank(&self) -> bool {
        self.weights_sha256 == Self::NO_WEIGHTS
    }

    /// The identity of a model that was just read; `weights_sha256` is of its weights file, in hex.
    pub fn new(network: &Network, schedule: &Schedule, weights_sha256: String) -> Self {
        Self {
            weights_sha256,
            schedule: Some(schedule.to_string()),
            fingerprint: Some(Fingerprint::new(network, schedule)),
        }
    }

    /// All that is known where only the weights are, e.g. in a detector of an early version.
    pub fn of_weights(weights_sha256: String) -> Self {
        Self {
            weights_sha256,
            schedule: None,
            fingerprint: None,
        }
    }

    /// The schedule in one line, for people; empty where it is not known.
    pub fn schedule(&self) -> &str {
        self.schedule.as_deref().unwrap_or_default()
    }

    /// Compare a model with the one that a file was made with, which is `self`.
    pub fn compare(&self, now: &Self) -> ModelMatch {
        if let (Some(then), Some(now)) = (self.fingerprint, now.fingerprint)
            && then == now
        {
            return ModelMatch::Same;
        }
        if self.weights_sha256 != now.weights_sha256 {
            return ModelMatch::Different(format!(
                "the model's weights differ (SHA-256 {}, expected {})",
                now.weights_sha256, self.weights_sha256
            ));
        }
        if let (Some(then), Some(now)) = (&self.schedule, &now.schedule)
            && then != now
        {
            return ModelMatch::Different(format!(
                "the model's schedule differs ({now}, expected {then})"
            ));
        }
        match (self.fingerprint, now.fingerprint) {
            (Some(_), Some(_)) => ModelMatch::Different(
                "the weights are the same, but the model's configuration differs: its config.json or scheduler file has \
                 changed"
                    .to_owned(),
            ),
            _ => ModelMatch::Unproven(
                "an earlier version wrote the file and kept no fingerprint of the model: only the weights and what is \
                 told of the schedule were compared, not the rest of the model's configuration"
                    .to_owned(),
            ),
        }
    }
}

/// The text that is hashed: a line per fact, `path=value`.
///
/// Each struct is taken apart whole, so that a new field asks for its line here; where a field is at the value that it had
/// before there was a choice, it gets none.
#[derive(Default)]
struct Canonical(String);

impl Canonical {
    fn line(&mut self, path: &str, value: impl fmt::Display) {
        writeln!(self.0, "{path}={value}").expect("writing to a string does not fail");
    }

    /// A line where `value` is not `usual`.
    fn unless<T: PartialEq + fmt::Debug>(&mut self, path: &str, value: &T, usual: &T) {
        if value != usual {
            self.line(path, format_args!("{value:?}"));
        }
    }

    fn weights(&mut self, path: &str, weights: &Weights) {
        let Weights { shape, values } = weights;
        let mut sha = Sha256::new();
        // In pieces, since the values may be hundreds of megabytes.
        for piece in values.chunks(1 << 14) {
            let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
            sha.update(&bytes);
        }
        let digest = ContentHash(sha.finalize().into());
        self.line(path, format_args!("{shape:?} {digest}"));
    }

    fn network(&mut self, network: &Network) {
        let Network {
            in_channels,
            out_channels,
            image_size,
            center_input,
            time,
            conv_in,
            stages,
            norm_out,
            conv_out,
            divides_by_noise,
        } = network;
        self.line("in_channels", in_channels);
        self.line("image_size", image_size);
        self.unless("out_channels", out_channels, in_channels);
        self.unless("center_input", center_input, &false);
        self.time(time);
        self.conv("conv_in", conv_in);
        for (index, stage) in stages.iter().enumerate() {
            let path = format!("stages.{index}");
            match stage {
                Stage::Resnet(resnet) => self.resnet(&path, resnet),
                Stage::Attention(attention) => self.attention(&path, attention),
                Stage::Downsample(Resample { conv }) => self.conv(&format!("{path}.down"), conv),
                Stage::Upsample(Resample { conv }) => self.conv(&format!("{path}.up"), conv),
                Stage::PushSkip => self.line(&path, "push"),
                Stage::ConcatSkip => self.line(&path, "concat"),
                Stage::InputSkip(conv) => self.conv(&format!("{path}.input_skip"), conv),
                Stage::InputResidual(residual) => {
                    let InputResidual { conv, scale } = &**residual;
                    self.conv(&format!("{path}.input_residual"), conv);
                    self.unless(&format!("{path}.scale"), scale, &1.0);
                }
                Stage::OutputSkip(skip) => {
                    let OutputSkip { norm, conv } = &**skip;
                    self.norm(&format!("{path}.output_skip.norm"), norm);
                    self.conv(&format!("{path}.output_skip"), conv);
                }
            }
        }
        self.norm("norm_out", norm_out);
        self.conv("conv_out", conv_out);
        self.unless("divides_by_noise", divides_by_noise, &false);
    }

    fn time(&mut self, time: &TimeEmbedding) {
        let TimeEmbedding {
            num_channels,
            fourier,
            flip_sin_to_cos,
            freq_shift,
            max_period,
            scale,
            linear_1,
            linear_2,
        } = time;
        self.line("time.channels", num_channels);
        self.unless("time.flip_sin_to_cos", flip_sin_to_cos, &true);
        self.unless("time.freq_shift", freq_shift, &0.0);
        self.unless("time.max_period", max_period, &10_000.0);
        self.unless("time.scale", scale, &1.0);
        if let Some(fourier) = fourier {
            self.weights("time.fourier", fourier);
        }
        self.linear("time.linear_1", linear_1);
        self.linear("time.linear_2", linear_2);
    }

    fn resnet(&mut self, path: &str, resnet: &Resnet) {
        let Resnet {
            norm1,
            conv1,
            time_proj,
            time_mode,
            norm2,
            conv2,
            shortcut,
            resample,
            output_scale,
        } = resnet;
        self.norm(&format!("{path}.norm1"), norm1);
        self.conv(&format!("{path}.conv1"), conv1);
        self.linear(&format!("{path}.time_proj"), time_proj);
        match time_mode {
            TimeMode::Add => {}
            TimeMode::ScaleShift => self.line(&format!("{path}.time"), "scale_shift"),
        }
        self.norm(&format!("{path}.norm2"), norm2);
        self.conv(&format!("{path}.conv2"), conv2);
        if let Some(shortcut) = shortcut {
            self.conv(&format!("{path}.shortcut"), shortcut);
        }
        match resample {
            None => {}
            Some(ResnetResample::AverageDown) => self.line(&format!("{path}.resample"), "average"),
            Some(ResnetResample::NearestUp) => self.line(&format!("{path}.resample"), "nearest"),
            Some(ResnetResample::FirDown) => self.line(&format!("{path}.resample"), "fir_down"),
            Some(ResnetResample::FirUp) => self.line(&format!("{path}.resample"), "fir_up"),
        }
        self.unless(&format!("{path}.scale"), output_scale, &1.0);
    }

    fn attention(&mut self, path: &str, attention: &Attention) {
        let Attention {
            group_norm,
            to_q,
            to_k,
            to_v,
            to_out,
            num_heads,
            output_scale,
        } = attention;
        if let Some(norm) = group_norm {
            self.norm(&format!("{path}.norm"), norm);
        }
        self.linear(&format!("{path}.to_q"), to_q);
        self.linear(&format!("{path}.to_k"), to_k);
        self.linear(&format!("{path}.to_v"), to_v);
        self.linear(&format!("{path}.to_out"), to_out);
        self.unless(&format!("{path}.heads"), num_heads, &1);
        self.unless(&format!("{path}.scale"), output_scale, &1.0);
    }

    fn conv(&mut self, path: &str, conv: &Conv2d) {
        let Conv2d {
            weight,
            bias,
            stride,
            padding,
        } = conv;
        self.weights(&format!("{path}.weight"), weight);
        if let Some(bias) = bias {
            self.weights(&format!("{path}.bias"), bias);
        }
        self.unless(&format!("{path}.stride"), stride, &1);
        match padding {
            Padding::Same(pixels) => self.unless(&format!("{path}.padding"), pixels, &1),
            Padding::RightBottom => self.line(&format!("{path}.padding"), "right_bottom"),
        }
    }

    fn linear(&mut self, path: &str, linear: &Linear) {
        let Linear { weight, bias } = linear;
        self.weights(&format!("{path}.weight"), weight);
        if let Some(bias) = bias {
            self.weights(&format!("{path}.bias"), bias);
        }
    }

    fn norm(&mut self, path: &str, norm: &GroupNorm) {
        let GroupNorm {
            weight,
            bias,
            num_groups,
            eps,
        } = norm;
        self.weights(&format!("{path}.weight"), weight);
        self.weights(&format!("{path}.bias"), bias);
        self.line(&format!("{path}.groups"), num_groups);
        self.unless(&format!("{path}.eps"), eps, &1e-5);
    }

    fn schedule(&mut self, config: &ScheduleConfig) {
        let ScheduleConfig {
            process,
            betas,
            beta_start,
            beta_end,
            num_train_timesteps,
            prediction,
            clip_range,
            variance,
            rescale_to_zero_snr,
            pixels,
            snr,
        } = config;
        let (name, has_range) = match betas {
            Betas::Linear => ("linear", true),
            Betas::ScaledLinear => ("scaled_linear", true),
            Betas::SquaredCosine => ("squared_cosine", false),
            Betas::Sigmoid => ("sigmoid", true),
            Betas::Trained(_) => ("trained", false),
            Betas::Continuous => ("continuous", true),
            Betas::Geometric => ("geometric", true),
        };
        self.line("schedule.betas", name);
        if has_range {
            self.line(
                "schedule.range",
                format_args!("{beta_start:?} {beta_end:?}"),
            );
        }
        match betas {
            // They decide the number of timesteps.
            Betas::Trained(betas) => self.line("schedule.trained", format_args!("{betas:?}")),
            _ => self.line("schedule.timesteps", num_train_timesteps),
        }
        match process {
            Process::VariancePreserving => {}
            Process::SubVariancePreserving => self.line("schedule.process", "sub_vp"),
            Process::VarianceExploding => self.line("schedule.process", "ve"),
        }
        match prediction {
            Prediction::Epsilon => {}
            Prediction::Sample => self.line("schedule.prediction", "sample"),
            Prediction::VPrediction => self.line("schedule.prediction", "v"),
            Prediction::Score => self.line("schedule.prediction", "score"),
        }
        self.unless("schedule.clip", clip_range, &Some(1.0));
        match variance {
            Variance::FixedSmall => {}
            Variance::FixedLarge => self.line("schedule.variance", "fixed_large"),
        }
        self.unless("schedule.zero_snr", rescale_to_zero_snr, &false);
        self.unless("schedule.pixels", pixels, &PixelRange::Signed);
        self.unless("schedule.snr", snr, &USUAL_SNR);
    }
}
