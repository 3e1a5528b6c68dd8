//! The samplers of `score_sde_pytorch`: see [`continuous`](crate::diffusion::continuous).

use super::{Rule, SamplerDef, SamplerKind};
use crate::diffusion::continuous::{Corrector, StepSize};

pub(super) static PREDICTOR: SamplerDef = SamplerDef {
    name: "predictor",
    label: "Predictor",
    help: "As the authors' code for VP and sub-VP models: Euler-Maruyama steps in continuous time, all unless --steps says otherwise",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps,
    rule: Rule::Continuous(Corrector::None),
};

pub(super) static CORRECTOR: SamplerDef = SamplerDef {
    name: "predictor-corrector",
    label: "Predictor and corrector",
    help: "As the authors' code for VE models: a Langevin step before each predictor step, two network calls in all",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps,
    rule: Rule::Continuous(Corrector::Langevin(StepSize::PerImage)),
};

pub(super) static BATCH_CORRECTOR: SamplerDef = SamplerDef {
    name: "predictor-corrector-batch",
    label: "Predictor and corrector (by batch)",
    help: "The same with the corrector's step by the images of a network call together, as in the authors' code: scores then \
           depend on --batch",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps,
    rule: Rule::Continuous(Corrector::Langevin(StepSize::PerBatch)),
};

impl SamplerKind {
    /// The predictor alone.
    pub const PREDICTOR: Self = Self(&PREDICTOR);
    /// With a corrector, each image by itself.
    pub const CORRECTOR: Self = Self(&CORRECTOR);
    /// With a corrector whose step the images of a call share.
    pub const BATCH_CORRECTOR: Self = Self(&BATCH_CORRECTOR);
}
