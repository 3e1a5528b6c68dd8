//! Against PyTorch's values of a small autoencoder (`tests/fixtures/detectors/make_regret.py`).

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::regret::Subject;
use super::*;
use crate::diffusion::{Interrupt, Interrupted, NeverInterrupt};

const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 32,
};

struct Reference(HashMap<String, Tensor>);

impl Reference {
    fn read() -> Self {
        let file = "tests/fixtures/detectors/regret.safetensors";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    fn tensor(&self, name: &str) -> Tensor {
        self.0[name].to_dtype(DType::F64).unwrap()
    }

    fn values(&self, name: &str) -> Vec<f64> {
        self.tensor(name).flatten_all().unwrap().to_vec1().unwrap()
    }

    fn image(&self, image: usize) -> Vec<u8> {
        let values = self.values("levels");
        let own = &values[image * GEOMETRY.len()..][..GEOMETRY.len()];
        own.iter().map(|level| *level as u8).collect()
    }

    /// Standard normals as they were drawn there.
    fn fill(&self, image: usize) -> impl Fn(Draws, usize, &mut [f32]) {
        let of = |name: &str| {
            let values = self.values(name);
            let len = values.len() / 2;
            values[image * len..][..len].to_vec()
        };
        let all = ["noise_before", "noise_iterations", "noise_after"].map(of);
        move |draws, index, out| {
            let values = &all[draws as usize][index * out.len()..];
            for (out, value) in out.iter_mut().zip(values) {
                *out = *value as f32;
            }
        }
    }

    /// The weights of one of PyTorch's convolutions (out, in, 4, 4).
    fn weight(&self, name: &str) -> (Vec<f64>, [usize; 2]) {
        let tensor = self.tensor(&format!("vae.{name}.weight"));
        let (out, inputs, ..) = tensor.dims4().unwrap();
        (self.values(&format!("vae.{name}.weight")), [out, inputs])
    }

    fn norm(&self, name: &str) -> Vec<f64> {
        let parts = ["weight", "bias", "running_mean", "running_var"];
        let parts = parts.map(|part| self.values(&format!("vae.{name}.{part}")));
        parts.concat()
    }

    /// The same network in our order of numbers.
    fn autoencoder(&self) -> Autoencoder {
        let mut numbers: Vec<f64> = Vec::new();
        for (conv, norm) in [("enc.0", "enc.1"), ("enc.3", "enc.4"), ("enc.6", "enc.7")] {
            let (weight, [out, inputs]) = self.weight(conv);
            for (ky, kx) in (0..16).map(|tap| (tap / 4, tap % 4)) {
                for input in 0..inputs {
                    let at = |out: usize| ((out * inputs + input) * 4 + ky) * 4 + kx;
                    numbers.extend((0..out).map(|out| weight[at(out)]));
                }
            }
            numbers.extend(self.norm(norm));
        }
        for name in ["mu", "logvar"] {
            let (weight, [out, inputs]) = self.weight(name);
            for pixel in 0..16 {
                for input in 0..inputs {
                    numbers.extend((0..out).map(|out| weight[(out * inputs + input) * 16 + pixel]));
                }
            }
            numbers.extend(self.values(&format!("vae.{name}.bias")));
        }
        // Transposed convolutions are (in, out, 4, 4).
        let (weight, [inputs, out]) = self.weight("dec.0");
        for input in 0..inputs {
            for pixel in 0..16 {
                numbers.extend((0..out).map(|index| weight[(input * out + index) * 16 + pixel]));
            }
        }
        for (norm, conv) in [("dec.1", "dec.3"), ("dec.4", "dec.6"), ("dec.7", "dec.9")] {
            numbers.extend(self.norm(norm));
            let (weight, [inputs, out]) = self.weight(conv);
            for (parity_y, parity_x, y, x) in four_times_two() {
                // The tap through which input `y` of the two reaches an output of this parity.
                let (ky, kx) = (3 - parity_y - 2 * y, 3 - parity_x - 2 * x);
                for input in 0..inputs {
                    let at = |index: usize| ((input * out + index) * 4 + ky) * 4 + kx;
                    numbers.extend((0..out).map(|index| weight[at(index)]));
                }
            }
        }
        let latents = self.tensor("mu").dim(1).unwrap();
        let (_, [width, _]) = self.weight("enc.0");
        let shape = Shape {
            geometry: GEOMETRY,
            width,
            latents,
        };
        let numbers: Vec<f32> = numbers.into_iter().map(|value| value as f32).collect();
        assert_eq!(numbers.len(), shape.num_parameters());
        Autoencoder::new(shape, &numbers).unwrap()
    }
}

fn four_times_two() -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..16).map(|index| (index / 8, index / 4 % 2, index / 2 % 2, index % 2))
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() < tolerance,
        "{found}, expected {expected}"
    );
}

#[test]
fn an_image_is_encoded_as_the_reference_does() {
    let reference = Reference::read();
    let autoencoder = reference.autoencoder();
    for image in 0..2 {
        let units = levels::units(&reference.image(image), GEOMETRY).unwrap();
        let encoder = Encoder {
            shape: autoencoder.shape(),
            tensors: &autoencoder.encoder,
        };
        let Encoded { mean, log_variance } = encoder.run(&units, Mode::Inference).unwrap();
        for (found, name) in [(mean, "mu"), (log_variance, "logvar")] {
            let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let expected = &reference.values(name)[image * found.len()..];
            for (found, expected) in found.iter().zip(expected) {
                assert_near(f64::from(*found), *expected, 2e-5);
            }
        }
    }
}

#[test]
fn likelihoods_before_and_after_are_those_of_the_reference() {
    let reference = Reference::read();
    let autoencoder = reference.autoencoder();
    let regret = Regret {
        num_draws: 20,
        num_steps: 10,
    };
    for image in 0..2 {
        let (levels, fill) = (reference.image(image), reference.fill(image));
        let found = regret
            .of(&autoencoder, &levels, &fill, &NeverInterrupt)
            .unwrap();
        assert_near(found.before, reference.values("before")[image], 1e-3);
        assert_near(found.after, reference.values("after")[image], 2e-3);
    }
}

#[test]
fn the_encoder_takes_the_steps_of_the_reference() {
    let reference = Reference::read();
    let autoencoder = reference.autoencoder();
    let expected = reference.values("losses");
    for image in 0..2 {
        let (levels, fill) = (reference.image(image), reference.fill(image));
        let subject = Subject::new(&autoencoder, &levels, &fill, &NeverInterrupt).unwrap();
        let mut losses = Vec::new();
        subject.adapt(10, &mut |loss| losses.push(loss)).unwrap();
        for (found, expected) in losses.iter().zip(&expected[image * 10..]) {
            assert_near(*found, *expected, 2e-3);
        }
        assert_eq!(losses.len(), 10);
    }
}

/// Bright images with a dark square, somewhere.
fn squares(count: usize, geometry: Geometry) -> Vec<Vec<u8>> {
    let Geometry { channels, side } = geometry;
    let image = |index: usize| {
        let (left, top) = (index % (side / 2), index / 3 % (side / 2));
        let value = move |at: usize| {
            let (y, x) = (at / channels / side, at / channels % side);
            let is_inside =
                (left..left + side / 2).contains(&x) && (top..top + side / 2).contains(&y);
            if is_inside { 30 } else { 220 }
        };
        (0..geometry.len()).map(value).collect()
    };
    (0..count).map(image).collect()
}

#[test]
fn training_learns_and_is_the_same_by_the_same_seed() {
    let geometry = Geometry {
        channels: 3,
        side: 8,
    };
    let shape = Shape {
        width: 4,
        latents: 3,
        ..Shape::usual(geometry).unwrap()
    };
    let images = squares(24, geometry);
    let run = |seed: u64| {
        let mut losses = Vec::new();
        let training = Training { epochs: 60, seed };
        let mut on_epoch = |epoch: usize, loss: f64| {
            losses.push(loss);
            assert_eq!(losses.len(), epoch);
        };
        let trained = train(shape, &images, training, &NeverInterrupt, &mut on_epoch).unwrap();
        (losses, trained.numbers().unwrap())
    };
    let (losses, numbers) = run(1);
    // Nothing is known at first: each of 192 values is one of 256 levels.
    let nothing = 192.0 * 256.0_f64.ln();
    assert!((losses[0] / nothing - 1.0).abs() < 0.05, "{losses:?}");
    let tenths: Vec<f64> = losses
        .chunks(10)
        .map(|some| some.iter().sum::<f64>())
        .collect();
    assert!(
        tenths.is_sorted_by(|early, late| early > late),
        "{losses:?}"
    );
    assert!(losses[59] < 0.98 * nothing, "{losses:?}");
    assert_eq!(numbers, run(1).1);
    assert_ne!(numbers, run(2).1);
    let again = Autoencoder::new(shape, &numbers).unwrap();
    assert_eq!(again.numbers().unwrap(), numbers);
    assert!(Autoencoder::new(shape, &numbers[1..]).is_none());
}

#[test]
fn the_gradient_of_surprise_is_that_of_differences() {
    let values: Vec<f32> = (0..512).map(|at| ((at * 37 % 101) as f32) / 50.0).collect();
    let levels = vec![3, 250];
    let loss = |values: &[f32]| levels::surprise(values, &levels, 1)[0];
    let var = Var::from_vec(values.clone(), (2, 256), &Device::Cpu).unwrap();
    let op = levels::Surprise {
        levels: levels.clone(),
    };
    let total = (var.apply_op1(op).unwrap() * 3.0).unwrap();
    let gradients = total.backward().unwrap();
    let gradient: Vec<f32> = gradients
        .get(&var)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    for at in [0, 3, 100, 256, 506, 511] {
        let step = 1e-2;
        let [mut above, mut below] = [values.clone(), values.clone()];
        above[at] += step;
        below[at] -= step;
        let expected = 3.0 * (loss(&above) - loss(&below)) / (2.0 * f64::from(step));
        assert_near(f64::from(gradient[at]), expected, 1e-3);
    }
}

#[test]
fn work_ends_when_it_is_stopped() {
    struct Stop;
    impl Interrupt for Stop {
        fn check(&self) -> std::result::Result<(), Interrupted> {
            Err(Interrupted)
        }
    }
    let shape = Shape::usual(GEOMETRY).unwrap();
    let images = squares(2, GEOMETRY);
    let training = Training { epochs: 1, seed: 0 };
    let stopped = train(shape, &images, training, &Stop, &mut |_, _| {});
    assert!(matches!(stopped, Err(TrainingError::Interrupted(_))));
    let reference = Reference::read();
    let regret = Regret {
        num_draws: 1,
        num_steps: 1,
    };
    let (image, fill) = (reference.image(0), reference.fill(0));
    let stopped = regret.of(&reference.autoencoder(), &image, &fill, &Stop);
    assert!(matches!(stopped, Err(RegretError::Interrupted(_))));
}

#[test]
fn images_whose_side_is_no_power_of_two_have_no_autoencoder() {
    let usual = |side| Shape::usual(Geometry { channels: 1, side });
    assert!(
        [4, 28, 48, 256, 1 << 40]
            .into_iter()
            .all(|side| usual(side).is_none())
    );
    assert_eq!(usual(64).unwrap().widths(), [32, 64, 128, 256]);
    // The published network: 1.1 million.
    assert_eq!(usual(32).unwrap().num_parameters(), 1_075_656);
}
