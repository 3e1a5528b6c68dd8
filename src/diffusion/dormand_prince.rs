//! An adaptive Runge-Kutta method of order 5 (Dormand & Prince 1980), one state at a time.
//!
//! It asks for slopes instead of calling a function, so that many states, each with steps of its own, can share network calls:
//! the result of one does not depend on its company. Steps are chosen as `scipy.integrate.RK45` does (Hairer, Nørsett &
//! Wanner, *Solving ordinary differential equations I*, II.4).

/// Where a stage lies in its step.
const NODES: [f64; 7] = [0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];

/// What each stage takes of the slopes before it; the last row gives the step's result.
const WEIGHTS: [&[f64]; 7] = [
    &[],
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[
        19372.0 / 6561.0,
        -25360.0 / 2187.0,
        64448.0 / 6561.0,
        -212.0 / 729.0,
    ],
    &[
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
    ],
    &[
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
];

/// The result of order 5 minus that of order 4, in slopes.
const ERROR: [f64; 7] = [
    -71.0 / 57600.0,
    0.0,
    71.0 / 16695.0,
    -71.0 / 1920.0,
    17253.0 / 339_200.0,
    -22.0 / 525.0,
    1.0 / 40.0,
];

/// An integration that takes more is given up.
const MOST_SLOPES: usize = 20_000;

/// The integration of one state.
#[derive(Clone, Debug)]
pub struct Integration {
    end: f64,
    /// Relative and absolute.
    tolerance: f64,
    at: f64,
    state: Vec<f64>,
    /// Of the stages so far.
    slopes: Vec<Vec<f64>>,
    step: f64,
    is_repeated: bool,
    stage: Stage,
    asked_at: f64,
    asked: Vec<f64>,
    num_slopes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// The slope at the beginning.
    First,
    /// The slope after a first small step, which the first step's length is chosen by.
    Trial(f64),
    /// A stage of a step, from 1.
    Of(usize),
    Done,
    Failed,
}

impl Integration {
    /// Of a state from `start` to `end`, which lies above it.
    pub fn new(state: Vec<f64>, (start, end): (f64, f64), tolerance: f64) -> Self {
        Self {
            end,
            tolerance,
            at: start,
            asked_at: start,
            asked: state.clone(),
            state,
            slopes: Vec::with_capacity(ERROR.len()),
            step: 0.0,
            is_repeated: false,
            stage: Stage::First,
            num_slopes: 0,
        }
    }

    /// Where the next slope is needed, and of what; `None` when it is over.
    pub fn asks(&self) -> Option<(f64, &[f64])> {
        let is_over = matches!(self.stage, Stage::Done | Stage::Failed);
        (!is_over).then_some((self.asked_at, &*self.asked))
    }

    /// The state at the end; `None` before it is reached, and where it can't be: slopes that are not finite, or steps that
    /// would have to be too small.
    pub fn result(&self) -> Option<&[f64]> {
        (self.stage == Stage::Done).then_some(&*self.state)
    }

    /// Go on by the slope that was asked for.
    pub fn answer(&mut self, slope: Vec<f64>) {
        self.num_slopes += 1;
        let is_finite = slope.iter().all(|value| value.is_finite());
        if !is_finite || self.num_slopes > MOST_SLOPES {
            self.stage = Stage::Failed;
            return;
        }
        match self.stage {
            Stage::First => {
                let length = self.trial_step(&slope);
                self.slopes.push(slope);
                self.ask(length, &[1.0]);
                self.asked_at = self.at + length;
                self.stage = Stage::Trial(length);
            }
            Stage::Trial(length) => {
                self.step = self.first_step(length, &slope);
                self.begin_step();
            }
            Stage::Of(stage) => {
                self.slopes.push(slope);
                if stage + 1 < NODES.len() {
                    self.ask_stage(stage + 1);
                } else {
                    self.judge_step();
                }
            }
            Stage::Done | Stage::Failed => {}
        }
    }

    /// Ask for the slope after `length` along a mean of the slopes so far.
    fn ask(&mut self, length: f64, weights: &[f64]) {
        self.asked.clone_from(&self.state);
        for (weight, slope) in weights.iter().zip(&self.slopes) {
            for (value, slope) in self.asked.iter_mut().zip(slope) {
                *value += length * weight * slope;
            }
        }
    }

    fn ask_stage(&mut self, stage: usize) {
        self.ask(self.step, WEIGHTS[stage]);
        self.asked_at = self.at + NODES[stage] * self.step;
        self.stage = Stage::Of(stage);
    }

    fn begin_step(&mut self) {
        let smallest = 10.0 * (self.at.next_up() - self.at);
        if self.step < smallest {
            self.stage = Stage::Failed;
            return;
        }
        self.step = self.step.min(self.end - self.at);
        self.slopes.truncate(1);
        self.ask_stage(1);
    }

    /// Take the step, or repeat it with a smaller one.
    fn judge_step(&mut self) {
        let scale: Vec<f64> = (self.state.iter().zip(&self.asked))
            .map(|(old, new)| self.tolerance * (1.0 + old.abs().max(new.abs())))
            .collect();
        let errors = (0..self.state.len()).map(|index| {
            let weighted = ERROR.iter().zip(&self.slopes);
            let error: f64 = weighted.map(|(weight, slope)| weight * slope[index]).sum();
            self.step * error / scale[index]
        });
        let error = root_mean_square(errors);
        let factor = 0.9 * error.powf(-0.2);
        if error >= 1.0 {
            self.step *= factor.max(0.2);
            self.is_repeated = true;
            self.begin_step();
            return;
        }
        let most = if self.is_repeated { 1.0 } else { 10.0 };
        self.is_repeated = false;
        self.at = self.asked_at;
        std::mem::swap(&mut self.state, &mut self.asked);
        let last = self.slopes.len() - 1;
        // A step's last slope is the next one's first.
        self.slopes.swap(0, last);
        if self.at >= self.end {
            self.stage = Stage::Done;
        } else {
            self.step *= factor.min(most);
            self.begin_step();
        }
    }

    fn scaled(&self, values: &[f64]) -> f64 {
        let scaled = (values.iter().zip(&self.state))
            .map(|(value, state)| value / (self.tolerance * (1.0 + state.abs())));
        root_mean_square(scaled)
    }

    fn trial_step(&self, slope: &[f64]) -> f64 {
        let (size, speed) = (self.scaled(&self.state), self.scaled(slope));
        let length = if size < 1e-5 || speed < 1e-5 {
            1e-6
        } else {
            0.01 * size / speed
        };
        length.min(self.end - self.at)
    }

    fn first_step(&self, trial: f64, slope: &[f64]) -> f64 {
        let change: Vec<f64> = (slope.iter().zip(&self.slopes[0]))
            .map(|(after, before)| after - before)
            .collect();
        let speed = self.scaled(&self.slopes[0]);
        let curvature = self.scaled(&change) / trial;
        let length = if speed <= 1e-15 && curvature <= 1e-15 {
            (trial * 1e-3).max(1e-6)
        } else {
            (0.01 / speed.max(curvature)).powf(0.2)
        };
        length.min(100.0 * trial).min(self.end - self.at)
    }
}

fn root_mean_square(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    (values.map(|value| value * value).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integrate(
        state: Vec<f64>,
        span: (f64, f64),
        tolerance: f64,
        slope: impl Fn(f64, &[f64]) -> Vec<f64>,
    ) -> (Option<Vec<f64>>, usize) {
        let mut integration = Integration::new(state, span, tolerance);
        while let Some((at, state)) = integration.asks() {
            let slope = slope(at, state);
            integration.answer(slope);
        }
        let result = integration.result().map(<[f64]>::to_vec);
        (result, integration.num_slopes)
    }

    /// `scipy.integrate.solve_ivp(lambda t, y: [y[1], -y[0] + 0.3 * np.cos(2 * t)], (0, 7), [1, 0], rtol=r, atol=r)`, version
    /// 1.17.1: the last state and the number of evaluations.
    #[test]
    fn an_oscillator_is_that_of_scipy() {
        let driven = |at: f64, state: &[f64]| vec![state[1], -state[0] + 0.3 * (2.0 * at).cos()];
        for (tolerance, expected, num_slopes) in [
            (
                1e-3,
                [0.813_868_690_602_438_5, -0.528_599_420_599_449_2],
                50,
            ),
            (
                1e-6,
                [0.815_616_226_702_753_8, -0.524_563_209_888_349_9],
                176,
            ),
        ] {
            let (result, found) = integrate(vec![1.0, 0.0], (0.0, 7.0), tolerance, driven);
            let result = result.unwrap();
            assert_eq!(found, num_slopes, "{tolerance}");
            for (value, expected) in result.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-11, "{result:?}");
            }
        }
    }

    #[test]
    fn what_can_not_be_integrated_ends_without_a_result() {
        let explodes = |_: f64, state: &[f64]| vec![state[0] * state[0]];
        assert_eq!(integrate(vec![1.0], (0.0, 2.0), 1e-6, explodes).0, None);
        let undefined = |_: f64, _: &[f64]| vec![f64::NAN];
        assert_eq!(integrate(vec![1.0], (0.0, 2.0), 1e-6, undefined).0, None);
    }
}
