//! Going back while sampling, as `RePaint` does (Lugmayr et al. 2022, <https://arxiv.org/abs/2201.09865>, section 4.2 and
//! appendix B): what is inpainted gets more than one chance to fit what is known.

use serde::{Deserialize, Serialize};

/// How often and how far to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resampling {
    /// Steps of a stretch (`jump_length`), 1 at least.
    pub jump_length: usize,
    /// Times that each stretch is taken (`jump_n_sample`), 1 at least: 1 never goes back.
    pub jump_count: usize,
}

impl Default for Resampling {
    /// Each step five times.
    fn default() -> Self {
        Self {
            jump_length: 1,
            jump_count: 5,
        }
    }
}

/// A step that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its place among the timesteps.
    pub step: usize,
    /// Times that it was taken before.
    pub repeat: usize,
    /// The step that is next because the state is diffused back to where that one begins; `None` for the following one.
    pub back_to: Option<usize>,
}

impl Resampling {
    /// Each step once.
    pub const NEVER: Self = Self {
        jump_length: 1,
        jump_count: 1,
    };

    /// All steps in the order in which they are taken.
    ///
    /// Stretches are counted from the clean end; the very last step, to the clean image, and what is left over at the noisy
    /// end are of none.
    pub fn visits(self, num_steps: usize) -> Vec<Visit> {
        let Self {
            jump_length,
            jump_count,
        } = self;
        let mut visits = Vec::with_capacity(self.num_visits(num_steps));
        let last = num_steps.saturating_sub(1);
        let left_over = last % jump_length.max(1);
        let once = |step| Visit {
            step,
            repeat: 0,
            back_to: None,
        };
        visits.extend((0..left_over).map(once));
        for first in (left_over..last).step_by(jump_length.max(1)) {
            for repeat in 0..jump_count.max(1) {
                let stretch = first..first + jump_length.max(1);
                visits.extend(stretch.map(|step| Visit {
                    repeat,
                    ..once(step)
                }));
                if let Some(end) = visits.last_mut().filter(|_| repeat + 1 < jump_count) {
                    end.back_to = Some(first);
                }
            }
        }
        visits.extend((last..num_steps).map(once));
        visits
    }

    /// How many they are.
    pub fn num_visits(self, num_steps: usize) -> usize {
        let length = self.jump_length.max(1);
        let in_stretches = num_steps.saturating_sub(1) / length * length;
        num_steps + (self.jump_count.max(1) - 1) * in_stretches
    }

    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn signed(count: usize) -> i64 {
        i64::try_from(count).unwrap()
    }

    /// The walk of the paper's appendix: down by one, and up by a jump wherever one is left. Timesteps are counted from 0, and
    /// -1 is clean.
    fn walk(num_steps: usize, jump_length: usize, jump_count: usize) -> Vec<i64> {
        let (steps, length) = (signed(num_steps), signed(jump_length));
        let mut left: HashMap<i64, usize> = (0..steps - length)
            .step_by(jump_length)
            .map(|t| (t, jump_count - 1))
            .collect();
        let mut t = steps - 1;
        let mut times = vec![t];
        while t > 0 {
            t -= 1;
            times.push(t);
            if let Some(left) = left.get_mut(&t).filter(|left| **left > 0) {
                *left -= 1;
                for _ in 0..jump_length {
                    t += 1;
                    times.push(t);
                }
            }
        }
        times.push(-1);
        times
    }

    #[test]
    fn visits_are_those_of_the_papers_walk() {
        for num_steps in [1, 2, 7, 12, 50] {
            for jump_length in [1, 2, 3, 10] {
                for jump_count in [1, 2, 5] {
                    let resampling = Resampling {
                        jump_length,
                        jump_count,
                    };
                    let visits = resampling.visits(num_steps);
                    let mut times = vec![signed(num_steps) - 1];
                    for visit in &visits {
                        assert_eq!(
                            signed(num_steps) - 1 - signed(visit.step),
                            *times.last().unwrap()
                        );
                        times.push(times.last().unwrap() - 1);
                        for _ in visit.back_to.map_or(0..0, |first| first..visit.step + 1) {
                            times.push(times.last().unwrap() + 1);
                        }
                    }
                    let what = format!("{num_steps} steps, {resampling:?}");
                    assert_eq!(times, walk(num_steps, jump_length, jump_count), "{what}");
                    assert_eq!(visits.len(), resampling.num_visits(num_steps), "{what}");
                }
            }
        }
    }
}
