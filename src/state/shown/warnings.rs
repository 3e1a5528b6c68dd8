//! What to be careful about before the figures of a run are believed, most serious first.

use super::Shown;
use super::confounds::Confound;
use crate::networks::distances::LPIPS;
use crate::ood::Role;
use crate::state::session::Session;
use crate::state::text;

/// A middle LPIPS of in-domain images above this means that the model does not bring them back: trained models stay
/// below 0.1 on images like those that they were trained on, and one without training gives 0.3.
const UNLIKE: f64 = 0.2;
/// In-domain images that it takes to say so.
const FEWEST: usize = 8;

impl Session {
    /// The warnings on the run that is shown, as sentences.
    pub fn warnings(&self) -> Vec<String> {
        let shown = &self.shown;
        let confounds = shown.confounds().unwrap_or_default();
        let simple = confounds.iter().filter_map(Confound::warning);
        let own = [shown.not_reconstructed(), shown.wrong_way_round()];
        own.into_iter().flatten().chain(simple).collect()
    }
}

impl Shown {
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
