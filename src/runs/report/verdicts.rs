//! The verdicts of a report: images of unknown role judged against the in-domain ones of the same run.

use super::scores::ImageScores;
use crate::detectors::measures;
use crate::ood::conformal::CalibrationScores;
use crate::ood::{Role, text::percent};
use crate::runs::results::RunImage;
use crate::runs::settings::RunSettings;
use crate::runs::verdicts::{CalibrationSet, Candidate, Verdict};

/// The false-alarm rate of the verdicts in a report.
const FALSE_ALARM_RATE: f64 = 0.05;

/// Judge the images of unknown role against the in-domain ones of the same run, at a false-alarm rate of 5 %; `None`
/// where there is none to judge. Says in a sentence how.
pub fn verdicts_of_unknown(
    images: &[RunImage],
    scores: &[ImageScores],
    settings: &RunSettings,
) -> Option<(Vec<Verdict>, String)> {
    let scored = |role: Role| {
        scores
            .iter()
            .filter(move |image| image.role == role)
            .filter_map(|image| Some((image.image, image.score(settings.view.measure)?)))
            .filter_map(|(index, score)| Some((index, images.get(index)?.file.hash, score)))
    };
    let candidates: Vec<Candidate> = scored(Role::Unknown)
        .map(|(image, content, score)| Candidate {
            image,
            content,
            score,
        })
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let calibration = CalibrationScores::new(scored(Role::InDomain).map(|(_, _, score)| score));
    let count = calibration.count();
    let threshold = calibration.threshold(FALSE_ALARM_RATE);
    let note = match &threshold {
        Ok(threshold) => format!(
            "The verdicts in verdicts.csv call an image out-of-domain when its {} score ({}) is above {threshold}, \
             which flags at most {} of new in-domain images, by {count} in-domain scores.",
            measures::label(&settings.view.measure),
            settings.view.aggregate.name(),
            percent(FALSE_ALARM_RATE),
        ),
        Err(reason) => format!("There are no verdicts: {reason}."),
    };
    let calibration_set = CalibrationSet {
        contents: scored(Role::InDomain)
            .map(|(_, content, _)| content)
            .collect(),
        threshold: threshold.ok(),
        calibration,
    };
    Some((calibration_set.judge(&candidates), note))
}
