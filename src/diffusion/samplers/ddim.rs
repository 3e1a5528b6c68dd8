//! DDIM: Song et al. 2021, <https://arxiv.org/abs/2010.02502>.

use super::rule::{ByRule, Ends, Factors};
use super::{Rule, SamplerDef, SamplerKind, SamplerSettings};

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "ddim",
    label: "DDIM",
    help: "Few steps, 25 unless --steps says otherwise; --eta is the noise that each adds",
    uses_eta: true,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::Steps(|settings| Box::new(ByRule::new(settings, factors))),
};

impl SamplerKind {
    pub const DDIM: Self = Self(&SAMPLER);
}

/// Eq. 12 with `noise = (x_t - sqrt(a) x0) / std` put in, by the variances of any process.
pub(super) fn factors(settings: &SamplerSettings, ends: &Ends<'_>) -> Factors {
    let &Ends {
        alpha,
        alpha_next,
        noise,
        noise_next,
        added,
        ..
    } = ends;
    let variance = noise_next / noise * added;
    let sigma = settings.eta * variance.max(0.0).sqrt();
    let direction = (noise_next - sigma * sigma).max(0.0).sqrt();
    let sample = direction / noise.sqrt();
    Factors {
        x0: alpha_next.sqrt() - sample * alpha.sqrt(),
        sample,
        noise: sigma,
    }
}
