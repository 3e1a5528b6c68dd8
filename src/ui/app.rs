//! The application: drains events, performs actions, keeps the settings.

use std::path::PathBuf;
use std::time::Instant;

use egui::{Context, Ui};

use super::backend::Backend;
use super::panels::{Drafts, Scene};
use super::textures::Textures;
use super::thumbnails::{self, Thumbnails};
use super::{keys, layout, theme};
use crate::state::{Action, Outgoing, Overlay, Session, Settings};
use crate::worker::handle::SendError;
use crate::worker::protocol::{LibraryCommand, LibraryEvent, Severity};

/// Seconds after a change before the settings are written.
const SAVE_DELAY_SECS: f64 = 2.0;
/// Events taken from a queue in one frame at most, so that a flood can't stop the drawing.
const MAX_EVENTS: usize = 512;
/// Seconds until a command that did not fit is sent again.
const RETRY_SECS: f64 = 0.05;

/// The window's state and everything it talks to.
pub struct App {
    session: Session,
    backend: Box<dyn Backend>,
    textures: Textures,
    drafts: Drafts,
    actions: Vec<Action>,
    started: Instant,
    last_frame_ms: f32,
    settings_path: Option<PathBuf>,
    saved: Settings,
    changed_at_secs: Option<f64>,
}

impl App {
    /// An application over background threads that are running already.
    pub fn new(ctx: &Context, settings: Settings, backend: Box<dyn Backend>) -> Self {
        theme::install(ctx);
        Self {
            saved: settings.clone(),
            session: Session::new(settings),
            backend,
            textures: Textures::default(),
            drafts: Drafts::default(),
            actions: Vec::new(),
            started: Instant::now(),
            last_frame_ms: 0.0,
            settings_path: None,
            changed_at_secs: None,
        }
    }

    /// Write the settings to this file when they have changed.
    pub fn keep_settings_in(&mut self, path: Option<PathBuf>) {
        self.settings_path = path;
    }

    /// Keep runs in this folder, and offer a run in it that was cut off.
    pub fn keep_runs_in(&mut self, folder: Option<PathBuf>) {
        self.session.keep_runs_in(folder);
    }

    /// What the window shows.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// For those who start the window or test it.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Milliseconds of UI work in the last frame: events, layout and painting commands, without the renderer.
    pub fn last_frame_ms(&self) -> f32 {
        self.last_frame_ms
    }

    /// Do something at the next turn, as if the user had asked for it.
    pub fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Take in what has happened and send what is wanted; a frame begins with it, drawn or not.
    pub fn think(&mut self, ctx: &Context) {
        if ctx.current_pass_index() > 0 {
            // The same state is laid out once more, which is long enough for one frame.
            self.last_frame_ms = 0.0;
            return;
        }
        let start = Instant::now();
        self.collect_input(ctx);
        self.drain();
        self.drain_training();
        self.perform_actions();
        let (now_secs, is_pointed) = (
            ctx.input(|input| input.time),
            self.drafts.shown.reads_notices,
        );
        let waits = [
            self.session.tick(self.now_secs()),
            self.session.notices.expire(now_secs, is_pointed),
        ];
        for wait_secs in waits.into_iter().flatten() {
            repaint_after(ctx, wait_secs);
        }
        self.send(ctx);
        theme::follow(ctx, self.session.settings.theme);
        theme::zoom(ctx, self.zoom_percent());
        self.save_when_settled(ctx);
        self.last_frame_ms = start.elapsed().as_secs_f32() * 1e3;
    }

    /// Draw the frame.
    pub fn draw(&mut self, ui: &mut Ui) {
        let start = Instant::now();
        let ctx = ui.ctx().clone();
        let size = ctx.content_rect().size();
        // Kept as it would be at the normal size.
        let size = size * ctx.zoom_factor();
        self.session.settings.window_size = [size.x.round(), size.y.round()];
        self.textures.begin_frame();
        if self.textures.thumbnails.upload(&ctx) {
            ctx.request_repaint();
        }
        self.drafts.shown.follow(&self.session.shown);
        self.drafts.shown.hovered = self.drafts.shown.hovering.take();
        let mut scene = Scene {
            session: &self.session,
            textures: &mut self.textures,
            drafts: &mut self.drafts,
            actions: &mut self.actions,
        };
        layout::ui(ui, &mut scene);
        self.request_thumbnails(&ctx);
        if !self.actions.is_empty() {
            ctx.request_repaint();
        }
        self.last_frame_ms += start.elapsed().as_secs_f32() * 1e3;
    }

    /// The size of everything. A presentation is sized by its window alone.
    fn zoom_percent(&self) -> u32 {
        match self.session.looking.overlay {
            Some(Overlay::Presentation | Overlay::Explain) => 100,
            _ => self.session.settings.zoom_percent,
        }
    }

    fn now_secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn drain(&mut self) {
        for _ in 0..MAX_EVENTS {
            match self.backend.poll() {
                Ok(Some(event)) => self.session.apply(event),
                Ok(None) => break,
                Err(_lost) => {
                    self.restart_worker();
                    break;
                }
            }
        }
        for _ in 0..MAX_EVENTS {
            match self.backend.poll_library() {
                Ok(Some(LibraryEvent::Thumbnail { path, picture })) => {
                    self.textures.thumbnails.insert(path, picture);
                }
                Ok(Some(event)) => self.session.apply_library(event),
                Ok(None) => break,
                Err(_lost) => {
                    self.restart_library();
                    break;
                }
            }
        }
    }

    fn drain_training(&mut self) {
        for _ in 0..MAX_EVENTS {
            match self.backend.poll_trainer() {
                Ok(Some(event)) => self.session.apply_training(event),
                Ok(None) => return,
                Err(_lost) => {
                    let reason = match self.backend.restart_trainer() {
                        Ok(()) => {
                            "Training stopped unexpectedly, its last checkpoint stays".to_owned()
                        }
                        Err(error) => {
                            format!("Training stopped and can't be started again ({error})")
                        }
                    };
                    self.session.trainer_restarted(&reason);
                    return;
                }
            }
        }
    }

    fn restart_worker(&mut self) {
        match self.backend.restart() {
            Ok(()) => self.session.worker_restarted(
                "The background worker stopped unexpectedly and was started again",
            ),
            Err(error) => self.session.notices.say(
                Severity::Error,
                format!("The background worker stopped and could not be started again ({error})"),
            ),
        }
    }

    fn restart_library(&mut self) {
        self.textures.thumbnails.forget_requests();
        match self.backend.restart_library() {
            Ok(()) => self
                .session
                .library_restarted("Reading files stopped unexpectedly and was started again"),
            Err(error) => self.session.notices.say(
                Severity::Error,
                format!("Reading files stopped and could not be started again ({error})"),
            ),
        }
    }

    /// Send what waits, first come first served; what does not fit waits on.
    fn send(&mut self, ctx: &Context) {
        while let Some(outgoing) = self.session.outbox.front().cloned() {
            let sent = match outgoing {
                Outgoing::Worker(command) => self.backend.send(command),
                Outgoing::Library(command) => self.backend.send_library(command),
                Outgoing::Trainer(command) => self.backend.send_trainer(command),
                Outgoing::Dialog(job, kind) => {
                    self.backend.show_dialog(job, kind);
                    Ok(())
                }
            };
            if sent.is_err() {
                // A lost thread shows up in the next drain, which starts a fresh one.
                repaint_after(ctx, RETRY_SECS);
                return;
            }
            self.session.outbox.pop_front();
        }
    }

    fn request_thumbnails(&mut self, ctx: &Context) {
        if std::mem::take(&mut self.session.keeping.pictures_changed) {
            self.textures.thumbnails = Thumbnails::default();
            ctx.request_repaint();
        }
        for path in self.textures.thumbnails.take_requests() {
            if let Some(picture) = self.session.shown.sealed_picture(&path) {
                // Without a result its place stays empty.
                self.textures.thumbnails.not_sent(&path);
                if let Some(picture) = picture {
                    let picture = picture.shrunk(thumbnails::MAX_SIDE);
                    self.textures.thumbnails.insert(path, Ok(picture));
                    ctx.request_repaint();
                }
                continue;
            }
            let command = LibraryCommand::Thumbnail {
                path: path.clone(),
                max_side: thumbnails::MAX_SIDE,
            };
            match self.backend.send_library(command) {
                Ok(()) => {}
                Err(SendError::Busy | SendError::Gone) => {
                    self.textures.thumbnails.not_sent(&path);
                    repaint_after(ctx, RETRY_SECS);
                }
            }
        }
    }

    fn collect_input(&mut self, ctx: &Context) {
        super::clipboard::keys_of_text(ctx);
        let commands = keys::pressed(ctx).into_iter();
        let session = &self.session;
        let meant = commands.map(|command| Action::Do(session.meaning(command)));
        self.actions.extend(meant);
        let dropped: Vec<PathBuf> = ctx.input(|input| {
            let files = input.raw.dropped_files.iter();
            files.map(|file| file.path().to_owned()).collect()
        });
        if !dropped.is_empty() {
            self.actions.push(Action::Dropped(dropped));
        }
    }

    fn perform_actions(&mut self) {
        self.session.looking.gallery_shape = self.drafts.gallery_shape;
        for action in std::mem::take(&mut self.actions) {
            self.drafts.note(&action);
            self.session.perform(action);
        }
    }

    /// Write changed settings after a pause, on a thread of its own: a disk may hang.
    fn save_when_settled(&mut self, ctx: &Context) {
        let Some(path) = self.settings_path.clone() else {
            return;
        };
        if self.session.settings == self.saved {
            self.changed_at_secs = None;
            return;
        }
        let now = self.now_secs();
        let due = *self.changed_at_secs.get_or_insert(now) + SAVE_DELAY_SECS;
        if now < due {
            repaint_after(ctx, due - now);
            return;
        }
        self.changed_at_secs = None;
        self.saved = self.session.settings.clone();
        let settings = self.saved.clone();
        let spawned = std::thread::Builder::new()
            .name("settings".to_owned())
            .spawn(move || {
                if let Err(error) = settings.save(&path) {
                    log::warn!("{error}");
                }
            });
        if let Err(error) = spawned {
            log::warn!("could not start a thread to write the settings: {error}");
        }
    }
}

fn repaint_after(ctx: &Context, secs: f64) {
    ctx.request_repaint_after(std::time::Duration::from_secs_f64(secs.max(0.0)));
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.think(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(run) = &self.session.shown.run {
            run.control.cancel();
        }
        if let Err(error) = self.session.write_marks_now() {
            log::warn!("{error}");
        }
        if let Some(path) = &self.settings_path
            && self.session.settings != self.saved
            && let Err(error) = self.session.settings.save(path)
        {
            log::warn!("{error}");
        }
    }
}
