//! A network's stages as the blocks of a UNet, whatever family they were read from.

use crate::networks::description::{
    Attention, GroupNorm, OutputSkip, Padding, Resnet, ResnetResample, Stage,
};

/// A network's body.
pub(super) struct Body {
    pub(super) down: Vec<Level>,
    /// Resnet, attention and resnet.
    pub(super) middle: Option<Middle>,
    /// The lowest level first.
    pub(super) up: Vec<Level>,
}

/// All layers of one size.
#[derive(Default)]
pub(super) struct Level {
    pub(super) layers: Vec<Layer>,
    /// How the next level is reached; `None` at the end.
    pub(super) resampler: Option<Resampler>,
    /// What meets the image: on the way down after the resampler, on the way up before it.
    pub(super) has_image: bool,
}

pub(super) struct Layer {
    pub(super) resnet: Box<Resnet>,
    pub(super) attention: Option<Box<Attention>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resampler {
    /// A convolution; `Some` of its padding on the way down.
    Conv(Option<Padding>),
    Resnet(ResnetResample),
}

pub(super) struct Middle {
    pub(super) resnets: [Box<Resnet>; 2],
    pub(super) attention: Option<Box<Attention>>,
}

/// What diffusers has no blocks for.
pub(super) const ODD: &str = "layers in an order that diffusers has no blocks for";

/// Reads stages one after the other.
struct Reader<'a>(&'a [Stage]);

impl Reader<'_> {
    /// Pass a stage that is of this kind.
    fn takes(&mut self, is_wanted: impl Fn(&Stage) -> bool) -> bool {
        match self.0 {
            [stage, rest @ ..] if is_wanted(stage) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// A resnet that does not resample, and the attention behind it.
    fn layer(&mut self) -> Option<Layer> {
        let [Stage::Resnet(resnet), rest @ ..] = self.0 else {
            return None;
        };
        if resnet.resample.is_some() {
            return None;
        }
        self.0 = rest;
        let attention = match self.0 {
            [Stage::Attention(attention), rest @ ..] => {
                self.0 = rest;
                Some(attention.clone())
            }
            _ => None,
        };
        Some(Layer {
            resnet: resnet.clone(),
            attention,
        })
    }

    fn resampler(&mut self) -> Option<Resampler> {
        let [stage, rest @ ..] = self.0 else {
            return None;
        };
        let found = match stage {
            Stage::Downsample(resample) => Resampler::Conv(Some(resample.conv.padding)),
            Stage::Upsample(_) => Resampler::Conv(None),
            Stage::Resnet(resnet) => Resampler::Resnet(resnet.resample?),
            _ => return None,
        };
        self.0 = rest;
        Some(found)
    }

    fn down(&mut self) -> Option<Vec<Level>> {
        if !self.takes(|stage| matches!(stage, Stage::PushSkip)) {
            return None;
        }
        let mut levels = vec![Level::default()];
        loop {
            let before = self.0;
            if let Some(resampler) = self.resampler() {
                let level = levels.last_mut()?;
                level.resampler = Some(resampler);
                level.has_image = self.takes(|stage| matches!(stage, Stage::InputSkip(_)));
                levels.push(Level::default());
            } else if let Some(layer) = self.layer()
                && matches!(self.0.first(), Some(Stage::PushSkip))
            {
                levels.last_mut()?.layers.push(layer);
            } else {
                // The middle, or the way up.
                self.0 = before;
                return Some(levels);
            }
            if !self.takes(|stage| matches!(stage, Stage::PushSkip)) {
                return None;
            }
        }
    }

    fn middle(&mut self) -> Result<Option<Middle>, &'static str> {
        let Some(first) = self.layer() else {
            return Ok(None);
        };
        let Layer {
            resnet: last,
            attention: None,
        } = self.layer().ok_or(ODD)?
        else {
            return Err(ODD);
        };
        Ok(Some(Middle {
            resnets: [first.resnet, last],
            attention: first.attention,
        }))
    }

    fn up(&mut self) -> Option<Vec<Level>> {
        let mut levels = vec![Level::default()];
        while !self.0.is_empty() {
            let level = levels.last_mut()?;
            if self.takes(|stage| matches!(stage, Stage::ConcatSkip)) {
                level.layers.push(self.layer()?);
            } else if self.takes(|stage| matches!(stage, Stage::OutputSkip(_))) {
                level.has_image = true;
            } else {
                level.resampler = Some(self.resampler()?);
                levels.push(Level::default());
            }
        }
        Some(levels)
    }
}

impl Body {
    /// The blocks of these stages; the message says what they are instead.
    pub(super) fn of(stages: &[Stage]) -> Result<Self, &'static str> {
        let is_residual = |stage: &Stage| matches!(stage, Stage::InputResidual(_));
        if stages.iter().any(is_residual) {
            return Err("a residual pyramid of images (progressive_input \"residual\")");
        }
        let mut reader = Reader(stages);
        let down = reader.down().ok_or(ODD)?;
        let middle = reader.middle()?;
        let up = reader.up().ok_or(ODD)?;
        let is_mirrored =
            down.len() == up.len() && down.iter().chain(&up).all(|level| !level.layers.is_empty());
        if !is_mirrored {
            return Err(ODD);
        }
        Ok(Self { down, middle, up })
    }

    /// All layers outside of the middle.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Layer> {
        let levels = self.down.iter().chain(&self.up);
        levels.flat_map(|level| &level.layers)
    }

    /// All attentions.
    pub(super) fn attentions(&self) -> impl Iterator<Item = &Attention> {
        let middle = self.middle.iter().flat_map(|middle| &middle.attention);
        let layers = self.layers().filter_map(|layer| layer.attention.as_ref());
        layers.chain(middle).map(|attention| &**attention)
    }
}

/// All normalizations of some stages, but for those of attentions.
pub(super) fn norms(stages: &[Stage]) -> impl Iterator<Item = &GroupNorm> {
    stages.iter().flat_map(|stage| match stage {
        Stage::Resnet(resnet) => vec![&resnet.norm1, &resnet.norm2],
        Stage::OutputSkip(skip) => {
            let OutputSkip { norm, .. } = &**skip;
            vec![norm]
        }
        _ => Vec::new(),
    })
}
