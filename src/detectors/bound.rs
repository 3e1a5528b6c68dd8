//! The variational bound: at most how many bits per value the model needs for an image, by one call at each timestep.
//!
//! Ho et al. 2020 (<https://arxiv.org/abs/2006.11239>), Eq. 5, in the form of Nichol & Dhariwal 2021: divergences of the
//! posteriors, a decoder of levels at the first timestep, and the prior's. Of fewer timesteps than the model was trained on a
//! chain of its own is made, whose bound is looser.

use std::f64::consts::{FRAC_2_PI, LN_2};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::levels::{levels, signed};
use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::Schedule;
use crate::diffusion::noise::{NoiseSource, PhiloxNoise, PhiloxStream, Purpose};
use crate::diffusion::schedule::{PixelRange, Process};
use crate::ood::{Measure, MeasureId, Values};

/// Bits per value, at most.
pub const BOUND_BITS: MeasureId = MeasureId::new("bound-bits");

static MEASURE: Measure = Measure {
    id: BOUND_BITS,
    column: "bound_bits",
    label: "Bits per dimension, at most",
    help: "An upper bound of the bits per value that the model needs for the image",
    combination: None,
};

static ABOUT: About = About {
    name: "bound",
    label: "Variational bound",
    help: "A bound of the likelihood by one network call at each of some timesteps; cheaper, and it ranks alike",
};

static TERMS: Parameter = Parameter {
    name: "terms",
    label: "Timesteps",
    help: "How many timesteps the bound is made of: the more, the tighter; all of the model's are those of its training",
    range: 2.0..=10_000.0,
    decimals: 0,
};

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bound {
    /// Timesteps; at most the model's are used.
    pub terms: usize,
}

impl Default for Bound {
    fn default() -> Self {
        Self { terms: 25 }
    }
}

impl Bound {
    pub(super) const MEASURES: &'static [&'static Measure] = &[&MEASURE];
}

impl DetectorSettings for Bound {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, num_train_timesteps: usize) -> usize {
        self.terms.min(num_train_timesteps)
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![BOUND_BITS]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        let config = target.schedule.config();
        if (config.process, config.pixels) != (Process::VariancePreserving, PixelRange::Signed) {
            return Err(DetectorError::Unfit(
                "the bound is that of variance-preserving models of pixels in [-1, 1], and this model is another; use --method \
                 likelihood"
                    .to_owned(),
            ));
        }
        Ok(Box::new(Ready {
            chain: Chain::new(target.schedule, self.terms),
            seed: target.seed,
            measures: [BOUND_BITS].into(),
        }))
    }

    fn summary(&self) -> String {
        format!("variational bound of {} timesteps", self.terms)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&TERMS, self.terms as f64)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        if name == TERMS.name {
            self.terms = value.round() as usize;
        }
    }

    fn is_believable(&self) -> bool {
        TERMS.range.contains(&(self.terms as f64))
    }
}

/// The timesteps of a bound, the clean end first.
struct Chain {
    links: Vec<Link>,
}

/// One step of the chain: what the posterior `q(x_prev | x_t, x_0)` is made of.
struct Link {
    timestep: usize,
    /// Factors of the original and of the noise in the image at this timestep.
    signal: f64,
    noise: f64,
    /// The posterior mean's share of the original.
    of_original: f64,
    /// The posterior's variance; at the clean end, where it is 0, that of the next step.
    variance: f64,
}

impl Chain {
    /// Evenly from the first to the last timestep.
    fn new(schedule: &Schedule, num_terms: usize) -> Self {
        let last = schedule.num_train_timesteps() - 1;
        let num_terms = num_terms.clamp(1, last + 1);
        let spacing = last as f64 / (num_terms - 1).max(1) as f64;
        let timesteps: Vec<usize> = (0..num_terms)
            .map(|term| (term as f64 * spacing).round_ties_even() as usize)
            .collect();
        let mut links: Vec<Link> = Vec::with_capacity(num_terms);
        let mut before = 1.0;
        for timestep in timesteps {
            let alpha = schedule.alpha_cumprod(Some(timestep));
            let beta = 1.0 - alpha / before;
            links.push(Link {
                timestep,
                signal: alpha.sqrt(),
                noise: (1.0 - alpha).sqrt(),
                of_original: beta * before.sqrt() / (1.0 - alpha),
                variance: beta * (1.0 - before) / (1.0 - alpha),
            });
            before = alpha;
        }
        if let Some(second) = links.get(1).map(|link| link.variance) {
            links[0].variance = second;
        }
        Self { links }
    }

    /// The divergence of the last timestep from noise alone, in bits per value.
    fn prior(&self, image: &[f64]) -> f64 {
        let Some(last) = self.links.last() else {
            return f64::NAN;
        };
        let variance = last.noise * last.noise;
        let mean_squared = mean(image.iter().map(|value| (last.signal * value).powi(2)));
        0.5 * (variance - 1.0 - variance.ln() + mean_squared) / LN_2
    }
}

impl Link {
    /// This step's bits per value of an image with values in [-1, 1], by the network's output for it with noise.
    fn bits(&self, schedule: &Schedule, image: &[f64], x_t: &[f32], output: &[f32]) -> f64 {
        let means = x_t.iter().zip(output).map(|(&x_t, &output)| {
            let noise = schedule.pred_noise(self.timestep, f64::from(x_t), f64::from(output));
            ((f64::from(x_t) - self.noise * noise) / self.signal).clamp(-1.0, 1.0)
        });
        let pairs = image.iter().zip(means);
        if self.timestep == 0 {
            let deviation = self.variance.sqrt();
            return mean(pairs.map(|(value, original)| level_bits(*value, original, deviation)));
        }
        // Both means have the same share of the noisy image.
        let differences = pairs.map(|(value, original)| self.of_original * (value - original));
        mean(differences.map(|difference| difference * difference / (2.0 * self.variance) / LN_2))
    }
}

/// Bits of a level under a normal density, whose outermost levels take all that lies beyond.
fn level_bits(value: f64, mean: f64, deviation: f64) -> f64 {
    const HALF_LEVEL: f64 = 1.0 / 255.0;
    const LEAST: f64 = 1e-12;
    let below = |bound: f64| normal_cdf((bound - mean) / deviation);
    let (upper, lower) = (below(value + HALF_LEVEL), below(value - HALF_LEVEL));
    let probability = if value < -0.999 {
        upper
    } else if value > 0.999 {
        1.0 - lower
    } else {
        upper - lower
    };
    -probability.max(LEAST).log2()
}

/// As the reference approximates it (Page 1977): within 2e-4.
fn normal_cdf(x: f64) -> f64 {
    0.5 * (1.0 + (FRAC_2_PI.sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

struct Ready {
    chain: Chain,
    seed: u64,
    measures: Arc<[MeasureId]>,
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        self.chain.links.len()
    }

    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        mut models: Models<'_>,
        mut watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let images: Vec<Vec<f64>> = (batch.originals.iter())
            .map(|original| levels(&original.unit).into_iter().map(signed).collect())
            .collect();
        let noise = PhiloxNoise {
            streams: (batch.contents.iter())
                .map(|content| PhiloxStream::new(self.seed, content, attempt))
                .collect(),
        };
        let terms = self.chain.terms(&images, &noise, &mut models, &mut watch)?;
        let attempts = images.iter().zip(terms).map(|(image, terms)| {
            let bits = terms.iter().sum::<f64>() + self.chain.prior(image);
            Attempt::measured(Values::new(&self.measures, [bits]))
        });
        Ok(attempts.collect())
    }
}

impl Chain {
    /// Each image's bits per value at each timestep.
    fn terms(
        &self,
        images: &[Vec<f64>],
        noise: &dyn NoiseSource,
        models: &mut Models<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let mut terms = vec![Vec::with_capacity(self.links.len()); images.len()];
        for (step, link) in self.links.iter().enumerate() {
            let mut sample = Vec::new();
            for (item, image) in images.iter().enumerate() {
                let mut drawn = vec![0.0; image.len()];
                noise.fill_normal(item, Purpose::Step, step, &mut drawn);
                let values = image.iter().zip(drawn);
                sample.extend(values.map(|(value, drawn)| {
                    (link.signal * value + link.noise * f64::from(drawn)) as f32
                }));
            }
            let timesteps = vec![link.timestep as f32; images.len()];
            let mut output = vec![0.0; sample.len()];
            (models.denoiser).denoise(&sample, &timesteps, &mut output, watch.interrupt)?;
            (watch.on_call)(Call {
                num_done: step + 1,
                num_network_calls: images.len(),
                state_signed: None,
            });
            let len = sample.len() / images.len().max(1);
            let calls = sample.chunks_exact(len).zip(output.chunks_exact(len));
            for ((image, (x_t, output)), terms) in images.iter().zip(calls).zip(&mut terms) {
                terms.push(link.bits(models.schedule, image, x_t, output));
            }
        }
        Ok(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::reference::{self, Reference, WrittenNoise, target};
    use crate::diffusion::NeverInterrupt;
    use crate::diffusion::processes::sub_preserving;

    /// Terms of some of the chain's links, by image.
    fn terms(chain: Chain, links: &[usize], noise: &str) -> Vec<Vec<f64>> {
        let reference = Reference::read("likelihood.safetensors");
        let (schedule, mut denoiser) = reference::bundled();
        let chain = Chain {
            links: (chain.links.into_iter().enumerate())
                .filter(|(index, _)| links.contains(index))
                .map(|(_, link)| link)
                .collect(),
        };
        let mut models = Models {
            schedule: &schedule,
            denoiser: &mut denoiser,
            perceptual: None,
        };
        let mut watch = Watch {
            interrupt: &NeverInterrupt,
            on_call: &mut |_| {},
        };
        let noise = WrittenNoise(reference.rows(noise));
        let images = reference.images_signed();
        chain
            .terms(&images, &noise, &mut models, &mut watch)
            .unwrap()
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        // The smallest terms lie far below what `f32` can say of an image.
        let tolerance = 2e-4 * expected.abs() + 1e-7;
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }

    #[test]
    fn terms_and_prior_are_those_of_the_reference() {
        let (schedule, _) = reference::bundled();
        let expected = [
            [1.280_731_673, 1.797_499_413],
            [0.245_797_271, 0.429_591_601],
            [0.021_319_588, 0.035_085_090],
            [6.342_502_5e-4, 1.346_359_5e-3],
            [2.864_116_7e-5, 6.656_522_6e-5],
            [2.528_181e-7, 6.757_743e-7],
        ];
        let chain = Chain::new(&schedule, 1000);
        let images = Reference::read("likelihood.safetensors").images_signed();
        for (image, prior) in images.iter().zip([2.073_730_5e-5, 1.975_629_1e-5]) {
            assert_near(chain.prior(image), prior);
        }
        let found = terms(chain, &[0, 1, 10, 100, 500, 999], "noise_of_1000");
        for (step, expected) in expected.iter().enumerate() {
            for (image, expected) in expected.iter().enumerate() {
                assert_near(found[image][step], *expected);
            }
        }
    }

    #[test]
    fn a_chain_of_fewer_timesteps_has_variances_of_its_own() {
        let (schedule, _) = reference::bundled();
        let chain = Chain::new(&schedule, 25);
        let timesteps: Vec<usize> = chain.links.iter().map(|link| link.timestep).collect();
        assert_eq!(timesteps[..7], [0, 42, 83, 125, 166, 208, 250]);
        assert_eq!(timesteps[20..], [832, 874, 916, 957, 999]);
        let found = terms(chain, &[0, 1, 12], "noise_of_25");
        let reference = Reference::read("likelihood.safetensors");
        for (found, expected) in found.iter().zip(reference.rows("terms_of_25")) {
            for (found, expected) in found.iter().zip(expected) {
                assert_near(*found, expected);
            }
        }
    }

    #[test]
    fn another_process_is_refused_by_name() {
        let schedule = Schedule::new(sub_preserving()).unwrap();
        let refusal = Bound::default().detector(&target(&schedule)).err().unwrap();
        assert!(refusal.to_string().contains("--method likelihood"));
    }
}
