//! The application: drains events, performs actions, draws the panels.

use std::path::PathBuf;
use std::time::Instant;

use egui::{CentralPanel, Context, Frame, Margin, Panel, ScrollArea, Ui};

use super::backend::Backend;
use super::panels::{self, Drafts, Page, Scene};
use super::textures::Textures;
use super::theme::{self, BOTTOM_HEIGHT, LEFT_WIDTH, MARGIN, RIGHT_WIDTH};
use super::thumbnails::{self, Thumbnails};
use super::widgets::combo::segments;
use crate::state::action::{Key, Shortcut};
use crate::state::keep_action::KeepAction;
use crate::state::{Action, LookAction, Outgoing, Overlay, Session, Settings};
use crate::worker::handle::SendError;
use crate::worker::protocol::{LibraryCommand, LibraryEvent, Severity};

/// Seconds after a change before the settings are written.
const SAVE_DELAY_SECS: f64 = 2.0;
/// Events taken from a queue in one frame at most, so that a flood can't stop the drawing.
const MAX_EVENTS: usize = 512;
/// Seconds until a command that did not fit is sent again.
const RETRY_SECS: f64 = 0.05;

/// Below this width in points the parts of the window are shown one at a time: it is that narrow only when everything
/// is shown large.
const NARROW: f32 = 940.0;

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
        let start = Instant::now();
        self.collect_input(ctx);
        self.drain();
        self.perform_actions();
        if let Some(wait_secs) = self.session.tick(self.now_secs()) {
            repaint_after(ctx, wait_secs);
        }
        self.send(ctx);
        theme::follow(ctx, self.session.settings.theme);
        theme::zoom(ctx, self.session.settings.zoom_percent);
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
        self.panels_ui(ui);
        self.request_thumbnails(&ctx);
        if !self.actions.is_empty() {
            ctx.request_repaint();
        }
        self.last_frame_ms += start.elapsed().as_secs_f32() * 1e3;
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
            if let Some(picture) = self.session.sealed_picture(&path) {
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
        let is_typing = ctx.memory(|memory| memory.focused().is_some());
        super::clipboard::keys_of_text(ctx);
        let look = LookAction::WITH_SHORTCUTS.map(Action::Look);
        let keep = KeepAction::WITH_SHORTCUTS.map(Action::Keep);
        for action in Action::with_shortcuts().into_iter().chain(look).chain(keep) {
            // Plain keys belong to the widget that has the focus, F5 does not mean anything to any.
            let is_pressed = action.shortcuts().iter().any(|shortcut| {
                let is_free = (shortcut.with_ctrl
                    && !(shortcut.key.edits_text() && ctx.text_edit_focused()))
                    || shortcut.key.is_function()
                    || !is_typing;
                is_free
                    && ctx.input_mut(|input| input.consume_shortcut(&keyboard_shortcut(*shortcut)))
            });
            if is_pressed {
                self.actions.push(action);
            }
        }
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
            self.drafts.reveal_shown |= matches!(
                action,
                Action::NextImage | Action::PreviousImage | Action::Look(LookAction::Move(_))
            );
            self.drafts.focus_find |= matches!(action, Action::Look(LookAction::FocusFind));
            if let Action::Look(LookAction::Copy(part)) = action {
                self.drafts.copy = Some(part);
            }
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

    fn panels_ui(&mut self, ui: &mut Ui) {
        self.drafts.hovered = self.drafts.hovering.take();
        let mut scene = Scene {
            session: &self.session,
            textures: &mut self.textures,
            drafts: &mut self.drafts,
            actions: &mut self.actions,
        };
        panels::inspector::copy(ui, &mut scene);
        if let Some(Overlay::Presentation | Overlay::Explain) = scene.session.looking.overlay {
            let is_explained = scene.session.looking.overlay == Some(Overlay::Explain);
            panels::overlays::presentation::ui(ui, &mut scene, is_explained);
            return;
        }
        let palette = theme::palette(ui);
        let side = |inner_margin| Frame::new().fill(palette.ground).inner_margin(inner_margin);
        Panel::bottom("progress")
            .exact_size(BOTTOM_HEIGHT)
            .resizable(false)
            .frame(side(Margin::symmetric(MARGIN, 8)))
            .show(ui, |ui| panels::progress::ui(ui, &mut scene));
        scene.drafts.is_narrow = ui.available_width() < NARROW;
        if scene.drafts.is_narrow {
            narrow_ui(ui, &mut scene);
            panels::notices::ui(ui, &mut scene, ui.max_rect());
            panels::drop::ui(ui, &mut scene);
            panels::overlays::ui(ui, &mut scene);
            return;
        }
        Panel::left("settings")
            .exact_size(LEFT_WIDTH)
            .resizable(false)
            .frame(side(Margin {
                left: MARGIN,
                right: 4,
                top: 0,
                bottom: 0,
            }))
            .show(ui, |ui| {
                scrolled(ui, "settings", |ui| settings_ui(ui, &mut scene));
            });
        Panel::right("plots")
            .exact_size(RIGHT_WIDTH)
            .resizable(false)
            .frame(side(Margin {
                left: MARGIN,
                right: 4,
                top: 0,
                bottom: 0,
            }))
            .show(ui, |ui| {
                scrolled(ui, "plots", |ui| plots_ui(ui, &mut scene));
            });
        let center = Frame::new().fill(palette.surface).inner_margin(Margin {
            left: MARGIN,
            right: 6,
            top: 8,
            bottom: 0,
        });
        let center = CentralPanel::default().frame(center).show(ui, |ui| {
            panels::inspector::ui(ui, &mut scene);
            ui.separator();
            panels::gallery::ui(ui, &mut scene);
        });
        panels::notices::ui(ui, &mut scene, center.response.rect);
        panels::drop::ui(ui, &mut scene);
        panels::overlays::ui(ui, &mut scene);
    }
}

/// One part of the window at a time, where there is no room for all.
fn narrow_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.ground)
        .inner_margin(Margin::symmetric(MARGIN, 4));
    Panel::top("pages").frame(frame).show(ui, |ui| {
        let mut page = scene.drafts.page;
        segments(
            ui,
            &mut page,
            &Page::ALL,
            |page| page.label().to_owned(),
            |page| format!("Show the part of the window called {}", page.label()),
        );
        scene.drafts.page = page;
    });
    let frame = Frame::new().fill(palette.surface).inner_margin(Margin {
        left: MARGIN,
        right: 6,
        top: 4,
        bottom: 0,
    });
    CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| match scene.drafts.page {
            Page::Settings => scrolled(ui, "settings", |ui| settings_ui(ui, scene)),
            Page::Pictures => scrolled(ui, "pictures", |ui| panels::inspector::ui(ui, scene)),
            Page::Gallery => panels::gallery::ui(ui, scene),
            Page::Plots => scrolled(ui, "plots", |ui| plots_ui(ui, scene)),
        });
}

fn scrolled(ui: &mut Ui, id_salt: &str, add_contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(id_salt)
        .auto_shrink(false)
        .show(ui, |ui| {
            // Room for the scroll bar, so that it covers no control.
            ui.set_max_width(ui.available_width() - f32::from(MARGIN));
            ui.add_space(10.0);
            add_contents(ui);
            ui.add_space(10.0);
        });
}

fn settings_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::runs::ui(ui, scene);
    panels::model::ui(ui, scene);
    panels::folders::ui(ui, scene);
    panels::confounds::before_ui(ui, scene);
    panels::mask::ui(ui, scene);
    panels::method::ui(ui, scene);
    panels::advanced::ui(ui, scene);
}

fn plots_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::histogram::ui(ui, scene);
    panels::roc::ui(ui, scene);
    panels::decision::ui(ui, scene);
    panels::figures::ui(ui, scene);
    panels::confounds::after_ui(ui, scene);
    panels::verdicts::ui(ui, scene);
    panels::attempts::ui(ui, scene);
}

fn repaint_after(ctx: &Context, secs: f64) {
    ctx.request_repaint_after(std::time::Duration::from_secs_f64(secs.max(0.0)));
}

fn keyboard_shortcut(shortcut: Shortcut) -> egui::KeyboardShortcut {
    let key = match shortcut.key {
        Key::ArrowLeft => egui::Key::ArrowLeft,
        Key::ArrowRight => egui::Key::ArrowRight,
        Key::Escape => egui::Key::Escape,
        Key::F5 => egui::Key::F5,
        Key::O => egui::Key::O,
        Key::R => egui::Key::R,
        Key::Plus => egui::Key::Plus,
        Key::Equals => egui::Key::Equals,
        Key::Minus => egui::Key::Minus,
        Key::Comma => egui::Key::Comma,
        Key::Period => egui::Key::Period,
        Key::Questionmark => egui::Key::Questionmark,
        Key::ArrowUp => egui::Key::ArrowUp,
        Key::ArrowDown => egui::Key::ArrowDown,
        Key::PageUp => egui::Key::PageUp,
        Key::PageDown => egui::Key::PageDown,
        Key::Home => egui::Key::Home,
        Key::End => egui::Key::End,
        Key::F11 => egui::Key::F11,
        Key::Num0 => egui::Key::Num0,
        Key::Num1 => egui::Key::Num1,
        Key::A => egui::Key::A,
        Key::C => egui::Key::C,
        Key::E => egui::Key::E,
        Key::F => egui::Key::F,
        Key::H => egui::Key::H,
        Key::P => egui::Key::P,
        Key::S => egui::Key::S,
        Key::T => egui::Key::T,
        Key::V => egui::Key::V,
        Key::W => egui::Key::W,
        Key::Z => egui::Key::Z,
    };
    let modifiers = if shortcut.with_ctrl {
        egui::Modifiers::COMMAND
    } else {
        egui::Modifiers::NONE
    };
    egui::KeyboardShortcut::new(modifiers, key)
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.think(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(run) = &self.session.run {
            run.control.cancel();
        }
        if let Some(path) = &self.settings_path
            && self.session.settings != self.saved
            && let Err(error) = self.session.settings.save(path)
        {
            log::warn!("{error}");
        }
    }
}
