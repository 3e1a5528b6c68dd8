//! Times of many frames in a few numbers.

use serde::Serialize;

use super::{BUDGET_MS, Scene};

/// What the frames of one scene took.
#[derive(Clone, Debug, Serialize)]
pub struct SceneTimes {
    /// What was done.
    pub scene: Scene,
    /// Frames that were timed.
    pub frames: usize,
    /// Events, state, layout and painting commands, by the window's frame counter.
    pub work_ms: Spread,
    /// From painting commands to triangles.
    pub triangles_ms: Spread,
    /// Frames whose work took longer than the budget.
    pub over_budget: usize,
}

impl SceneTimes {
    /// From the milliseconds of each frame; `None` without a frame.
    pub fn of(scene: Scene, work_ms: &[f32], triangles_ms: &[f32]) -> Option<Self> {
        Some(Self {
            scene,
            frames: work_ms.len(),
            work_ms: Spread::of(work_ms)?,
            triangles_ms: Spread::of(triangles_ms)?,
            over_budget: work_ms.iter().filter(|&&ms| ms > BUDGET_MS).count(),
        })
    }
}

/// Where times lie, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even count, the upper of the middle two.
    pub median: f32,
    /// 99 % of the frames take this long at most.
    pub percentile_99: f32,
    /// The longest.
    pub worst: f32,
}

impl Spread {
    /// Of any non-empty list.
    pub fn of(times: &[f32]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f32::total_cmp);
        let worst = *sorted.last()?;
        let rank = (sorted.len() * 99).div_ceil(100);
        Some(Self {
            median: sorted[sorted.len() / 2],
            percentile_99: sorted[rank - 1],
            worst,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_takes_the_nearest_rank() {
        let times: Vec<f32> = (1..=200).rev().map(|ms| ms as f32).collect();
        let spread = Spread::of(&times).unwrap();
        assert_eq!(
            (spread.median, spread.percentile_99, spread.worst),
            (101.0, 198.0, 200.0)
        );
        assert_eq!(Spread::of(&[2.5]).unwrap().percentile_99, 2.5);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn frames_over_the_budget_are_counted() {
        let times = SceneTimes::of(Scene::Watch, &[1.0, BUDGET_MS, 9.0], &[0.1; 3]).unwrap();
        assert_eq!((times.frames, times.over_budget), (3, 1));
    }
}
