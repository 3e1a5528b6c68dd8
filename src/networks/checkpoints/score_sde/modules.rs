//! The network's layers from the names and shapes of its tensors, in the order of the authors' list of modules
//! (`models/ddpm.py` and `models/ncsnpp.py` at 1618dde).

use super::super::shapes::{Refusal, Shapes, dims};
use super::{FOURIER, MODULES};

/// One entry of `all_modules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// A resnet from so many channels to so many.
    Resnet {
        /// Channels of its input, which is joined with a skip on the way up.
        inputs: usize,
        /// Channels of its output.
        outputs: usize,
        /// What its shortcut is.
        shortcut: Shortcut,
    },
    /// A self-attention.
    Attention,
    /// A convolution that halves the size on the way down and follows a doubling on the way up.
    Resample,
    /// A convolution of one pixel on the halved image, whose output is added (`progressive_input` "`input_skip`").
    InputSkip,
    /// A convolution that halves what was merged last, with what it becomes (`progressive_input` residual).
    InputResidual { inputs: usize, outputs: usize },
    /// A normalization before the convolution to an image (`progressive` "`output_skip`"), which follows.
    OutputNorm,
    /// That convolution.
    OutputConv,
}

/// How a resnet's input joins its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortcut {
    /// As it is.
    None,
    /// By a matrix, which is stored (in, out) (`NIN_0`).
    Matrix,
    /// By a convolution of one pixel (`Conv_2`).
    Conv,
}

/// The network's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modules {
    /// Channels of an image.
    pub(super) image_channels: usize,
    /// Channels of the first convolution and of the time embedding.
    pub(super) width: usize,
    /// Frequencies of the Fourier embedding, if it is one.
    pub(super) fourier: Option<usize>,
    /// Between the first and the last convolution; the first is module [`Self::first`].
    pub(super) body: Vec<Module>,
    /// Where the middle begins in the body: a resnet, an attention and a resnet.
    pub(super) middle: usize,
    /// Channels before the last normalization.
    pub(super) last_channels: usize,
}

impl Modules {
    pub(super) fn of(shapes: &Shapes) -> Result<Self, Refusal> {
        let fourier = match shapes.get(FOURIER) {
            Some(_) => Some(dims::<1>(shapes, FOURIER)?[0]),
            None => None,
        };
        let first = first(fourier);
        let count = (0..shapes.len())
            .take_while(|index| has_module(shapes, *index))
            .count();
        let [width, image_channels] = dims(shapes, &format!("{MODULES}{}.weight", first - 1))?;
        let body = first..count.saturating_sub(2).max(first);
        let body: Vec<Module> = body
            .map(|index| module(shapes, index, image_channels))
            .collect::<Result<_, _>>()?;
        check_combination(&body)?;
        let middle = middle(&body, width)?;
        let [last_channels] = dims(
            shapes,
            &format!("{MODULES}{}.weight", count.saturating_sub(2)),
        )?;
        Ok(Self {
            image_channels,
            width,
            fourier,
            body,
            middle,
            last_channels,
        })
    }

    /// The first module of the body: the layers of the time embedding and a convolution come before it.
    pub(super) fn first(&self) -> usize {
        first(self.fourier)
    }

    /// Whether there are pyramids of images, which the authors' code resamples by the filter in all its models.
    pub(super) fn has_pyramid(&self) -> bool {
        let mut body = self.body.iter();
        body.any(|module| {
            matches!(
                module,
                Module::InputSkip | Module::InputResidual { .. } | Module::OutputNorm
            )
        })
    }

    /// The image on the way out, as the authors' configurations call it.
    pub(super) fn progressive(&self) -> &'static str {
        if self.body.contains(&Module::OutputNorm) {
            "output_skip"
        } else {
            "none"
        }
    }

    /// The image on the way in, likewise.
    pub(super) fn progressive_input(&self) -> &'static str {
        let of = |module: &Module| match module {
            Module::InputSkip => Some("input_skip"),
            Module::InputResidual { .. } => Some("residual"),
            _ => None,
        };
        self.body.iter().find_map(of).unwrap_or("none")
    }

    /// Whether resnets resample, as those of DDPM++ and NCSN++ do; those of DDPM never do.
    pub(super) fn is_plus_plus(&self) -> bool {
        self.body.iter().any(Module::resamples)
    }

    /// How often the size is halved.
    pub(super) fn num_halvings(&self) -> usize {
        let down = self.body.iter().take(self.middle);
        down.filter(|module| **module == Module::Resample || module.resamples())
            .count()
    }
}

impl Module {
    /// A resnet whose input has a convolution of its own though it has the output's channels: only one that resamples has.
    pub(super) fn resamples(&self) -> bool {
        matches!(self, Self::Resnet { inputs, outputs, shortcut: Shortcut::Conv } if inputs == outputs)
    }
}

/// See [`Modules::first`].
fn first(fourier: Option<usize>) -> usize {
    3 + usize::from(fourier.is_some())
}

/// The resnet after a skip of the image has as many inputs as outputs of the one before, unless the two are laid side by side.
fn check_combination(body: &[Module]) -> Result<(), Refusal> {
    let is_concatenated = body.windows(3).any(|modules| match modules {
        [
            Module::Resnet { outputs, .. },
            Module::InputSkip,
            Module::Resnet { inputs, .. },
        ] => inputs == &(2 * outputs),
        _ => false,
    });
    if is_concatenated {
        return Err(unsupported(
            "a score_sde network with progressive_combine \"cat\"",
        ));
    }
    Ok(())
}

fn has_module(shapes: &Shapes, index: usize) -> bool {
    let prefix = format!("{MODULES}{index}.");
    let after = shapes.range(prefix.clone()..).next();
    after.is_some_and(|(name, _)| name.starts_with(&prefix))
}

fn module(shapes: &Shapes, index: usize, image_channels: usize) -> Result<Module, Refusal> {
    let prefix = format!("{MODULES}{index}");
    let has = |name: &str| shapes.contains_key(&format!("{prefix}.{name}"));
    if has("Conv2d_0.weight") {
        let [outputs, inputs] = dims(shapes, &format!("{prefix}.Conv2d_0.weight"))?;
        return Ok(Module::InputResidual { inputs, outputs });
    }
    if let Some(shape) = shapes.get(&format!("{prefix}.weight")) {
        return match **shape {
            [_] => Ok(Module::OutputNorm),
            [outputs, _, 3, 3] if outputs == image_channels => Ok(Module::OutputConv),
            _ => Err(unsupported(
                "a score_sde network with progressive \"residual\"",
            )),
        };
    }
    if has("NIN_3.W") {
        return Ok(Module::Attention);
    }
    if has("GroupNorm_1.weight") {
        let [inputs] = dims(shapes, &format!("{prefix}.GroupNorm_0.weight"))?;
        let [outputs] = dims(shapes, &format!("{prefix}.GroupNorm_1.weight"))?;
        return Ok(Module::Resnet {
            inputs,
            outputs,
            shortcut: if has("Conv_2.weight") {
                Shortcut::Conv
            } else if has("NIN_0.W") {
                Shortcut::Matrix
            } else {
                Shortcut::None
            },
        });
    }
    if has("Conv_0.weight") {
        let [_, _, kernel] = dims(shapes, &format!("{prefix}.Conv_0.weight"))?;
        return Ok(if kernel == 1 {
            Module::InputSkip
        } else {
            Module::Resample
        });
    }
    Err(unsupported(
        "a score_sde network with layers other than those of DDPM, DDPM++ and NCSN++",
    ))
}

/// The first resnet whose input is joined with a skip begins the way up; the middle's three modules stand before it.
fn middle(body: &[Module], width: usize) -> Result<usize, Refusal> {
    let mut channels = width;
    let up = body.iter().position(|module| match *module {
        Module::Resnet {
            inputs, outputs, ..
        } => {
            let is_joined = inputs != channels;
            channels = outputs;
            is_joined
        }
        _ => false,
    });
    let middle = up.and_then(|up| up.checked_sub(3));
    let is_middle = |at: &usize| {
        matches!(
            body[*at..],
            [
                Module::Resnet { .. },
                Module::Attention,
                Module::Resnet { .. },
                ..
            ]
        )
    };
    middle.filter(is_middle).ok_or_else(|| {
        Refusal::Odd(
            "its modules are in no order that DDPM, DDPM++ and NCSN++ networks have".to_owned(),
        )
    })
}

fn unsupported(what: &'static str) -> Refusal {
    Refusal::Unsupported {
        what,
        instead: "use a DDPM, DDPM++ or NCSN++ model as the authors released them, or a diffusers UNet2DModel folder",
    }
}
