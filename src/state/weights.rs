//! Weights of distances that come from files: taking them into the settings, and whether those of the settings are there.

use std::path::{Path, PathBuf};

use super::outbox::Outgoing;
use super::session::Session;
use super::{Action, text};
use crate::detectors::{DetectorSpec, measures};
use crate::networks::distances::{DistanceWeights, Half, Identified};
use crate::worker::protocol::{LibraryCommand, Severity};

/// What is known of files of weights.
#[derive(Debug, Default)]
pub struct WeightsState {
    /// The file that is read to become one of the settings'.
    reading: Option<PathBuf>,
    /// The file that is read to become the network of features.
    reading_network: Option<PathBuf>,
    /// One of two files that was read, while the other one has not been given.
    half: Option<Half>,
    /// Those of the settings that were asked about, with the answer once there is one.
    asked: Vec<(DistanceWeights, Option<Result<(), String>>)>,
}

impl WeightsState {
    /// The file that is being read.
    pub fn reading(&self) -> Option<&Path> {
        self.reading.as_deref()
    }

    /// The file that is being read for its network.
    pub fn reading_network(&self) -> Option<&Path> {
        self.reading_network.as_deref()
    }

    /// One of two files that was read, while the other one has not been given.
    pub fn half(&self) -> Option<&Half> {
        self.half.as_ref()
    }

    /// Why these weights can't be used, a sentence; `None` where they can, or where that is not known yet.
    pub fn problem(&self, weights: &DistanceWeights) -> Option<&str> {
        let (_, answer) = self.asked.iter().find(|(it, _)| is_same(it, weights))?;
        answer.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// Wait for no other file.
    pub(super) fn forget_half(&mut self) {
        self.half = None;
    }

    fn is_known(&self, weights: &DistanceWeights) -> bool {
        let mut asked = self.asked.iter();
        asked.any(|(it, answer)| is_same(it, weights) && answer.is_some())
    }
}

/// Whether also the places are the same.
fn is_same(a: &DistanceWeights, b: &DistanceWeights) -> bool {
    a == b && a.files().eq(b.files())
}

impl Session {
    /// Take the weights in a file into the settings, once they are read.
    pub(super) fn read_weights(&mut self, path: PathBuf) {
        self.weights.reading = Some(path.clone());
        let half = self.weights.half.clone();
        let command = LibraryCommand::ReadWeights { path, half };
        self.outbox.push_back(Outgoing::Library(command));
    }

    pub(super) fn weights_read(&mut self, path: &Path, found: Result<Identified, String>) {
        if self
            .weights
            .reading
            .take_if(|wanted| *wanted == path)
            .is_none()
        {
            return;
        }
        let found = match found {
            Ok(Identified::Whole(found)) => found,
            Ok(Identified::Half(half)) => {
                self.weights.half = Some(half);
                return;
            }
            Err(message) => {
                self.notices.say(Severity::Error, text::sentences(&message));
                return;
            }
        };
        (self.weights.half).take_if(|half| half.distance == found.distance);
        let mut run = self.settings.run.clone();
        let Some(lmd) = run.method.detector.lmd_mut() else {
            return; // Another detector was chosen meanwhile.
        };
        lmd.distance_weights
            .retain(|it| it.distance != found.distance);
        lmd.distance_weights.push(found.clone());
        self.perform(Action::SetRun(Box::new(run)));
        self.weights.asked.push((found.clone(), Some(Ok(()))));
        if self.measures_to_choose().contains(&found.distance) {
            self.settings.run.view.measure = found.distance;
        } else {
            let label = measures::label(&found.distance);
            let news = format!("From the next run on images are measured by {label} as well.");
            self.notices.say(Severity::Info, news);
        }
    }

    /// Have Mahalanobis's features from the network in a file, once that is read.
    pub(super) fn read_network(&mut self, path: PathBuf) {
        self.weights.reading_network = Some(path.clone());
        let command = LibraryCommand::ReadNetwork { path };
        self.outbox.push_back(Outgoing::Library(command));
    }

    pub(super) fn network_read(&mut self, path: &Path, found: Result<DistanceWeights, String>) {
        let reading = &mut self.weights.reading_network;
        if reading.take_if(|wanted| *wanted == path).is_none() {
            return;
        }
        let found = match found {
            Ok(found) => found,
            Err(message) => {
                self.notices.say(Severity::Error, text::sentences(&message));
                return;
            }
        };
        let mut run = self.settings.run.clone();
        let Some(settings) = run.method.detector.mahalanobis_mut() else {
            return; // Another detector was chosen meanwhile.
        };
        settings.set_feature_weights(Some(found.clone()));
        self.perform(Action::SetRun(Box::new(run)));
        self.weights.asked.push((found, Some(Ok(()))));
    }

    pub(super) fn weights_checked(
        &mut self,
        weights: &DistanceWeights,
        outcome: &Result<(), String>,
    ) {
        let asked = self.weights.asked.iter_mut();
        for (_, answer) in asked.filter(|(it, _)| is_same(it, weights)) {
            *answer = Some(outcome.clone().map_err(|message| text::sentences(&message)));
        }
    }

    /// Ask whether the files of the settings are there, once for each.
    pub(super) fn want_weights(&mut self) {
        let wanted = self.settings.run.method.detector.weights();
        let asked = &mut self.weights.asked;
        asked.retain(|(it, _)| wanted.iter().any(|wanted| is_same(it, wanted)));
        for weights in wanted {
            if !asked.iter().any(|(it, _)| is_same(it, weights)) {
                asked.push((weights.clone(), None));
                let weights = weights.clone();
                let command = LibraryCommand::CheckWeights { weights };
                self.outbox.push_back(Outgoing::Library(command));
            }
        }
    }

    /// What the thread that was asked about files owed is asked again.
    pub(super) fn weights_restarted(&mut self) {
        self.weights = WeightsState::default();
    }

    /// Why nothing can start with the weights of this detector of the settings, if so.
    pub(super) fn missing_weights(&self, detector: &DetectorSpec) -> Option<String> {
        (detector.weights())
            .into_iter()
            .find_map(|weights| match self.weights.problem(weights) {
                Some(problem) => Some(problem.to_owned()),
                None if self.weights.is_known(weights) => None,
                None => Some(format!(
                    "The weights of {} are being read",
                    weights.network()
                )),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::UiCommand;
    use super::super::session::tests::ready_session;
    use super::*;
    use crate::networks::distances::{LPIPS, LPIPS_VGG};
    use crate::worker::protocol::LibraryEvent;

    fn vgg() -> DistanceWeights {
        DistanceWeights {
            distance: LPIPS_VGG,
            sha256: "0".repeat(64),
            file: "/vgg.pth".into(),
            linear: None,
        }
    }

    /// What the session asks the file thread about weights.
    fn asked(session: &mut Session) -> Vec<LibraryCommand> {
        session.tick(0.0);
        let commands = session
            .outbox
            .drain()
            .filter_map(|outgoing| match outgoing {
                Outgoing::Library(command) => Some(command),
                _ => None,
            });
        let is_of_weights = |command: &LibraryCommand| {
            matches!(
                command,
                LibraryCommand::ReadWeights { .. } | LibraryCommand::CheckWeights { .. }
            )
        };
        commands.filter(is_of_weights).collect()
    }

    #[test]
    fn a_file_that_was_chosen_offers_its_distance() {
        let mut session = ready_session();
        session.perform(Action::ReadWeights("/vgg.pth".into()));
        assert!(matches!(
            &asked(&mut session)[..],
            [LibraryCommand::ReadWeights { path, half: None }] if path == Path::new("/vgg.pth")
        ));
        assert!(!session.measures_to_choose().contains(&LPIPS_VGG));
        session.apply_library(LibraryEvent::WeightsRead {
            path: "/vgg.pth".into(),
            weights: Ok(Identified::Whole(vgg())),
        });
        assert!(session.measures_to_choose().contains(&LPIPS_VGG));
        assert_eq!(session.settings.run.view.measure, LPIPS_VGG);
        assert!(asked(&mut session).is_empty(), "it was just read");
        assert_eq!(session.missing_for_run(), None);
        session.perform(Action::Do(UiCommand::Undo));
        session.tick(0.0);
        assert!(!session.measures_to_choose().contains(&LPIPS_VGG));
        assert_eq!(session.settings.run.view.measure, LPIPS);
    }

    #[test]
    fn features_come_from_a_network_that_was_chosen() {
        let mut session = ready_session();
        let path = PathBuf::from("/vgg.pth");
        let read = |session: &mut Session, weights| {
            session.perform(Action::ReadNetwork("/vgg.pth".into()));
            session.apply_library(LibraryEvent::NetworkRead {
                path: "/vgg.pth".into(),
                weights,
            });
        };
        // LMD has no features of this kind.
        let before = session.settings.run.clone();
        read(&mut session, Ok(vgg()));
        assert_eq!(session.settings.run, before);

        let mut detector = DetectorSpec::named("mahalanobis").unwrap();
        detector.set_parameter("feature-layer", 5.0);
        session.settings.run.method.detector = detector;
        read(&mut session, Err("it holds no network".to_owned()));
        let weights = session.settings.run.method.detector.weights();
        assert!(weights.is_empty(), "{weights:?}");
        session.perform(Action::ReadNetwork(path.clone()));
        assert_eq!(session.weights.reading_network(), Some(&*path));
        session.apply_library(LibraryEvent::NetworkRead {
            path,
            weights: Ok(vgg()),
        });
        assert_eq!(session.weights.reading_network(), None);
        let detector = &session.settings.run.method.detector;
        assert_eq!(detector.weights(), [&vgg()]);
        assert!(asked(&mut session).is_empty(), "it was just read");
        assert_eq!(
            detector_words(&session),
            "Mahalanobis by VGG16's layer 5, not fitted"
        );
        session.perform(Action::Do(UiCommand::Undo));
        assert_eq!(
            detector_words(&session),
            "Mahalanobis by AlexNet's layer 5, not fitted"
        );
    }

    fn detector_words(session: &Session) -> String {
        session.settings.run.method.detector.summary()
    }

    #[test]
    fn the_first_of_two_files_waits_for_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linear.safetensors");
        let tensor = |len: usize| (vec![1, len, 1, 1], vec![0.5; len]);
        let tensors: Vec<_> = (0..5)
            .map(|tap| (format!("lin{tap}.model.1.weight"), tensor(64)))
            .collect();
        let tensors: Vec<(&str, &[usize], &[f32])> = (tensors.iter())
            .map(|(name, (shape, values))| (name.as_str(), shape.as_slice(), values.as_slice()))
            .collect();
        crate::networks::checkpoints::write_tensors(&path, &tensors).unwrap();
        let half = crate::networks::distances::from_file::identify(&path, None).unwrap();

        let mut session = ready_session();
        let before = session.settings.run.clone();
        session.perform(Action::ReadWeights(path.clone()));
        asked(&mut session);
        session.apply_library(LibraryEvent::WeightsRead {
            path,
            weights: Ok(half),
        });
        assert_eq!(session.settings.run, before);
        let kept = session.weights.half().unwrap().clone();
        assert!(
            kept.lacks().contains("give torchvision's VGG16"),
            "{}",
            kept.lacks()
        );
        session.perform(Action::ForgetHalf);
        assert_eq!(session.weights.half(), None);
        session.weights.half = Some(kept.clone());
        session.perform(Action::ReadWeights("/vgg16.pth".into()));
        assert!(matches!(
            &asked(&mut session)[..],
            [LibraryCommand::ReadWeights { half: Some(half), .. }] if *half == kept
        ));
        session.apply_library(LibraryEvent::WeightsRead {
            path: "/vgg16.pth".into(),
            weights: Ok(Identified::Whole(vgg())),
        });
        assert_eq!(session.weights.half(), None);
        assert_eq!(session.settings.run.view.measure, LPIPS_VGG);
    }

    #[test]
    fn a_file_that_is_no_weights_changes_nothing_and_says_why() {
        let mut session = ready_session();
        let before = session.settings.run.clone();
        session.perform(Action::ReadWeights("/no".into()));
        session.apply_library(LibraryEvent::WeightsRead {
            path: "/no".into(),
            weights: Err("the weights can't be used: it is a cat: /no".to_owned()),
        });
        assert_eq!(session.settings.run, before);
        assert_eq!(session.weights.reading(), None);
        let (_, notice) = session.notices.newest_first().next().unwrap();
        let told = &notice.message;
        assert!(told.starts_with("The weights can't be used"), "{told}");
    }

    #[test]
    fn a_run_waits_for_weights_that_are_not_there() {
        let mut session = ready_session();
        let mut run = session.settings.run.clone();
        run.method.detector.lmd_mut().unwrap().distance_weights = vec![vgg()];
        session.settings.run = run;
        assert!(matches!(
            &asked(&mut session)[..],
            [LibraryCommand::CheckWeights { weights }] if *weights == vgg()
        ));
        assert!(asked(&mut session).is_empty(), "asked once");
        assert!(
            session
                .missing_for_run()
                .unwrap()
                .contains("are being read")
        );
        let answer = |outcome| LibraryEvent::WeightsChecked {
            weights: vgg(),
            outcome,
        };
        session.apply_library(answer(Err("there is no such file: /vgg.pth".to_owned())));
        let told = session.missing_for_run().unwrap();
        assert!(told.contains("/vgg.pth"), "{told}");
        assert_eq!(session.weights.problem(&vgg()), Some(&*told));
        session.apply_library(answer(Ok(())));
        assert_eq!(session.missing_for_run(), None);
    }
}
