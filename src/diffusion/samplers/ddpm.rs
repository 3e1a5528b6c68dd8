//! Ancestral sampling: Ho et al. 2020, <https://arxiv.org/abs/2006.11239>, respaced where steps are left out.

use super::rule::{ByRule, Ends, Factors};
use super::{SamplerDef, SamplerKind, SamplerSettings};
use crate::diffusion::schedule::Variance;

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "ddpm",
    label: "DDPM",
    help: "Ancestral: all training steps unless --steps says otherwise",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps,
    start: |settings| Box::new(ByRule::new(settings, factors)),
};

impl SamplerKind {
    /// Ancestral sampling.
    pub const DDPM: Self = Self(&SAMPLER);
}

/// Eq. 6 and 7 with the alpha of the step taken from its two ends, which respaces.
fn factors(_: &SamplerSettings, ends: &Ends<'_>) -> Factors {
    let &Ends {
        alpha,
        alpha_next,
        is_last,
        schedule,
    } = ends;
    let step_alpha = alpha / alpha_next;
    let step_beta = 1.0 - step_alpha;
    let x0 = alpha_next.sqrt() * step_beta / (1.0 - alpha);
    let sample = step_alpha.sqrt() * (1.0 - alpha_next) / (1.0 - alpha);
    let sigma = match schedule.config().variance {
        _ if is_last => 0.0,
        Variance::FixedSmall => ((1.0 - alpha_next) / (1.0 - alpha) * step_beta).sqrt(),
        Variance::FixedLarge => step_beta.sqrt(),
    };
    Factors {
        x0,
        sample,
        noise: sigma,
    }
}
