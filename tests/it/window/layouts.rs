//! Every page and dialog at every width and size: nothing outside of its panel, nothing over anything else, no word cut.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui::{FontId, Rect, pos2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::PerRole;
use lmd_inspector::state::{
    Action, Center, PanelSettings, Phase, ResultsPage, Settings, UiCommand,
};
use lmd_inspector::worker::protocol::{Architecture, Event, MissingSettings, ModelSource};

use super::arrangement::three_roles;
use super::fit::{fail, finish, halfway, with_detector};
use super::script::progress;
use super::{Window, open, prepare, press};

/// Widths of windows in pixels, from the narrowest that can be dragged to a large screen.
const WIDTHS: [f32; 9] = [
    720.0, 800.0, 960.0, 1199.0, 1200.0, 1280.0, 1440.0, 1920.0, 3840.0,
];
const ZOOMS: [u32; 9] = [100, 125, 150, 175, 200, 225, 250, 275, 300];
/// Points that a zoomed window must be left with.
const LEAST: f32 = 720.0;

/// A control or a word, with its place.
#[derive(Debug)]
struct Item {
    role: AccessRole,
    label: String,
    rect: Rect,
}

fn items(window: &Window) -> Vec<Item> {
    window
        .query_all_by(|node| node.label().is_some() && node.bounding_box().is_some())
        .map(|node| Item {
            role: node.accesskit_node().role(),
            label: node.accesskit_node().label().unwrap(),
            rect: node.rect(),
        })
        .collect()
}

/// What is drawn beside other things and never over them. Plots, pictures and their handles lie over each other by design,
/// and so do tiles and the marks on them.
fn stands_alone(item: &Item) -> bool {
    let is_word_or_control = matches!(
        item.role,
        AccessRole::Label
            | AccessRole::Button
            | AccessRole::ComboBox
            | AccessRole::TextInput
            | AccessRole::SpinButton
            | AccessRole::CheckBox
            | AccessRole::Link
    );
    is_word_or_control && !item.label.contains(".png") && !item.label.starts_with("Attempt ")
}

/// Words that must be whole: those of fixed buttons.
fn fixed_words() -> Vec<String> {
    let commands = [
        UiCommand::Run,
        UiCommand::Cancel,
        UiCommand::ToggleRecent,
        UiCommand::StartScrub,
        UiCommand::ToggleTry,
        UiCommand::ToggleExplain,
        UiCommand::ShowAll,
        UiCommand::FitDetector,
        UiCommand::FitAgain,
        UiCommand::CancelFit,
        UiCommand::BrowseSaveFit,
    ];
    let commands = commands.iter().map(|c| Action::Do(*c).text());
    let centers = Center::ALL.iter().map(|center| center.label().to_owned());
    let pages = ResultsPage::ALL.iter().map(|page| page.label().to_owned());
    commands.chain(centers).chain(pages).collect()
}

/// What is wrong with a page, a sentence each.
fn faults(window: &Window) -> Vec<String> {
    let size = window.ctx.content_rect().size();
    // What scrolls goes on below the bar at the bottom, unseen.
    let seen = Rect::from_min_max(pos2(0.0, 0.0), pos2(size.x, size.y - 76.0));
    faults_of(window, &items(window), seen)
}

/// The same of what lies over the window and begins with this title.
pub(super) fn faults_of_dialog(window: &Window, title: &str) -> Vec<String> {
    let all = items(window).into_iter();
    let items: Vec<Item> = all.skip_while(|item| item.label != title).collect();
    faults_of(window, &items, window.ctx.content_rect())
}

fn faults_of(window: &Window, items: &[Item], seen: Rect) -> Vec<String> {
    let size = window.ctx.content_rect().size();
    let mut faults = Vec::new();
    for item in items {
        let is_outside = item.rect.left() < -0.5 || item.rect.right() > size.x + 0.5;
        if is_outside && item.role != AccessRole::Window {
            faults.push(format!("{item:?} is outside of the window"));
        }
    }
    let alone: Vec<&Item> = items
        .iter()
        .filter(|item| stands_alone(item) && seen.contains_rect(item.rect))
        .collect();
    for (index, a) in alone.iter().enumerate() {
        for b in &alone[index + 1..] {
            let common = a.rect.intersect(b.rect);
            let is_over = common.width() > 1.0 && common.height() > 3.0;
            let is_inside = a.rect.contains_rect(b.rect) || b.rect.contains_rect(a.rect);
            if is_over && !is_inside {
                faults.push(format!("{a:?} and {b:?} lie over each other"));
            }
        }
    }
    let fixed = fixed_words();
    for item in items
        .iter()
        .filter(|i| i.role == AccessRole::Button && fixed.contains(&i.label))
    {
        let words = window.ctx.fonts_mut(|fonts| {
            let font = FontId::proportional(13.5);
            let galley = fonts.layout_no_wrap(item.label.clone(), font, egui::Color32::WHITE);
            galley.size().x
        });
        if item.rect.width() + 0.5 < words {
            faults.push(format!("{item:?} is cut, it takes {words}"));
        }
    }
    faults
}

/// Counts as large as they come.
fn with_large_counts(window: &mut Window) {
    let session = window.state_mut().session_mut();
    let shown = &mut session.shown;
    let mut analysis = (**shown.analysis.as_ref().unwrap()).clone();
    let counts = [1_000_000, 999_999, 123_456];
    analysis.num_scored = PerRole::new(|role| counts[role as usize]);
    shown.analysis = Some(Arc::new(analysis));
    window.run_steps(1);
    let shown = &mut window.state_mut().session_mut().shown;
    let mut decision = (**shown.deciding.decision.as_ref().unwrap()).clone();
    if let Some(confusion) = &mut decision.confusion {
        confusion.hits = 876_544;
        confusion.misses = 123_456;
        confusion.false_alarms = 123_456;
        confusion.correct_passes = 876_544;
    }
    shown.deciding.decision = Some(Arc::new(decision));
    window.run_steps(1);
}

#[test]
fn no_page_is_cut_or_laid_over_itself_at_any_width_and_size() {
    let (mut window, script) = three_roles(30);
    let (_, request, _) = script.last_run();
    let run = window.state_mut().session_mut().shown.run.as_mut().unwrap();
    run.progress = progress(&request, 123_456);
    run.progress.num_attempts = 10_000_000;
    run.progress.num_images = 1_000_000;
    run.phase = Phase::Running;
    with_large_counts(&mut window);
    let mut num_pages = 0;
    let mut found: Vec<String> = Vec::new();
    for width in WIDTHS {
        for zoom in ZOOMS {
            let points = width * 100.0 / zoom as f32;
            if points < LEAST {
                continue;
            }
            // The harness counts in points of the zoomed window.
            window.state_mut().session_mut().settings.zoom_percent = zoom;
            window.set_size(vec2(points, (points * 0.6).max(560.0)));
            let pages: &[ResultsPage] = if zoom == 100 {
                &ResultsPage::ALL
            } else {
                &ResultsPage::ALL[..1]
            };
            for center in Center::ALL {
                for results in pages {
                    let panels = PanelSettings {
                        center,
                        results: *results,
                        ..window.state().session().settings.panels
                    };
                    window.state_mut().act(Action::SetPanels(panels));
                    window.run_steps(3);
                    num_pages += 1;
                    for fault in faults(&window) {
                        found.push(format!(
                            "{width} at {zoom} %, {center:?}, {results:?}: {fault}"
                        ));
                    }
                }
            }
        }
    }
    assert!(num_pages > 100, "{num_pages}");
    let some = found
        .iter()
        .take(12)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        found.is_empty(),
        "{} faults, among them\n{some}",
        found.len()
    );
}

#[test]
fn the_fit_of_a_detector_is_not_cut_or_laid_over_itself_in_any_state() {
    let (mut window, script) = with_detector("msma");
    let mut num_pages = 0;
    let mut found: Vec<String> = Vec::new();
    let mut look = |window: &mut Window, state: &str| {
        for width in [720.0, 1199.0, 1200.0, 1280.0, 3840.0] {
            window.set_size(vec2(width, 1400.0));
            // One part of a narrow window is shown at a time.
            let setup = Action::Do(UiCommand::ToggleSetup);
            let is_narrow = width < 1200.0;
            let is_folded = window.state().session().is_setup_folded();
            if is_narrow || is_folded {
                window.state_mut().act(setup);
            }
            window.run_steps(4);
            num_pages += window.query_all_by_label("Fit seed").count().min(1);
            for fault in faults(window) {
                found.push(format!("{state} at {width}: {fault}"));
            }
        }
    };
    look(&mut window, "unfitted");
    press(&mut window, "Fit on in-domain images");
    halfway(&mut window, &script);
    look(&mut window, "fitting");
    finish(&mut window, &script);
    look(&mut window, "fitted");
    press(&mut window, "Fit again");
    fail(&mut window, &script);
    look(&mut window, "failed");
    assert_eq!(num_pages, 4 * 5, "the panel was there");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_dialog_leaves_the_window_at_any_width() {
    let (mut window, _script) = three_roles(30);
    for width in [720.0, 960.0, 1280.0, 1920.0, 3840.0] {
        window.set_size(vec2(width, (0.6 * width).max(560.0)));
        for command in [
            UiCommand::ToggleShortcuts,
            UiCommand::ToggleMessages,
            UiCommand::ToggleRecent,
            UiCommand::ToggleCompare,
            UiCommand::ToggleDetectors,
            UiCommand::ToggleTry,
            UiCommand::TogglePalette,
            UiCommand::TogglePresentation,
            UiCommand::ToggleExplain,
        ] {
            window.state_mut().act(Action::Do(command));
            window.run_steps(6);
            let size = window.ctx.content_rect().expand(0.5);
            let titles = [
                "Keys",
                "Messages",
                "Recent runs",
                "Compare runs",
                "Which detector for these images?",
                "Paint and try",
                "Close",
            ];
            for item in items(&window)
                .iter()
                .filter(|i| titles.contains(&i.label.as_str()) || i.label.starts_with("Close "))
            {
                assert!(
                    size.contains_rect(item.rect),
                    "{width}, {command:?}: {item:?}"
                );
            }
            for item in items(&window) {
                let is_inside = item.rect.left() >= -0.5 && item.rect.right() <= width + 0.5;
                assert!(
                    is_inside || item.role == AccessRole::Window,
                    "{width}, {command:?}: {item:?}"
                );
            }
            window.state_mut().act(Action::Do(command));
            window.run_steps(3);
        }
    }
}

#[test]
fn the_form_for_what_a_model_does_not_say_stays_in_the_window() {
    let (mut window, script) = three_roles(3);
    let path = ModelSource::Path("/models/faces.pth".into());
    window.state_mut().act(Action::OpenModel(path));
    window.run_steps(3);
    let job = script.last_open();
    script.say(Event::ModelIncomplete {
        job,
        missing: MissingSettings {
            what: "a score_sde checkpoint does not say its image size and its process",
            architectures: Architecture::all().collect(),
            are_of_these_shapes: true,
            file: "/models/faces.json".into(),
        },
    });
    let message = "sde must be vp, subvp or ve, got cat: /models/faces.json".to_owned();
    script.say(Event::Failed { job, message });
    window.run_steps(3);
    press(&mut window, "Say them…");
    for size in [
        vec2(720.0, 560.0),
        vec2(1280.0, 800.0),
        vec2(3840.0, 2304.0),
    ] {
        window.set_size(size);
        window.run_steps(6);
        let inside = window.ctx.content_rect().expand(0.5);
        for label in [
            "What the file does not say",
            "Sde must be vp, subvp or ve, got cat: /models/faces.json.",
            "published model",
            "settings of the model",
            "They are saved as faces.json",
            "Save and open",
        ] {
            let rect = window.get_by_label(label).rect();
            assert!(inside.contains_rect(rect), "{size}, {label}: {rect}");
        }
    }
}

#[test]
fn the_setup_keeps_its_width_whatever_the_card_of_the_model_says() {
    let (mut window, script) = open(Settings::default());
    let width = PanelSettings::default().setup_width;
    let is_kept = |window: &Window| window.state().session().settings.panels.setup_width == width;
    assert!(is_kept(&window));
    prepare(&mut window, &script, 3);
    assert!(is_kept(&window), "bundled");
    let session = window.state_mut().session_mut();
    session.perform(Action::OpenModel(ModelSource::Path("/models/cats".into())));
    window.run_steps(4);
    window.get_by_role_and_label(AccessRole::Button, "Bundled");
    assert!(is_kept(&window), "a button in its place");
}
