//! Opening the window: wgpu first, then OpenGL, then an error that says why there is none.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::app::App;
use super::backend::Workers;
use crate::state::{Action, KeepAction, Session, Settings};
use crate::worker::protocol::{ModelSource, Notice, Wake};

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
    if let Some(model) = &options.model {
        settings.model = model.clone();
    }
    let attempt = |renderer| open(renderer, options, &settings, notice.as_ref());
    let wgpu = match attempt(eframe::Renderer::Wgpu) {
        Ok(()) => return Ok(()),
        Err(Failure::NoDisplay(reason)) => return Err(UiError::NoDisplay { reason }),
        Err(Failure::BeforeStart(message)) => message,
        Err(Failure::Later(message)) => return Err(UiError::Failed(message)),
    };
    log::info!("no window with wgpu ({wgpu}), trying OpenGL");
    match attempt(eframe::Renderer::Glow) {
        Ok(()) => Ok(()),
        Err(Failure::BeforeStart(opengl) | Failure::NoDisplay(opengl)) => Err(UiError::NoDisplay {
            reason: format!("with wgpu: {wgpu}; with OpenGL: {opengl}"),
        }),
        Err(Failure::Later(message)) => Err(UiError::Failed(message)),
    }
}

fn news_interval(creation: &eframe::CreationContext<'_>) -> Duration {
    use eframe::egui_wgpu::wgpu::DeviceType;
    let adapter = creation.wgpu_render_state.as_ref();
    let is_software =
        adapter.is_some_and(|state| state.adapter.get_info().device_type == DeviceType::Cpu);
    if is_software {
        NEWS_INTERVAL_SOFTWARE
    } else {
        NEWS_INTERVAL
    }
}

enum Failure {
    /// There is nothing to open a window on, whatever draws into it.
    NoDisplay(String),
    BeforeStart(String),
    Later(String),
}

fn open(
    renderer: eframe::Renderer,
    options: &Options,
    settings: &Settings,
    notice: Option<&Notice>,
) -> Result<(), Failure> {
    let native_options = eframe::NativeOptions {
        renderer,
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
    let result = {
        let is_started = Arc::clone(&is_started);
        let options = options.clone();
        let settings = settings.clone();
        let notice = notice.cloned();
        eframe::run_native(
            "LMD Inspector",
            native_options,
            Box::new(move |creation| {
                let ctx = creation.egui_ctx.clone();
                let interval = news_interval(creation);
                let wake: Wake = Arc::new(move || ctx.request_repaint_after(interval));
                let workers = Workers::spawn(wake)?;
                let mut app = App::new(&creation.egui_ctx, settings, Box::new(workers));
                app.keep_settings_in(options.settings_path);
                app.keep_runs_in(options.runs_folder);
                if let Some(path) = options.run {
                    let open = Action::Keep(KeepAction::Open(path));
                    app.session_mut().perform(open);
                }
                app.session_mut().notices.extend(notice);
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
        if is_started.load(Ordering::Acquire) {
            Failure::Later(message)
        } else {
            Failure::BeforeStart(message)
        }
    })
}
