//! What to be careful about before the figures of a run are believed, most serious first.

use std::sync::Arc;

use super::Shown;
use super::analysis::Analysis;
use super::confounds::{Confound, ScoresKey};
use crate::networks::distances::LPIPS;
use crate::ood::Role;
use crate::state::session::Session;
use crate::state::text;
use crate::worker::protocol::{Assessment, Similar};

/// A middle LPIPS of in-domain images above this means that the model does not bring them back: trained models stay
/// below 0.1 on images like those that they were trained on, and one without training gives 0.3.
const UNLIKE: f64 = 0.2;
/// In-domain images that it takes to say so.
const FEWEST: usize = 8;

/// The warnings, and what they were made from.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    basis: Basis,
    sentences: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Basis {
    analysis: Option<Arc<Analysis>>,
    assessment: Option<Arc<Assessment>>,
    confounds: Option<ScoresKey>,
    similar: Option<Arc<Similar>>,
}

impl Basis {
    fn is(&self, other: &Self) -> bool {
        fn is_same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
            a.map(Arc::as_ptr) == b.map(Arc::as_ptr)
        }
        is_same(self.analysis.as_ref(), other.analysis.as_ref())
            && is_same(self.assessment.as_ref(), other.assessment.as_ref())
            && is_same(self.similar.as_ref(), other.similar.as_ref())
            && self.confounds == other.confounds
    }
}

impl Session {
    /// The warnings on the run that is shown, as sentences.
    pub fn warnings(&self) -> &[String] {
        &self.shown.warnings.sentences
    }
}

impl Shown {
    /// Bring the warnings up to date; they are made again only where what they rest on is another.
    pub(in crate::state) fn warn(&mut self) {
        let basis = Basis {
            analysis: self.analysis.clone(),
            assessment: self.deciding.assessment.clone(),
            confounds: self.confounds.as_ref().map(|(key, _)| *key),
            similar: self.similar().cloned(),
        };
        if basis.is(&self.warnings.basis) {
            return;
        }
        let confounds = self.confounds().unwrap_or_default();
        let simple = confounds.iter().filter_map(Confound::warning);
        let own = [
            self.not_reconstructed(),
            self.wrong_way_round(),
            self.near_duplicates(),
        ];
        let sentences = own.into_iter().flatten().chain(simple).collect();
        self.warnings = Warnings { basis, sentences };
    }

    /// That the model does not bring its own in-domain images back.
    fn not_reconstructed(&self) -> Option<String> {
        let (run, analysis) = (self.run.as_ref()?, self.analysis.as_deref()?);
        let (distance, _) = run.choice();
        let median = analysis.in_domain_median?;
        let is_known = distance == LPIPS && analysis.num_scored[Role::InDomain] >= FEWEST;
        (is_known && median > UNLIKE).then(|| {
            format!(
                "The model does not reconstruct its own in-domain images (middle LPIPS {}): it was hardly trained on \
                 images like these, or is read the wrong way.",
                text::score(median)
            )
        })
    }

    /// That out-of-domain images score lower than in-domain ones, by more than chance.
    fn wrong_way_round(&self) -> Option<String> {
        let found = self.deciding.assessment.as_deref()?.auroc?;
        (found.interval.high < 0.5).then(|| {
            "Out-of-domain images score lower than in-domain ones: the model fits them better, or the roles are \
             exchanged."
                .to_owned()
        })
    }
}
