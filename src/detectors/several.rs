//! Several detectors in one run: the same images, looked at by each, and the measures of all side by side.
//!
//! Each scores as it does alone, to the bit: noise is keyed by seed, content and attempt. One that makes fewer attempts than
//! another has no part in the later ones; what it would have measured in these is [absent](Values::get).

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::fitted::Fitting;
use super::lmd::masks::{Masks, MasksError};
use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Call, Detector, DetectorSpec, Models, Watch};
use crate::images::Geometry;
use crate::networks::distances::DistanceWeights;
use crate::ood::mask::MaskError;
use crate::ood::{MeasureId, NOT_MEASURED, Values};

const ABOUT: About = About {
    name: "several",
    label: "Several detectors",
    help: "Scores each image by several detectors in one run",
};

/// Two detectors or more, each once, in the order in which their measures are shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Several {
    parts: Vec<DetectorSpec>,
}

/// Why detectors can't score together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SeveralError {
    #[error("{0} is named twice, and a run has each detector once")]
    Twice(&'static str),
    #[error("no detector is named")]
    None,
    #[error("several detectors can't be one of several")]
    Nested,
}

impl Several {
    /// In files, as that of a detector.
    pub(super) const NAME: &'static str = ABOUT.name;

    /// Of the first detector that has one.
    fn first<T>(&self, of: impl FnMut(&DetectorSpec) -> Option<T>) -> Option<T> {
        self.parts.iter().find_map(of)
    }

    /// The sum over all detectors of what each takes in so many attempts.
    fn total<T: std::iter::Sum>(&self, of: impl FnMut(&DetectorSpec) -> T) -> T {
        self.parts.iter().map(of).sum()
    }
}

impl DetectorSpec {
    /// These detectors in one run; one alone is itself.
    ///
    /// # Errors
    /// That there is none, or one twice.
    pub fn together(parts: Vec<Self>) -> Result<Self, SeveralError> {
        for (index, part) in parts.iter().enumerate() {
            if let Self::Several(_) = part {
                return Err(SeveralError::Nested);
            }
            let About { name, label, .. } = part.about();
            if parts[..index]
                .iter()
                .any(|other| other.about().name == *name)
            {
                return Err(SeveralError::Twice(label));
            }
        }
        match <[Self; 1]>::try_from(parts) {
            Ok([alone]) => Ok(alone),
            Err(parts) if parts.is_empty() => Err(SeveralError::None),
            Err(parts) => Ok(Self::Several(Several { parts })),
        }
    }

    /// The detectors of a run: its parts where there are several, else itself.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Several(several) => &several.parts,
            alone => std::slice::from_ref(alone),
        }
    }

    /// The same, to be changed; each must stay the detector that it is.
    pub fn each_mut(&mut self) -> &mut [Self] {
        match self {
            Self::Several(several) => &mut several.parts,
            alone => std::slice::from_mut(alone),
        }
    }

    /// Put a detector in the place of the one of its name; `false` where there is none.
    pub fn put(&mut self, detector: Self) -> bool {
        let mut each = self.each_mut().iter_mut();
        let place = each.find(|part| part.about().name == detector.about().name);
        place.map(|place| *place = detector).is_some()
    }

    /// The one that is fitted next: of several the first without a fit, or the first that has one where none is without.
    /// Itself where nothing is fitted.
    #[must_use]
    pub fn to_fit(&self) -> &Self {
        let is_unfitted = |part: &&Self| part.fitting().is_some_and(|it| it.fitted().is_none());
        let mut each = self.each().iter();
        let unfitted = each.clone().find(is_unfitted);
        let fitted = || each.find(|part| part.fitting().is_some());
        unfitted.or_else(fitted).unwrap_or(self)
    }

    /// Of several the one that a measure comes from, which gives the same scores by it alone; itself in all other cases.
    #[must_use]
    pub fn that_measures(&self, measure: MeasureId) -> &Self {
        let mut each = self.each().iter();
        let found = each.find(|part| part.choices(usize::MAX).contains(&measure));
        found.unwrap_or(self)
    }

    /// Of several the one whose pictures a run keeps; itself in all other cases.
    #[must_use]
    pub fn that_makes_pictures(&self) -> &Self {
        let mut each = self.each().iter();
        each.find(|part| part.result().is_some()).unwrap_or(self)
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            parts: Vec<DetectorSpec>,
        }

        let Fields { parts } = Fields::deserialize(deserializer)?;
        match DetectorSpec::together(parts) {
            Ok(DetectorSpec::Several(several)) => Ok(several),
            Ok(_) => Err(serde::de::Error::custom("one detector is not several")),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl DetectorSettings for Several {
    fn about(&self) -> &'static About {
        const { &ABOUT }
    }

    fn labels(&self) -> Vec<&'static str> {
        self.parts.iter().map(|part| part.about().label).collect()
    }

    fn num_attempts(&self) -> usize {
        let parts = self.parts.iter().map(|part| part.num_attempts());
        // None at all is refused whichever of them asks for it.
        if parts.clone().any(|count| count == 0) {
            return 0;
        }
        parts.max().unwrap_or(1)
    }

    fn uses_model(&self) -> bool {
        self.parts.iter().any(|part| part.uses_model())
    }

    /// The mean of all attempts: the first has the calls of all detectors, the later ones those of fewer.
    fn expected_calls(&self, num_train_timesteps: usize) -> usize {
        let calls = self.total_calls(num_train_timesteps);
        calls.div_ceil(self.num_attempts().max(1))
    }

    fn calls_of_attempt(&self, attempt: usize, num_train_timesteps: usize) -> usize {
        self.total(|part| part.calls_of_attempt(attempt, num_train_timesteps))
    }

    fn total_calls(&self, num_train_timesteps: usize) -> usize {
        self.total(|part| part.total_calls(num_train_timesteps))
    }

    fn other_secs(&self, side: usize) -> f64 {
        let secs = self.total(|part| part.other_secs(side) * part.num_attempts() as f64);
        secs / self.num_attempts().max(1) as f64
    }

    fn measures(&self, side: usize, asked: MeasureId) -> Vec<MeasureId> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.measures(side, asked)).collect()
    }

    fn choices(&self, side: usize) -> Vec<MeasureId> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.choices(side)).collect()
    }

    fn result(&self) -> Option<&'static str> {
        self.first(|part| part.result())
    }

    fn num_results(&self) -> usize {
        let makes_pictures = self.first(|part| part.result().map(|_| part.num_results()));
        makes_pictures.unwrap_or(0)
    }

    fn hides_pixels(&self) -> bool {
        self.parts.iter().any(|part| part.hides_pixels())
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        let parts = self.parts.iter().map(|part| {
            Ok(Part {
                detector: part.detector(target)?,
                num_attempts: part.num_attempts(),
            })
        });
        let parts = parts.collect::<Result<Vec<Part>, DetectorError>>()?;
        let measures = parts
            .iter()
            .flat_map(|part| part.detector.measures().iter());
        Ok(Box::new(Ready {
            measures: measures.copied().collect(),
            parts,
        }))
    }

    fn facts(&self, num_train_timesteps: usize) -> Vec<(&'static str, String)> {
        let of = |part: &DetectorSpec| {
            let head = ("Detector", part.about().label.to_owned());
            let facts = part.facts(num_train_timesteps);
            std::iter::once(head).chain(facts)
        };
        self.parts.iter().flat_map(of).collect()
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        self.parts.iter().flat_map(|part| part.options()).collect()
    }

    fn summary(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|part| part.summary()).collect();
        parts.join("; ")
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.parameters()).collect()
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        for part in &mut self.parts {
            part.set_parameter(name, value);
        }
    }

    fn fittings(&self) -> Vec<&dyn Fitting> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.fittings()).collect()
    }

    fn is_believable(&self) -> bool {
        self.parts.iter().all(|part| part.is_believable())
    }

    fn repair(&mut self) {
        for part in &mut self.parts {
            part.repair();
        }
    }

    fn files(&self) -> Vec<&PathBuf> {
        self.parts.iter().flat_map(|part| part.files()).collect()
    }

    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        let parts = self.parts.iter_mut();
        parts.flat_map(|part| part.files_mut()).collect()
    }

    fn mask_file(&self) -> Option<&PathBuf> {
        self.parts.iter().find_map(|part| part.mask_file())
    }

    fn weights(&self) -> Vec<&DistanceWeights> {
        self.parts.iter().flat_map(|part| part.weights()).collect()
    }

    fn weights_mut(&mut self) -> Vec<&mut DistanceWeights> {
        let parts = self.parts.iter_mut();
        parts.flat_map(|part| part.weights_mut()).collect()
    }

    fn masks(&self, geometry: Geometry, seed: u64) -> Result<Option<Masks>, MasksError> {
        for part in &self.parts {
            if let Some(masks) = part.masks(geometry, seed)? {
                return Ok(Some(masks));
            }
        }
        Ok(None)
    }

    fn stored_masks(
        &self,
        geometry: Geometry,
        seed: u64,
        file_luma: Vec<u8>,
    ) -> Result<Option<Masks>, MaskError> {
        match self.parts.iter().find(|part| part.hides_pixels()) {
            Some(part) => part.stored_masks(geometry, seed, file_luma),
            None => Ok(None),
        }
    }
}

struct Part {
    detector: Box<dyn Detector>,
    num_attempts: usize,
}

struct Ready {
    parts: Vec<Part>,
    measures: Arc<[MeasureId]>,
}

impl Ready {
    /// Those that make this attempt.
    fn at_work(&self, attempt: usize) -> impl Iterator<Item = &Part> {
        let parts = self.parts.iter();
        parts.filter(move |part| attempt < part.num_attempts)
    }
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        self.calls_of_attempt(0)
    }

    fn calls_of_attempt(&self, attempt: usize) -> usize {
        let parts = self.at_work(attempt);
        parts
            .map(|part| part.detector.calls_of_attempt(attempt))
            .sum()
    }

    fn mask_luma(&self) -> &[u8] {
        let mut luma = self.parts.iter().map(|part| part.detector.mask_luma());
        luma.find(|luma| !luma.is_empty()).unwrap_or(&[])
    }

    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        mut models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let mut values = vec![Vec::with_capacity(self.measures.len()); batch.originals.len()];
        let mut pictures: Vec<(Option<_>, Option<_>)> = vec![(None, None); batch.originals.len()];
        let mut num_before = 0;
        for part in &self.parts {
            let detector = &part.detector;
            if attempt >= part.num_attempts {
                let absent = vec![NOT_MEASURED; detector.measures().len()];
                for of in &mut values {
                    of.extend(&absent);
                }
                continue;
            }
            let on_call = &mut |call: Call<'_>| {
                let num_done = num_before + call.num_done;
                (watch.on_call)(Call { num_done, ..call });
            };
            let batch = Batch {
                geometry: batch.geometry,
                contents: batch.contents,
                originals: &mut *batch.originals,
            };
            let watch = Watch {
                interrupt: watch.interrupt,
                on_call,
            };
            let made = detector.score(batch, attempt, models.lent(), watch)?;
            for ((made, values), pictures) in made.into_iter().zip(&mut values).zip(&mut pictures) {
                values.extend(made.values.as_slice());
                let (mask, picture) = pictures;
                *mask = mask.take().or(made.known_mask);
                *picture = picture.take().or(made.reconstruction);
            }
            num_before += detector.calls_of_attempt(attempt);
        }
        let images = values.into_iter().zip(pictures);
        let attempts = images.map(|(values, (known_mask, reconstruction))| Attempt {
            values: Values::new(&self.measures, values),
            known_mask,
            reconstruction,
        });
        Ok(attempts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::one_call_norm::NOISE_NORM;
    use crate::networks::distances::{LPIPS, MSE};

    fn named(names: &[&str]) -> Vec<DetectorSpec> {
        let named = |name: &&str| DetectorSpec::named(name).unwrap();
        names.iter().map(named).collect()
    }

    fn together(names: &[&str]) -> DetectorSpec {
        DetectorSpec::together(named(names)).unwrap()
    }

    #[test]
    fn a_run_has_each_detector_once_and_one_alone_is_itself() {
        assert_eq!(together(&["lmd"]), DetectorSpec::default());
        let refused = |parts| DetectorSpec::together(parts).unwrap_err();
        assert_eq!(refused(Vec::new()), SeveralError::None);
        let twice = refused(named(&["lmd", "bound", "lmd"]));
        assert_eq!(twice, SeveralError::Twice("LMD"));
        let mut nested = named(&["msma"]);
        nested.push(together(&["lmd", "bound"]));
        assert_eq!(refused(nested), SeveralError::Nested);
    }

    #[test]
    fn files_hold_all_and_what_can_not_be_is_refused() {
        let mut several = together(&["one-call-norm", "lmd", "msma"]);
        several.set_parameter("sigma", 1.5);
        several.lmd_mut().unwrap().num_attempts = 3;
        let written = serde_json::to_value(&several).unwrap();
        assert_eq!(written["detector"], "several");
        assert_eq!(written["parts"][1]["num_attempts"], 3);
        let read: DetectorSpec = serde_json::from_value(written).unwrap();
        assert_eq!(read, several);
        let lmd = r#"{"grid": 8}"#;
        let nested = r#"{"detector": "several", "parts": [{}, {"detector": "bound"}]}"#;
        for parts in [
            String::new(),
            lmd.to_owned(),
            format!("{lmd}, {lmd}"),
            format!("{lmd}, {nested}"),
        ] {
            let json = format!(r#"{{"detector": "several", "parts": [{parts}]}}"#);
            let read = serde_json::from_str::<DetectorSpec>(&json);
            assert!(read.is_err(), "{json}");
        }
        let unknown =
            r#"{"detector": "several", "parts": [{}, {"detector": "bound"}], "twist": 1}"#;
        let error = serde_json::from_str::<DetectorSpec>(unknown).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `twist`"),
            "{error}"
        );
    }

    #[test]
    fn attempts_are_those_of_the_one_with_the_most_and_calls_are_shared_out() {
        let mut several = together(&["one-call-norm", "lmd"]);
        let lmd = several.lmd_mut().unwrap();
        (lmd.num_attempts, lmd.sampler.num_steps) = (4, Some(10));
        assert_eq!(several.num_attempts(), 4);
        // 41 calls in 4 attempts.
        assert_eq!(several.expected_calls(1000), 11);
        assert_eq!(several.result(), Some("Inpainted"));
        assert_eq!(several.num_results(), 4);
        several.lmd_mut().unwrap().num_attempts = 0;
        assert_eq!(several.num_attempts(), 0, "which no run may have");
    }

    #[test]
    fn measures_and_fits_belong_to_their_detectors() {
        let mut several = together(&["lmd", "one-call-norm", "msma", "mahalanobis"]);
        assert_eq!(several.choices(32)[0], LPIPS);
        let names = [
            (MSE, "lmd"),
            (NOISE_NORM, "one-call-norm"),
            (MeasureId::new("nobody-s"), "several"),
        ];
        for (measure, name) in names {
            assert_eq!(several.that_measures(measure).about().name, name);
        }
        assert_eq!(several.that_makes_pictures().about().name, "lmd");
        assert_eq!(several.fittings().len(), 2);
        assert_eq!(several.to_fit().about().name, "msma");
        assert_eq!(together(&["lmd", "bound"]).to_fit().about().name, "several");
        assert!(!several.put(named(&["bound"]).remove(0)));
        let mut norm = named(&["one-call-norm"]).remove(0);
        norm.set_parameter("sigma", 0.5);
        assert!(several.put(norm.clone()));
        assert_eq!(several.each()[1], norm);
    }
}
