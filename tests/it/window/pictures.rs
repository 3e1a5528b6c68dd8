//! Each page of the window against a picture of it: what no test of its parts sees, such as a wrong color or an icon that
//! is missing.
//!
//! Drivers of graphics cards differ in the edges of letters and lines, so only the software renderer (Mesa's lavapipe, or
//! another one) is held against the pictures in `tests/fixtures/window`. After a change that is meant, look at the new
//! ones and put them there, as the README of the fixtures says.
//!
//! Changes made on purpose that they noticed: one point more between the lines of a card or around it, one point more
//! beside the words of a button, words larger by half a point, and the colors of two roles exchanged. They do not notice a
//! color a few levels lighter, nor a warning in the color of an error: what is stored has few colors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui_kittest::Harness;
use image::{Rgb, RgbImage};
use lmd_inspector::engine::comparing::{ComparedRun, compare};
use lmd_inspector::ood::Role;
use lmd_inspector::state::{
    Action, Center, PanelSettings, ResultsPage, Settings, ThemeChoice, TrainAction, TrainingForm,
    UiCommand,
};
use lmd_inspector::ui::App;
use lmd_inspector::worker::protocol::{
    LibraryCommand, LibraryEvent, RunsCommand, RunsEvent, TrainCommand, TrainEvent,
};

use super::decision::run;
use super::script::Script;
use super::train::survey;
use super::{Window, prepare};
use crate::binary::not_run;
use crate::networks::fixture;

/// Levels of 255 by which a pixel may be farther from the stored one than the nearest of the stored colors is: letters
/// drawn by another version of the renderer have other edges.
const TOLERANCE: u8 = 24;
/// Pixels of a picture that may be farther: one word that is missing is more.
const MOST_PIXELS: usize = 60;

/// A finished run over all three roles in a window that is drawn; `None` where no software draws.
fn judged(theme: ThemeChoice) -> Option<(Window, Script)> {
    let is_software = |adapter: &wgpu::Adapter| {
        let info = adapter.get_info();
        info.device_type == wgpu::DeviceType::Cpu && info.backend != wgpu::Backend::Gl
    };
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    if !adapters.iter().any(is_software) {
        not_run("pictures of the window: there is no software renderer such as Mesa's lavapipe");
        return None;
    }
    let script = Script::default();
    script.0.borrow_mut().overlap = 0.07;
    let backend = Box::new(script.clone());
    let settings = Settings {
        theme,
        ..Settings::default()
    };
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_pixels_per_point(1.0)
        .with_max_steps(64)
        .wgpu()
        .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
    window.run_steps(2);
    let session = window.state_mut().session_mut();
    session.perform(Action::AddFolder("/images/holiday".into(), Role::Unknown));
    prepare(&mut window, &script, 30);
    run(&mut window, &script, 2);
    window.state_mut().session_mut().notices.dismiss_all();
    Some((window, script))
}

fn act(window: &mut Window, action: Action) {
    window.state_mut().act(action);
    window.run_steps(4);
}

fn show(window: &mut Window, center: Center, results: ResultsPage) {
    let panels = PanelSettings {
        center,
        results,
        ..window.state().session().settings.panels
    };
    act(window, Action::SetPanels(panels));
}

/// Open the table of runs, with one run file in it.
pub(super) fn show_compared(window: &mut Window, script: &Script) {
    let level = window.state().session().settings.decision.level;
    let runs = compare(&[fixture("runs/v1/finished.lmdrun")], level);
    show_runs(window, script, runs);
}

/// Open the table of runs, with those.
pub(super) fn show_runs(window: &mut Window, script: &Script, runs: Vec<Arc<ComparedRun>>) {
    act(window, Action::Do(UiCommand::ToggleCompare));
    let shared = script.0.borrow();
    let mut commands = shared.library_commands.iter().rev();
    let asked = commands.find_map(|command| match command {
        LibraryCommand::Runs(RunsCommand::Compare { job, .. }) => Some(*job),
        _ => None,
    });
    let job = asked.expect("the runs are to be read");
    drop(shared);
    script.say_library(LibraryEvent::Runs(RunsEvent::Compared { job, runs }));
    window.run_steps(4);
}

/// Open the page for new models, with what might be found of some images.
fn show_training(window: &mut Window, script: &Script) {
    act(window, Action::Do(UiCommand::ToggleTrain));
    let form = TrainingForm {
        output: Some("/models/clothes".into()),
        ..TrainingForm::default()
    };
    act(window, Action::Train(TrainAction::Set(Box::new(form))));
    let asked = script.0.borrow().train_commands.last().cloned();
    let Some(TrainCommand::Survey { job, .. }) = asked else {
        panic!("the images are to be looked at, got {asked:?}");
    };
    let surveyed = TrainEvent::Surveyed {
        job,
        survey: survey().into(),
        output: "/models/clothes".into(),
    };
    script.0.borrow_mut().train_events.push_back(surveyed);
    window.run_steps(4);
}

/// Where the picture of a page is kept.
fn stored(name: &str) -> PathBuf {
    fixture("window").join(name)
}

/// Pixels that are too far from those of a picture of few colors.
fn num_different(found: &RgbImage, stored: &RgbImage) -> usize {
    let mut palette: Vec<_> = stored.pixels().copied().collect();
    palette.sort_unstable_by_key(|color| color.0);
    palette.dedup();
    let is_far = |(found, stored): &(&Rgb<u8>, &Rgb<u8>)| {
        let far = distance(**found, **stored);
        far > TOLERANCE && {
            let nearest = palette.iter().map(|color| distance(**found, *color)).min();
            far > TOLERANCE + nearest.unwrap_or(0)
        }
    };
    found.pixels().zip(stored.pixels()).filter(is_far).count()
}

/// Levels of 255 between two colors, of the channel where they differ most.
fn distance(a: Rgb<u8>, b: Rgb<u8>) -> u8 {
    let pairs = a.0.iter().zip(&b.0);
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Hold the window against the picture; what is wrong with it, a sentence.
fn difference(window: &mut Window, page: &str, theme: ThemeChoice) -> Option<String> {
    let name = format!("{page}-{}.png", theme.label().to_lowercase());
    let found = window.render().unwrap();
    let written = std::env::var_os("LMD_PICTURES");
    let save = |folder: &Path| found.save(folder.join(&name)).unwrap();
    if let Some(folder) = &written {
        save(Path::new(folder));
    }
    let found = image::DynamicImage::ImageRgba8(found.clone()).to_rgb8();
    let Ok(expected) = image::open(stored(&name)) else {
        return Some(format!("there is no picture {name}"));
    };
    let expected = expected.to_rgb8();
    let count = if found.dimensions() == expected.dimensions() {
        num_different(&found, &expected)
    } else {
        usize::MAX
    };
    (count > MOST_PIXELS).then(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        save(folder);
        format!(
            "{count} pixels of {name} differ, see {}",
            folder.join(&name).display()
        )
    })
}

/// All pages in one window, whose making takes longest.
fn check_pages(theme: ThemeChoice) {
    let Some((mut window, script)) = judged(theme) else {
        return;
    };
    let mut problems = Vec::new();
    for (page, center, results) in [
        ("inspect", Center::Inspect, ResultsPage::Figures),
        ("gallery", Center::Gallery, ResultsPage::Folders),
        ("verdicts", Center::Verdicts, ResultsPage::Threshold),
        ("map", Center::Map, ResultsPage::Threshold),
    ] {
        show(&mut window, center, results);
        problems.extend(difference(&mut window, page, theme));
    }
    show_compared(&mut window, &script);
    problems.extend(difference(&mut window, "compare", theme));
    act(&mut window, Action::Do(UiCommand::ToggleCompare));
    show_training(&mut window, &script);
    problems.extend(difference(&mut window, "train", theme));
    act(&mut window, Action::Do(UiCommand::Close));
    act(&mut window, Action::Do(UiCommand::ToggleExplain));
    problems.extend(difference(&mut window, "explain", theme));
    act(&mut window, Action::Do(UiCommand::ToggleExplain));
    act(&mut window, Action::Do(UiCommand::TogglePresentation));
    for page in [
        "present-original",
        "present-hidden",
        "present-filled-in",
        "present-difference",
    ] {
        if matches!(page, "present-original" | "present-difference") {
            problems.extend(difference(&mut window, page, theme));
        }
        act(&mut window, Action::Do(UiCommand::NextStep));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn light_pages_look_as_they_did() {
    check_pages(ThemeChoice::Light);
}

#[test]
fn dark_pages_look_as_they_did() {
    check_pages(ThemeChoice::Dark);
}

#[test]
fn a_missing_word_is_seen_and_a_softer_edge_is_not() {
    let white = image::Rgb([255; 3]);
    let mut stored = RgbImage::from_pixel(100, 20, white);
    for x in 10..40 {
        for y in 5..10 {
            stored.put_pixel(x, y, image::Rgb([40; 3]));
        }
    }
    assert_eq!(num_different(&stored, &stored), 0);
    let mut soft = stored.clone();
    soft.pixels_mut()
        .for_each(|pixel| pixel.0 = pixel.0.map(|level| level.saturating_sub(TOLERANCE)));
    assert_eq!(num_different(&soft, &stored), 0);
    let blank = RgbImage::from_pixel(100, 20, white);
    assert_eq!(num_different(&blank, &stored), 150);
    // Half of the way between two stored colors may be either.
    let between = RgbImage::from_pixel(100, 20, image::Rgb([148; 3]));
    assert_eq!(num_different(&between, &stored), 0);
}
