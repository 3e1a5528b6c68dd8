//! `RePaint` (Lugmayr et al. 2022, <https://arxiv.org/abs/2201.09865>), Algorithm 1: each ancestral step is taken several
//! times, with noise added again in between, so that what is inpainted and what is known come to fit.

use super::rule::ByRule;
use super::{Rule, SamplerDef, ddpm};

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "repaint",
    label: "RePaint",
    help: "Ancestral, each step taken 5 times: 50 steps, 246 network calls, unless --steps, --jump-length and --jump-count \
           say otherwise; experimental",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(50),
    rule: Rule::Resampled(|settings| Box::new(ByRule::new(settings, ddpm::factors))),
};
