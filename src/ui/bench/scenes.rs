//! What the made-up users do, and the timing of its frames.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use egui::{
    Context, Event, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2,
};
use serde::Serialize;

use super::WINDOW_SIZE;
use super::stand_in::StandIn;
use super::times::SceneTimes;
use crate::ood::{Outcome, Role};
use crate::state::{
    Action, Center, DecisionSettings, FolderChoice, FolderSource, GalleryOrder, GalleryView,
    PanelSettings, Settings, UiCommand, VerdictFilter, Way,
};
use crate::ui::App;
use crate::ui::theme::BOTTOM_HEIGHT;

/// Attempts of each image.
pub const NUM_ATTEMPTS: usize = 10;

/// Frames that are drawn and not timed: fonts and thumbnails are put into textures in them.
const WARM_UP_FRAMES: usize = 20;
/// Frames in which commands are sent and answers come back.
const SETTLE_FRAMES: usize = 4;
/// Time between the starts of two frames. The session's own pauses go by the clock, so frames are not hurried.
const FRAME_INTERVAL: Duration = Duration::from_micros(16_667);
/// Results in each frame while they arrive, more than any device makes.
const RESULTS_A_FRAME: usize = 40;
/// Steps of one presented image.
const PRESENTED_STEPS: usize = 5;
/// Points that the wheel turns the gallery in a frame.
const WHEEL_POINTS: f32 = 120.0;

/// What is done while frames are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scene {
    /// A finished run is looked at; the pointer moves.
    Watch,
    /// The gallery is scrolled.
    Scroll,
    /// The next image is selected in each frame.
    Step,
    /// The threshold moves in each frame.
    Drag,
    /// The gallery, sorted by score, shows the false alarms while the threshold moves.
    DragFiltered,
    /// Results arrive in each frame.
    Arrive,
    /// Results arrive while the gallery is sorted by score.
    ArriveSorted,
    /// The gallery fills the center and is scrolled.
    ScrollGallery,
    /// The table of verdicts is scrolled.
    ScrollVerdicts,
    /// An image is presented step by step, and then the next one.
    Present,
}

impl Scene {
    /// All scenes, in the order in which they are timed.
    pub const ALL: [Self; 10] = [
        Self::Watch,
        Self::Scroll,
        Self::Step,
        Self::Drag,
        Self::DragFiltered,
        Self::Arrive,
        Self::ArriveSorted,
        Self::ScrollGallery,
        Self::ScrollVerdicts,
        Self::Present,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Watch => "pointer moves",
            Self::Scroll => "gallery scrolls",
            Self::Step => "next image",
            Self::Drag => "threshold moves",
            Self::DragFiltered => "threshold moves, gallery filtered",
            Self::Arrive => "results arrive",
            Self::ArriveSorted => "results arrive, gallery sorted",
            Self::ScrollGallery => "gallery alone scrolls",
            Self::ScrollVerdicts => "verdicts scroll",
            Self::Present => "presentation",
        }
    }

    /// What half of the images are; the other half are in-domain.
    fn others(self) -> Role {
        match self {
            Self::ScrollVerdicts => Role::Unknown,
            _ => Role::OutOfDomain,
        }
    }

    fn center(self) -> Center {
        match self {
            Self::ScrollGallery => Center::Gallery,
            Self::ScrollVerdicts => Center::Verdicts,
            _ => Center::Overview,
        }
    }

    fn view(self) -> GalleryView {
        match self {
            Self::DragFiltered => GalleryView {
                order: GalleryOrder::HighestFirst,
                verdict: Some(VerdictFilter::Outcome(Outcome::FalseAlarm)),
                ..GalleryView::default()
            },
            Self::ArriveSorted => GalleryView {
                order: GalleryOrder::HighestFirst,
                ..GalleryView::default()
            },
            _ => GalleryView::default(),
        }
    }
}

/// Time the frames of a scene in a session of its own.
pub fn time(scene: Scene, num_images: usize, num_frames: usize) -> io::Result<SceneTimes> {
    let mut stage = Stage::ready(scene, num_images, num_frames)?;
    let (mut work_ms, mut triangles_ms) = (Vec::new(), Vec::new());
    for index in 0..num_frames {
        let events = stage.behave(scene, index);
        let (work, triangles) = stage.frame(events);
        work_ms.push(work);
        triangles_ms.push(triangles);
    }
    SceneTimes::of(scene, &work_ms, &triangles_ms)
        .ok_or_else(|| io::Error::other("at least one frame must be timed"))
}

/// The window without a window.
struct Stage {
    ctx: Context,
    app: App,
    stand_in: StandIn,
    started: Instant,
    next_frame: Instant,
}

impl Stage {
    /// With all results but those that are to arrive in the frames to come.
    fn ready(scene: Scene, num_images: usize, num_frames: usize) -> io::Result<Self> {
        let mut stage = Self::new(scene, num_images)?;
        // Each round asks, is answered, and takes the answer in.
        for _ in 0..SETTLE_FRAMES {
            stage.frame(Vec::new());
        }
        stage.app.act(Action::Do(UiCommand::Run));
        for _ in 0..SETTLE_FRAMES {
            stage.frame(Vec::new());
        }
        let num_results = stage.app.session().planned().len() * NUM_ATTEMPTS;
        let num_to_come = if matches!(scene, Scene::Arrive | Scene::ArriveSorted) {
            RESULTS_A_FRAME * num_frames
        } else {
            0
        };
        stage
            .stand_in
            .make_results(num_results.saturating_sub(num_to_come));
        stage.app.act(Action::SetGallery(scene.view()));
        let panels = PanelSettings {
            center: scene.center(),
            ..PanelSettings::default()
        };
        stage.app.act(Action::SetPanels(panels));
        if scene == Scene::Present {
            stage.app.act(Action::Do(UiCommand::TogglePresentation));
        }
        for _ in 0..WARM_UP_FRAMES {
            stage.frame(Vec::new());
        }
        Ok(stage)
    }

    fn new(scene: Scene, num_images: usize) -> io::Result<Self> {
        let stand_in = StandIn::new(num_images / 2)?;
        let ctx = Context::default();
        let folder = |name: &str, role| FolderChoice {
            source: FolderSource::Path(PathBuf::from(name)),
            role,
        };
        let settings = Settings {
            folders: vec![
                folder("/made-up/in-domain", Role::InDomain),
                folder("/made-up/others", scene.others()),
            ],
            ..Settings::default()
        };
        let app = App::new(&ctx, settings, Box::new(stand_in.clone()));
        Ok(Self {
            ctx,
            app,
            stand_in,
            started: Instant::now(),
            next_frame: Instant::now(),
        })
    }

    /// What the user does before a frame, as events and actions.
    fn behave(&mut self, scene: Scene, index: usize) -> Vec<Event> {
        let sweep = index as f32 % 200.0;
        match scene {
            Scene::Watch => {
                let across = WINDOW_SIZE[0] * sweep / 200.0;
                vec![Event::PointerMoved(pos2(
                    across,
                    WINDOW_SIZE[1] * (0.2 + sweep / 300.0),
                ))]
            }
            Scene::Scroll | Scene::ScrollGallery | Scene::ScrollVerdicts => vec![
                Event::PointerMoved(gallery_point()),
                Event::MouseWheel {
                    unit: MouseWheelUnit::Point,
                    source: MouseWheelSource::Unknown,
                    delta: vec2(0.0, -WHEEL_POINTS),
                    phase: TouchPhase::Move,
                    modifiers: egui::Modifiers::NONE,
                },
            ],
            Scene::Present => {
                let next = match index % PRESENTED_STEPS {
                    0 => UiCommand::NextImage,
                    _ => UiCommand::NextStep,
                };
                self.app.act(Action::Do(next));
                Vec::new()
            }
            Scene::Step => {
                self.app.act(Action::Do(UiCommand::NextImage));
                Vec::new()
            }
            Scene::Drag | Scene::DragFiltered => {
                let settings = DecisionSettings {
                    way: Way::ByHand,
                    by_hand: 0.12 + 0.0005 * f64::from(sweep),
                    ..self.app.session().settings.decision
                };
                self.app.act(Action::SetDecision {
                    settings: Box::new(settings),
                    is_continued: index > 0,
                });
                Vec::new()
            }
            Scene::Arrive | Scene::ArriveSorted => {
                self.stand_in.make_results(RESULTS_A_FRAME);
                Vec::new()
            }
        }
    }

    /// One frame: milliseconds of the window's work, then of making triangles of it.
    fn frame(&mut self, events: Vec<Event>) -> (f32, f32) {
        std::thread::sleep(self.next_frame.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        // A frame that took too long does not make the following ones hurry.
        self.next_frame = now + FRAME_INTERVAL;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, WINDOW_SIZE.into())),
            time: Some((now - self.started).as_secs_f64()),
            focused: true,
            events,
            ..RawInput::default()
        };
        let mut work_ms = 0.0;
        let app = &mut self.app;
        let mut output = self.ctx.run_ui(input, |ui| {
            app.think(ui.ctx());
            app.draw(ui);
            // What egui lays out twice costs twice.
            work_ms += app.last_frame_ms();
        });
        // There is no adapter to hold textures.
        output.textures_delta.clear();
        let start = Instant::now();
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        std::hint::black_box(triangles);
        (work_ms, start.elapsed().as_secs_f32() * 1e3)
    }
}

/// A place in the gallery.
fn gallery_point() -> Pos2 {
    let setup_width = PanelSettings::default().setup_width;
    pos2(setup_width + 120.0, WINDOW_SIZE[1] - BOTTOM_HEIGHT - 80.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the session held before and after three frames of a scene.
    fn act<T>(scene: Scene, look: impl Fn(&crate::state::Session) -> T) -> (T, T) {
        let mut stage = Stage::ready(scene, 200, 3).unwrap();
        let before = look(stage.app.session());
        for index in 0..3 {
            let events = stage.behave(scene, index);
            stage.frame(events);
        }
        // Actions are performed, and results taken in, at the next frame.
        stage.frame(Vec::new());
        (before, look(stage.app.session()))
    }

    fn num_results(session: &crate::state::Session) -> usize {
        session
            .shown
            .run
            .as_ref()
            .map_or(0, crate::state::RunState::num_results)
    }

    #[test]
    fn users_do_what_the_scenes_say() {
        assert_eq!(act(Scene::Watch, num_results), (2000, 2000));
        assert_eq!(
            act(Scene::Arrive, num_results),
            (2000 - 3 * RESULTS_A_FRAME, 2000)
        );
        let (before, after) = act(Scene::Step, |session| session.shown.gallery.selected());
        assert_ne!(before, after, "another image is selected");
        let (before, after) = act(Scene::Drag, |session| session.shown.threshold());
        assert_ne!(before, after, "the threshold has moved");
        let (_, shown) = act(Scene::DragFiltered, |session| {
            session.shown.gallery.order().len()
        });
        assert!((1..200).contains(&shown), "{shown} images are shown");
    }

    #[test]
    fn every_frame_draws_the_whole_window() {
        let times = time(Scene::Scroll, 200, 2).unwrap();
        assert_eq!(times.frames, 2);
        assert!(times.work_ms.median > 0.0);
    }
}
