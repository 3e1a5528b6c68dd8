//! LPIPS's spatial map as the second kind of difference.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::look::DifferenceKind;
use lmd_inspector::worker::protocol::{Command, Event, JobId, MapRequest};

use super::Window;
use super::look::{hover, looking, picture_center};
use super::script::{self, Script};

const PIXELS: usize = 32 * 32;

fn choose_map(window: &mut Window) {
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Difference kind")
        .click();
    window.run_steps(4);
    window
        .get_by_role_and_label(AccessRole::Button, "LPIPS map")
        .click();
    window.run_steps(4);
}

fn asked(script: &Script) -> Vec<(JobId, MapRequest)> {
    let shared = script.0.borrow();
    let commands = shared.commands.iter();
    commands
        .filter_map(|command| match command {
            Command::Map { job, request, .. } => Some((*job, request.clone())),
            _ => None,
        })
        .collect()
}

fn end_run(window: &mut Window, script: &Script) {
    let (job, request, _) = script.last_run();
    script.say(Event::Done {
        job,
        progress: script::progress(&request, 36),
    });
    window.run_steps(3);
}

#[test]
fn the_map_is_made_on_demand_on_one_scale_that_in_domain_images_set() {
    let (mut window, script) = looking();
    choose_map(&mut window);
    let look = window.state().session().settings.look;
    assert_eq!(look.difference, DifferenceKind::Lpips);
    assert!(asked(&script).is_empty(), "the worker has a run to do");
    let missing = window.state().session().missing_map();
    assert_eq!(
        missing.as_deref(),
        Some("After the run, or while it is paused")
    );

    end_run(&mut window, &script);
    let requests = asked(&script);
    let [(job, request)] = &requests[..] else {
        panic!("one request is expected, got {}", requests.len());
    };
    let session = window.state().session();
    let run = session.shown.run.as_ref().unwrap();
    let result = &session.shown.attempts()[session.shown.attempt().unwrap()];
    let shown = (result.original.clone(), result.inpainted.clone().unwrap());
    // The first attempts of the six in-domain images, and what is looked at.
    assert_eq!(request.pairs.len(), 7);
    assert_eq!(request.pairs[6], shown);
    for image in 0..6 {
        let first = &run.attempts(image)[0];
        assert_eq!(request.pairs[image].1, *first.inpainted.as_ref().unwrap());
    }

    // 1 to 6144 thousandths of a thousandth: 99 % of them is the 6083rd.
    let sample = |image: usize| -> Arc<[f32]> {
        let values = (1..=PIXELS).map(|pixel| (image * PIXELS + pixel) as f32 * 1e-4);
        values.collect()
    };
    let mut maps: Vec<Arc<[f32]>> = (0..6).map(sample).collect();
    let map: Arc<[f32]> = (0..PIXELS).map(|pixel| pixel as f32 * 1e-3).collect();
    maps.push(Arc::clone(&map));
    script.say(Event::Mapped { job: *job, maps });
    // Over a picture its values take the place of the scale.
    window.event(egui::Event::PointerGone);
    window.run_steps(3);
    let said = "One color scale for the whole run, from 0 to 0.6083: 99 % of the pixels of 6 in-domain images stay below";
    assert!(window.query_all_by_label_contains(said).count() > 0);
    let shown = window.state().session().shown.map().unwrap();
    assert_eq!(shown.values, map);
    assert_eq!(
        shown.levels.bytes[608],
        255,
        "{:?}",
        &shown.levels.bytes[600..610]
    );
    assert_eq!(shown.levels.bytes[304], 127);

    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at + egui::vec2(1.0, 1.0));
    let value = 16 * 32 + 16;
    window.get_by_label_contains(&format!(", LPIPS map 0.{value}"));

    // Another attempt asks for its own map alone, and a known one is not asked for again.
    window.key_press(egui::Key::Period);
    window.run_steps(3);
    let requests = asked(&script);
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].1.pairs.len(), 1);
    script.say(Event::Mapped {
        job: requests[1].0,
        maps: vec![map],
    });
    window.run_steps(3);
    window.key_press(egui::Key::Comma);
    window.run_steps(3);
    assert_eq!(asked(&script).len(), 2);
    assert_eq!(window.state().session().missing_map(), None);
}

#[test]
fn a_map_that_can_not_be_made_is_said_and_not_asked_for_again() {
    let (mut window, script) = looking();
    end_run(&mut window, &script);
    choose_map(&mut window);
    let (job, _) = asked(&script).remove(0);
    let message = "the network fell over".to_owned();
    script.say(Event::Failed { job, message });
    window.run_steps(6);
    let missing = window.state().session().missing_map();
    assert_eq!(missing.as_deref(), Some("the network fell over"));
    assert_eq!(asked(&script).len(), 1);
}
