//! Ancestral sampling: Ho et al. 2020, <https://arxiv.org/abs/2006.11239>, respaced where steps are left out.

use super::rule::{ByRule, Ends, Factors};
use super::{Rule, SamplerDef, SamplerKind, SamplerSettings};
use crate::diffusion::schedule::Variance;

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "ddpm",
    label: "DDPM",
    help: "Ancestral: all training steps unless --steps says otherwise",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps,
    rule: Rule::Steps(|settings| Box::new(ByRule::new(settings, factors))),
};

impl SamplerKind {
    /// Ancestral sampling.
    pub const DDPM: Self = Self(&SAMPLER);
}

/// Eq. 6 and 7 with the alpha of the step taken from its two ends, which respaces, by the variances of any process.
pub(super) fn factors(_: &SamplerSettings, ends: &Ends<'_>) -> Factors {
    let &Ends {
        alpha,
        alpha_next,
        noise,
        noise_next,
        added,
        is_last,
        schedule,
    } = ends;
    let x0 = alpha_next.sqrt() * added / noise;
    let sample = (alpha / alpha_next).sqrt() * noise_next / noise;
    let sigma = match schedule.config().variance {
        _ if is_last => 0.0,
        Variance::FixedSmall => (noise_next / noise * added).sqrt(),
        Variance::FixedLarge => added.sqrt(),
    };
    Factors {
        x0,
        sample,
        noise: sigma,
    }
}
