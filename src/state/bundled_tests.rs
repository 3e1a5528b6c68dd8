use super::*;
use crate::runs::Calibration;
use crate::state::Action;
use crate::state::decision::Way;
use crate::state::session::tests::library_commands;
use crate::worker::protocol::{Bundled, LibraryCommand, LibraryEvent, ModelSource};

#[test]
fn a_bundled_model_without_samples_opens_with_its_detector_and_takes_the_others_out() {
    let mut session = Session::new(Settings::default());
    let roles = [Role::InDomain, Role::OutOfDomain];
    assert!(roles.iter().all(|role| session.has_samples(*role)));
    library_commands(&mut session);
    let source = ModelSource::Bundled(Bundled::HeadCt);
    session.perform(Action::OpenModel(source.clone()));
    let asked = library_commands(&mut session);
    let [LibraryCommand::OpenDetector { path }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(session.settings.model, ModelSource::BUNDLED, "not yet");

    let detector = Calibration::load(path).map_err(|error| error.to_string());
    session.apply_library(LibraryEvent::DetectorOpened {
        path: path.clone(),
        detector: detector.map(Arc::new),
        written: None,
    });
    assert_eq!(session.settings.model, source);
    assert_eq!(session.settings.decision.way, Way::Detector);
    assert!(session.folders.is_empty());
    assert!(!roles.iter().any(|role| session.offers_samples(*role)));

    // Another one offers its samples again, and adds nothing by itself.
    session.perform(Action::OpenModel(ModelSource::BUNDLED));
    assert!(session.folders.is_empty());
    assert!(roles.iter().all(|role| session.offers_samples(*role)));
}
