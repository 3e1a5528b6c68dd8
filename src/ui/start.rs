//! Opening the window: on a graphics card, else as the processor draws it best, else an error that says why there is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::app::App;
use super::backend::Workers;
use crate::engine::doctor::faults;
use crate::images::places;
use crate::state::{Action, KeepAction, Session, Settings};
use crate::worker::protocol::{ModelSource, Notice, Severity, Wake};

/// How long news of the background threads may wait for a frame that shows them; what the user does is shown at once
/// all the same.
const NEWS_INTERVAL: Duration = Duration::from_millis(33);
/// The same where the processor draws the window: there each frame takes time from the run.
const NEWS_INTERVAL_SOFTWARE: Duration = Duration::from_millis(200);

/// How to open the window.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings file; `None` keeps nothing.
    pub settings_path: Option<PathBuf>,
    /// The folder of recent runs; `None` keeps none.
    pub runs_folder: Option<PathBuf>,
    /// The folder of the program's data, where reports of faults are; `None` tells of none.
    pub data_folder: Option<PathBuf>,
    /// Open this model in place of the last one.
    pub model: Option<ModelSource>,
    /// Show this run file.
    pub run: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings_path: Settings::default_path(),
            runs_folder: Session::default_runs_folder(),
            data_folder: places::data(),
            model: None,
            run: None,
        }
    }
}

/// Why there is no window, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// Nothing was shown.
    #[error("no window could be opened: {reason}")]
    NoDisplay {
        /// What the system, or both ways to draw, said.
        reason: String,
    },
    /// The window was open and then failed.
    #[error("the window failed: {0}")]
    Failed(String),
}

/// Open the window and stay in it until it is closed. Call on the main thread.
///
/// [`UiError::NoDisplay`] means that nothing was shown, so that the caller can work without a window.
pub fn run(options: &Options) -> Result<(), UiError> {
    let (mut settings, notice) = options
        .settings_path
        .as_deref()
        .map_or_else(|| (Settings::default(), None), Settings::load);
    // Nobody has been here before.
    settings.shows_hints |= (options.settings_path.as_deref()).is_some_and(|path| !path.exists());
    if let Some(model) = &options.model {
        settings.model = model.clone();
    }
    // Once, however often opening is tried: a fault counts as told from now on.
    let fault = options.data_folder.as_deref().and_then(earlier_fault);
    let notices: Vec<Notice> = notice.into_iter().chain(fault).collect();
    let mut drawing = Drawing::Card;
    let mut reasons = Vec::new();
    loop {
        let failure = match open(drawing, options, &settings, &notices) {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        let next = drawing.after(&failure);
        match failure {
            Failure::OnlySoftware => log::info!("there is no graphics card to draw the window"),
            Failure::NoDisplay(reason) if reasons.is_empty() => {
                return Err(UiError::NoDisplay { reason });
            }
            Failure::NoDisplay(reason) | Failure::BeforeStart(reason) => {
                log::info!("no window with {}: {reason}", drawing.api());
                reasons.push(format!("with {}: {reason}", drawing.api()));
            }
            Failure::Later(message) => return Err(UiError::Failed(message)),
        }
        drawing = next.ok_or_else(|| UiError::NoDisplay {
            reason: reasons.join("; "),
        })?;
    }
}

/// What draws the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawing {
    /// A graphics card, by wgpu.
    Card,
    /// OpenGL, where wgpu fails.
    OpenGl,
    /// The processor, by OpenGL.
    SoftwareOpenGl,
    /// The processor, by wgpu.
    SoftwareWgpu,
}

impl Drawing {
    /// What to try next.
    ///
    /// Where the processor draws, OpenGL comes first: Mesa's llvmpipe draws a frame by it in a quarter of the time that it
    /// takes by Vulkan, which is what a click waits for. Windows without a card has OpenGL too old for a window, but has
    /// DirectX.
    fn after(self, failure: &Failure) -> Option<Self> {
        match (self, failure) {
            (Self::Card, Failure::OnlySoftware) => Some(Self::SoftwareOpenGl),
            (Self::Card, _) => Some(Self::OpenGl),
            (Self::SoftwareOpenGl, _) => Some(Self::SoftwareWgpu),
            (Self::OpenGl | Self::SoftwareWgpu, _) => None,
        }
    }

    fn renderer(self) -> eframe::Renderer {
        match self {
            Self::Card | Self::SoftwareWgpu => eframe::Renderer::Wgpu,
            Self::OpenGl | Self::SoftwareOpenGl => eframe::Renderer::Glow,
        }
    }

    fn api(self) -> &'static str {
        match self.renderer() {
            eframe::Renderer::Wgpu => "wgpu",
            eframe::Renderer::Glow => "OpenGL",
        }
    }

    fn news_interval(self) -> Duration {
        match self {
            Self::Card | Self::OpenGl => NEWS_INTERVAL,
            Self::SoftwareOpenGl | Self::SoftwareWgpu => NEWS_INTERVAL_SOFTWARE,
        }
    }
}

/// Whether wgpu has nothing but the processor for a new window.
fn is_software(creation: &eframe::CreationContext<'_>) -> bool {
    use eframe::egui_wgpu::wgpu::DeviceType;
    let wgpu = creation.wgpu_render_state.as_ref();
    wgpu.is_some_and(|state| state.adapter.get_info().device_type == DeviceType::Cpu)
}

/// That the program has come upon a fault of its own since it was started last, if so.
fn earlier_fault(data: &Path) -> Option<Notice> {
    faults::take_untold(data).map(|path| Notice {
        severity: Severity::Warning,
        message: "LMD Inspector came upon a fault of its own the last time. This file says what happened and what went on before; \
                  please add it to a bug report"
            .to_owned(),
        path: Some(path),
    })
}

#[derive(Debug)]
enum Failure {
    /// The processor would have drawn the window; nothing was shown.
    OnlySoftware,
    /// There is nothing to open a window on, whatever draws into it.
    NoDisplay(String),
    BeforeStart(String),
    Later(String),
}

fn open(
    drawing: Drawing,
    options: &Options,
    settings: &Settings,
    notices: &[Notice],
) -> Result<(), Failure> {
    let native_options = eframe::NativeOptions {
        renderer: drawing.renderer(),
        viewport: egui::ViewportBuilder::default()
            .with_title("LMD Inspector")
            .with_app_id("lmd-inspector")
            .with_inner_size(settings.window_size)
            .with_min_inner_size([720.0, 560.0])
            .with_drag_and_drop(true),
        // The program reads the clipboard itself, away from the window.
        clipboard_shortcuts: false,
        ..Default::default()
    };
    let is_started = Arc::new(AtomicBool::new(false));
    let is_refused = Arc::new(AtomicBool::new(false));
    let result = {
        let is_started = Arc::clone(&is_started);
        let is_refused = Arc::clone(&is_refused);
        let options = options.clone();
        let settings = settings.clone();
        let notices = notices.to_vec();
        eframe::run_native(
            "LMD Inspector",
            native_options,
            Box::new(move |creation| {
                if drawing == Drawing::Card && is_software(creation) {
                    is_refused.store(true, Ordering::Release);
                    return Err("there is no graphics card".into());
                }
                let interval = drawing.news_interval();
                let ctx = creation.egui_ctx.clone();
                let wake: Wake = Arc::new(move || ctx.request_repaint_after(interval));
                let workers = Workers::spawn(wake)?;
                let mut app = App::new(&creation.egui_ctx, settings, Box::new(workers));
                app.keep_settings_in(options.settings_path);
                app.keep_runs_in(options.runs_folder);
                if let Some(path) = options.run {
                    let open = Action::Keep(KeepAction::Open(path));
                    app.session_mut().perform(open);
                }
                app.session_mut().notices.extend(notices);
                is_started.store(true, Ordering::Release);
                Ok(Box::new(app))
            }),
        )
    };
    result.map_err(|error| {
        let message = error.to_string();
        if let eframe::Error::WinitEventLoop(_) = error {
            // The message begins with a place in winit's source; what matters comes last.
            let reason = message.rsplit(": ").next().unwrap_or(&message);
            return Failure::NoDisplay(reason.trim_end_matches('.').to_owned());
        }
        if is_refused.load(Ordering::Acquire) {
            Failure::OnlySoftware
        } else if is_started.load(Ordering::Acquire) {
            Failure::Later(message)
        } else {
            Failure::BeforeStart(message)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_draws_by_opengl_and_by_wgpu_only_where_that_fails() {
        let failed = || Failure::BeforeStart("it is too old".to_owned());
        let software = Drawing::Card.after(&Failure::OnlySoftware).unwrap();
        assert_eq!(software.renderer(), eframe::Renderer::Glow);
        assert_eq!(software.after(&failed()), Some(Drawing::SoftwareWgpu));
        assert_eq!(Drawing::SoftwareWgpu.after(&failed()), None);
        // Without wgpu at all there is no use in asking it again.
        assert_eq!(Drawing::Card.after(&failed()), Some(Drawing::OpenGl));
        assert_eq!(Drawing::OpenGl.after(&failed()), None);
    }
}
