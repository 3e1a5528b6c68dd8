//! `lmd bench --ui`: what a frame of the window costs with many scored images, measured with the window's own frame
//! counter while made-up users scroll, drag and wait for results.
//!
//! No window is opened and nothing is painted: what is timed is the work of this program and of egui up to the
//! triangles, which a graphics adapter then draws.

mod scenes;
mod stand_in;
mod times;

use serde::Serialize;

pub use scenes::Scene;
pub use times::{SceneTimes, Spread};

/// Milliseconds that a frame may take at most, so that a screen with 120 frames a second keeps up.
pub const BUDGET_MS: f32 = 8.0;

/// Width and height of the window in points.
const WINDOW_SIZE: [f32; 2] = [1280.0, 800.0];

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Scored images in the session, half of them in-domain.
    pub images: usize,
    /// Attempts of each.
    pub attempts: usize,
    /// Width and height of the window in points.
    pub window: [f32; 2],
    /// Milliseconds that a frame may take.
    pub budget_ms: f32,
    /// What was done, and what its frames took.
    pub scenes: Vec<SceneTimes>,
}

/// Load a session with `num_images` scored images and time `num_frames` frames of each scene.
///
/// Fails where no thread can be started.
pub fn run(num_images: usize, num_frames: usize) -> std::io::Result<Report> {
    let attempts = scenes::NUM_ATTEMPTS;
    let scenes = Scene::ALL
        .iter()
        .map(|&scene| scenes::time(scene, num_images, num_frames))
        .collect::<Result<_, _>>()?;
    Ok(Report {
        images: num_images,
        attempts,
        window: WINDOW_SIZE,
        budget_ms: BUDGET_MS,
        scenes,
    })
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} images, {} attempts each, window of {} x {} points; milliseconds per frame",
            self.images, self.attempts, self.window[0], self.window[1]
        )?;
        writeln!(
            f,
            "{:<36} frames  median   99 %  worst  over {} ms  triangles (median, worst)",
            "", self.budget_ms
        )?;
        let lines = self.scenes.iter().map(|times| {
            let (work, triangles) = (times.work_ms, times.triangles_ms);
            format!(
                "{:<36} {:>6} {:>7.2} {:>6.2} {:>6.2} {:>10}  {:.2}, {:.2}",
                times.scene.label(),
                times.frames,
                work.median,
                work.percentile_99,
                work.worst,
                times.over_budget,
                triangles.median,
                triangles.worst
            )
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}
