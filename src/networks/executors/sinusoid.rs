//! The waves of the time embedding, the same for every executor.

use std::f32::consts::PI;

use crate::networks::description::TimeEmbedding;

impl TimeEmbedding {
    /// The `num_channels` values for one timestep or noise level, in `f32` throughout as PyTorch computes them.
    pub fn sinusoid(&self, timestep: f32) -> Vec<f32> {
        if let Some(frequencies) = &self.fourier {
            // Hundreds of radians: the order of the factors shows.
            let level = timestep.ln();
            let angles = (frequencies.values.iter()).map(|frequency| level * frequency * 2.0 * PI);
            return angles
                .clone()
                .map(f32::sin)
                .chain(angles.map(f32::cos))
                .collect();
        }
        let half = self.num_channels / 2;
        let divisor = half as f64 - self.freq_shift;
        let timestep = timestep * self.scale as f32;
        let angles = (0..half).map(|i| {
            let exponent = -(self.max_period.ln() as f32) * i as f32 / divisor as f32;
            timestep * exponent.exp()
        });
        let sin = angles.clone().map(f32::sin);
        let cos = angles.map(f32::cos);
        let mut values: Vec<f32> = if self.flip_sin_to_cos {
            cos.chain(sin).collect()
        } else {
            sin.chain(cos).collect()
        };
        values.resize(self.num_channels, 0.0);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::description::Linear;
    use crate::networks::weights::Weights;

    fn embedding(num_channels: usize, flip_sin_to_cos: bool, freq_shift: f64) -> TimeEmbedding {
        let linear = || Linear {
            weight: Weights {
                shape: vec![0, 0],
                values: [].into(),
            },
            bias: None,
        };
        TimeEmbedding {
            num_channels,
            fourier: None,
            flip_sin_to_cos,
            freq_shift,
            max_period: 10_000.0,
            scale: 1.0,
            linear_1: linear(),
            linear_2: linear(),
        }
    }

    #[test]
    fn order_and_frequencies() {
        // half = 2, shift 1: frequencies 1 and 1/10000.
        let sin_first = embedding(4, false, 1.0).sinusoid(2.0);
        let expected = [2.0_f32.sin(), 2e-4_f32.sin(), 2.0_f32.cos(), 2e-4_f32.cos()];
        for (got, want) in sin_first.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        // half = 2, shift 0: frequencies 1 and 1/100.
        let cos_first = embedding(4, true, 0.0).sinusoid(3.0);
        let expected = [3.0_f32.cos(), 0.03_f32.cos(), 3.0_f32.sin(), 0.03_f32.sin()];
        for (got, want) in cos_first.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn an_odd_width_ends_with_a_zero() {
        let values = embedding(5, true, 0.0).sinusoid(1.0);
        assert_eq!((values.len(), values[4]), (5, 0.0));
    }
}
