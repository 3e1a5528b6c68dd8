//! A network of any family in the words of diffusers, or the reason why it has none.

use serde_json::{Map, Value, json};

use super::blueprint::{Blueprint, VERSION};
use super::levels::{Body, Layer, Level, ODD, Resampler, norms};
use super::unet;
use crate::diffusion::Schedule;
use crate::diffusion::schedule::{
    Betas, PixelRange, Prediction, Process, ScheduleConfig, Variance,
};
use crate::networks::Fingerprint;
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, GroupNorm, Linear, Network, Padding, ResnetResample, Stage, TimeMode,
};
use crate::networks::training::parameters;
use crate::networks::weights::Weights;

impl Blueprint {
    /// That of a network and schedule, and the network as diffusers has it: with attentions that do nothing where its
    /// blocks have more of them. The error names what diffusers can't express.
    pub fn expressing(network: &Network, schedule: &Schedule) -> Result<(Self, Network), String> {
        let network = adapted(network)?;
        let config = config(&network)?;
        let blueprint = Self::parsed(config, scheduler(schedule)?)
            .map_err(|refusal| format!("settings that it refuses ({refusal})"))?;
        let is_same = blueprint
            .rebuilt(&network)
            .is_some_and(|rebuilt| is_same(&rebuilt, &network, schedule));
        if !is_same {
            return Err("a detail of its layers that no setting of diffusers makes".to_owned());
        }
        let gives = (0..schedule.num_train_timesteps()).all(|timestep| {
            let (made, wanted) = (blueprint.schedule(), schedule);
            let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            is_close(
                made.alpha_cumprod(Some(timestep)),
                wanted.alpha_cumprod(Some(timestep)),
            ) && is_close(
                made.noise_variance(Some(timestep)),
                wanted.noise_variance(Some(timestep)),
            )
        });
        if !gives {
            return Err("a schedule whose numbers no scheduler of diffusers gives".to_owned());
        }
        Ok((blueprint, network))
    }

    /// The network that Python would make of this one's tensors; `None` where they are not those that it asks for.
    fn rebuilt(&self, network: &Network) -> Option<Network> {
        let mut network = network.clone();
        let tensors = parameters::tensors(&mut network);
        let names = self.tensors();
        let has_shapes = names.len() == tensors.len()
            && (names.iter().zip(&tensors)).all(|((_, shape), tensor)| *shape == tensor.shape);
        has_shapes.then(|| {
            let mut tensors = InOrder(tensors.into_iter());
            unet::build(self.unet(), &mut tensors)
        })
    }
}

/// Whether two networks give the same numbers.
fn is_same(one: &Network, other: &Network, schedule: &Schedule) -> bool {
    Fingerprint::new(one, schedule) == Fingerprint::new(other, schedule)
}

/// Tensors one after the other, whatever they are called.
struct InOrder<'a>(std::vec::IntoIter<&'a mut Weights>);

impl TensorSource for InOrder<'_> {
    fn take(&mut self, _name: &str, shape: &[usize]) -> Weights {
        let next = self.0.next().map(|weights| weights.clone());
        next.unwrap_or_else(|| Weights {
            shape: shape.to_vec(),
            values: [].into(),
        })
    }
}

/// The network with attentions added that do nothing, where some of a block's layers have one, and with the scale of its
/// middle as diffusers rounds it.
fn adapted(network: &Network) -> Result<Network, String> {
    let mut network = network.clone();
    let body = Body::of(&network.stages)?;
    let is_skip = is_skip(&body);
    let mut to_add = Vec::new();
    // Places of resnets that want an attention behind them, by their number among all resnets that do not resample.
    let mut number = 0;
    for (level, is_up) in (body.down.iter().map(|level| (level, false)))
        .chain(body.up.iter().map(|level| (level, true)))
    {
        if is_up && number == count(&body.down) {
            number += body.middle.as_ref().map_or(0, |_| 2);
        }
        let example = level
            .layers
            .iter()
            .find_map(|layer| layer.attention.as_ref());
        for layer in &level.layers {
            if let (Some(example), None) = (example, &layer.attention)
                && !(is_skip && is_up)
            {
                to_add.push((number, idle(example)));
            }
            number += 1;
        }
    }
    let mut stages = Vec::with_capacity(network.stages.len() + to_add.len());
    let mut to_add = to_add.into_iter().peekable();
    number = 0;
    for stage in network.stages.drain(..) {
        let is_layer = matches!(&stage, Stage::Resnet(resnet) if resnet.resample.is_none());
        stages.push(stage);
        if is_layer {
            if let Some((_, attention)) = to_add.next_if(|(wanted, _)| *wanted == number) {
                stages.push(Stage::Attention(Box::new(attention)));
            }
            number += 1;
        }
    }
    network.stages = stages;
    if network.time.fourier.is_some() {
        // Of a sinusoid, which is not made.
        network.time.flip_sin_to_cos = true;
        network.time.freq_shift = 0.0;
    }
    if let Some(factor) = mid_factor(&body) {
        rescale_middle(&mut network, &body, 1.0 / factor);
    }
    Ok(network)
}

fn count(levels: &[Level]) -> usize {
    levels.iter().map(|level| level.layers.len()).sum()
}

/// An attention of the same sizes whose output is zero.
fn idle(example: &Attention) -> Attention {
    let zeros = |weights: &Weights| Weights {
        shape: weights.shape.clone(),
        values: vec![0.0; weights.len()].into(),
    };
    let still = |linear: &Linear| Linear {
        weight: zeros(&linear.weight),
        bias: linear.bias.as_ref().map(zeros),
    };
    Attention {
        to_q: still(&example.to_q),
        to_k: still(&example.to_k),
        to_v: still(&example.to_v),
        to_out: still(&example.to_out),
        ..example.clone()
    }
}

/// What the sums of the middle are divided by, as diffusers writes it.
fn mid_factor(body: &Body) -> Option<f64> {
    let middle = body.middle.as_ref()?;
    let scale = middle.resnets[0].output_scale;
    let attention = middle
        .attention
        .as_ref()
        .map_or(scale, |it| it.output_scale);
    if [middle.resnets[1].output_scale, attention] != [scale; 2] {
        return None;
    }
    let root = 2.0_f64.sqrt();
    Some(if (scale * root - 1.0).abs() < 1e-9 {
        root
    } else {
        1.0 / scale
    })
}

fn rescale_middle(network: &mut Network, body: &Body, scale: f64) {
    let first = count(&body.down);
    let mut number = 0;
    for stage in &mut network.stages {
        match stage {
            Stage::Resnet(resnet) if resnet.resample.is_none() => {
                if (first..first + 2).contains(&number) {
                    resnet.output_scale = scale;
                }
                number += 1;
            }
            // That of the middle stands between its two resnets.
            Stage::Attention(attention) if number == first + 1 => attention.output_scale = scale,
            _ => {}
        }
    }
}

/// Whether blocks work beside a pyramid of images.
fn is_skip(body: &Body) -> bool {
    let mut levels = body.down.iter().chain(&body.up);
    levels.any(|level| level.has_image)
}

/// `config.json`.
fn config(network: &Network) -> Result<Map<String, Value>, String> {
    let time = &network.time;
    if time.scale != 1.0 {
        return Err("timesteps that are rescaled (rescale_timesteps)".to_owned());
    }
    let body = Body::of(&network.stages)?;
    let is_skip = is_skip(&body);
    check_scales(&body, is_skip)?;
    let widths = (body.down.iter())
        .map(|level| level.layers[0].resnet.conv2.weight.shape[0])
        .collect::<Vec<_>>();
    let layers = body.down[0].layers.len();
    let is_even = body.down.iter().all(|level| level.layers.len() == layers)
        && body.up.iter().all(|level| level.layers.len() == layers + 1);
    if !is_even {
        return Err("levels of different numbers of resnets".to_owned());
    }
    let ups: Vec<&Level> = body.up.iter().rev().collect();
    let down_types = block_types(&body.down.iter().collect::<Vec<_>>(), is_skip, "Down")?;
    let mut up_types = block_types(&ups, is_skip, "Up")?;
    up_types.0.reverse();
    let resnet = &body.down[0].layers[0].resnet;
    let groups = groups(network, is_skip)?;
    let mid_attention = body
        .middle
        .as_ref()
        .and_then(|middle| middle.attention.as_ref());
    let mid_groups = mid_attention
        .and_then(|attention| attention.group_norm.as_ref())
        .map(|norm| norm.num_groups);
    let by_default = (resnet.time_mode == TimeMode::Add)
        .then_some(groups)
        .flatten();
    let embedded = time.linear_1.weight.shape[0];
    let object = json!({
        "_class_name": "UNet2DModel", "_diffusers_version": VERSION, "act_fn": "silu",
        "add_attention": mid_attention.is_some(), "attention_head_dim": head_dim(&body)?,
        "attn_norm_num_groups": mid_groups.filter(|_| mid_groups != by_default && !is_skip),
        "block_out_channels": widths, "center_input_sample": network.center_input, "class_embed_type": null,
        "down_block_types": down_types.0, "downsample_padding": padding(&body), "downsample_type": down_types.1,
        "dropout": 0.0, "flip_sin_to_cos": time.flip_sin_to_cos, "freq_shift": time.freq_shift,
        "in_channels": network.in_channels, "layers_per_block": layers,
        "mid_block_scale_factor": mid_factor(&body).unwrap_or(1.0),
        "mid_block_type": body.middle.as_ref().map(|_| "UNetMidBlock2D"), "norm_eps": network.norm_out.eps,
        "norm_num_groups": groups, "num_class_embeds": null, "num_train_timesteps": null,
        "out_channels": network.out_channels,
        "resnet_time_scale_shift": match resnet.time_mode {
            TimeMode::Add => "default",
            TimeMode::ScaleShift => "scale_shift",
        },
        "sample_size": network.image_size,
        "time_embedding_dim": (embedded != 4 * widths[0]).then_some(embedded),
        "time_embedding_type": if time.fourier.is_some() { "fourier" } else { "positional" },
        "up_block_types": up_types.0, "upsample_type": up_types.1,
    });
    match object {
        Value::Object(object) => Ok(object),
        _ => Err(ODD.to_owned()),
    }
}

/// Sums are scaled in the middle alone, or all of them in skip blocks.
fn check_scales(body: &Body, is_skip: bool) -> Result<(), String> {
    let scaled = body.layers().find(|layer| layer.resnet.output_scale != 1.0);
    match scaled {
        Some(layer) if !is_skip => Err(format!(
            "sums that are scaled by {:.4} outside of the middle (skip_rescale)",
            layer.resnet.output_scale
        )),
        _ => Ok(()),
    }
}

/// Groups of all normalizations; `None` in skip blocks, which take them from the channels.
fn groups(network: &Network, is_skip: bool) -> Result<Option<usize>, String> {
    if is_skip {
        return Ok(None);
    }
    let groups = network.norm_out.num_groups;
    let is_other = |norm: &GroupNorm| norm.num_groups != groups;
    if norms(&network.stages).any(is_other) {
        return Err("normalizations of different numbers of groups".to_owned());
    }
    Ok(Some(groups))
}

/// Channels of a head; `None` for one head over all channels.
fn head_dim(body: &Body) -> Result<Option<usize>, String> {
    let widths: Vec<(usize, usize)> = (body.attentions())
        .map(|attention| (attention.to_q.weight.shape[0], attention.num_heads))
        .collect();
    let Some(&(channels, heads)) = widths.first() else {
        return Ok(None);
    };
    let width = channels / heads;
    if widths.iter().all(|(_, heads)| *heads == 1) {
        Ok(None)
    } else if widths
        .iter()
        .all(|(channels, heads)| channels / heads == width)
    {
        Ok(Some(width))
    } else {
        Err("attention heads of different widths".to_owned())
    }
}

fn padding(body: &Body) -> usize {
    let is_uneven =
        |level: &Level| level.resampler == Some(Resampler::Conv(Some(Padding::RightBottom)));
    usize::from(!body.down.iter().any(is_uneven))
}

/// Types of the blocks of levels that are given from the highest down, and what blocks with attention resample by.
fn block_types(
    levels: &[&Level],
    is_skip: bool,
    direction: &str,
) -> Result<(Vec<String>, &'static str), String> {
    let has_attention = |level: &Level| level.layers.iter().any(has_attention);
    let by_attention = (levels.iter())
        .filter(|level| has_attention(level))
        .find_map(|level| level.resampler);
    let types = levels.iter().map(|level| {
        let attends = has_attention(level);
        let expected = by_attention.filter(|_| attends);
        if !is_skip
            && level.resampler.is_some()
            && expected.is_some_and(|it| Some(it) != level.resampler)
        {
            return Err("blocks with attention that resample in different ways".to_owned());
        }
        Ok(match (is_skip, attends, level.resampler) {
            (true, true, _) => format!("AttnSkip{direction}Block2D"),
            (true, false, _) => format!("Skip{direction}Block2D"),
            (false, true, _) => format!("Attn{direction}Block2D"),
            (
                false,
                false,
                Some(Resampler::Resnet(ResnetResample::FirDown | ResnetResample::FirUp)),
            ) => {
                return Err("resampling by a filter without a pyramid of images (fir)".to_owned());
            }
            (false, false, Some(Resampler::Resnet(_))) => {
                format!("Resnet{direction}sampleBlock2D")
            }
            (false, false, _) => format!("{direction}Block2D"),
        })
    });
    let types = types.collect::<Result<_, _>>()?;
    let by = match by_attention {
        Some(Resampler::Resnet(_)) if !is_skip => "resnet",
        _ => "conv",
    };
    Ok((types, by))
}

fn has_attention(layer: &Layer) -> bool {
    layer.attention.is_some()
}

/// `scheduler_config.json`.
fn scheduler(schedule: &Schedule) -> Result<Map<String, Value>, String> {
    let config = schedule.config();
    let object = match config.process {
        Process::SubVariancePreserving => {
            return Err("a sub-variance-preserving process (sub-VP)".to_owned());
        }
        Process::VarianceExploding if config.pixels == PixelRange::Signed => {
            return Err("a variance-exploding process over pixels from -1 to 1".to_owned());
        }
        Process::VarianceExploding => json!({
            "_class_name": "ScoreSdeVeScheduler", "_diffusers_version": VERSION, "correct_steps": 1,
            "num_train_timesteps": config.num_train_timesteps, "sampling_eps": 1e-5, "sigma_max": config.beta_end,
            "sigma_min": config.beta_start, "snr": config.snr,
        }),
        Process::VariancePreserving => preserving(schedule)?,
    };
    match object {
        Value::Object(object) => Ok(object),
        _ => Err(ODD.to_owned()),
    }
}

fn preserving(schedule: &Schedule) -> Result<Value, String> {
    let ScheduleConfig {
        process: _,
        betas,
        beta_start,
        beta_end,
        num_train_timesteps,
        prediction,
        clip_range,
        variance,
        rescale_to_zero_snr,
        pixels,
        snr: _,
    } = schedule.config();
    if *pixels == PixelRange::Unit {
        return Err("a process that diffusers has no scheduler for".to_owned());
    }
    let mut trained = None;
    let name = match betas {
        Betas::Linear => "linear",
        Betas::ScaledLinear => "scaled_linear",
        Betas::SquaredCosine => "squaredcos_cap_v2",
        Betas::Sigmoid => "sigmoid",
        Betas::Trained(_) | Betas::Continuous | Betas::Geometric => {
            let alphas = (0..*num_train_timesteps).map(|at| schedule.alpha_cumprod(Some(at)));
            let earlier = std::iter::once(1.0).chain(alphas.clone());
            let betas: Vec<f64> = (alphas.zip(earlier))
                .map(|(alpha, earlier)| 1.0 - alpha / earlier)
                .collect();
            trained = Some(betas);
            "linear"
        }
    };
    let prediction = match prediction {
        Prediction::Epsilon => "epsilon",
        Prediction::Sample => "sample",
        Prediction::VPrediction => "v_prediction",
        Prediction::Score => return Err("a network that predicts the score".to_owned()),
    };
    let (start, end) = match betas {
        Betas::Continuous => (1e-4, 0.02),
        _ => (*beta_start, *beta_end),
    };
    Ok(json!({
        "_class_name": "DDPMScheduler", "_diffusers_version": VERSION, "beta_end": end, "beta_schedule": name,
        "beta_start": start, "clip_sample": clip_range.is_some(), "clip_sample_range": clip_range.unwrap_or(1.0),
        "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": num_train_timesteps,
        "prediction_type": prediction, "rescale_betas_zero_snr": rescale_to_zero_snr, "sample_max_value": 1.0,
        "steps_offset": 0, "thresholding": false, "timestep_spacing": "leading", "trained_betas": trained,
        "variance_type": match variance {
            Variance::FixedSmall => "fixed_small",
            Variance::FixedLarge => "fixed_large",
        },
    }))
}
