//! Writing the plots to files.

use std::path::PathBuf;
use std::sync::Arc;

use super::outbox::Outgoing;
use super::session::Session;
use crate::detectors::measures;
use crate::engine::plots::PlotsRequest;
use crate::runs::RunSettings;
use crate::runs::report::PairsChart;
use crate::worker::protocol::{AssessRequest, LibraryCommand, Notice, Severity};

impl Session {
    pub(super) fn save_plots(&mut self, folder: PathBuf) {
        let Some(run) = self.shown.run.as_ref().filter(|run| run.num_results() > 0) else {
            self.notices.say(
                Severity::Warning,
                "There is nothing to plot yet. Start a run first.",
            );
            return;
        };
        let (distance, aggregate) = (
            self.settings.run.view.measure,
            self.settings.run.view.aggregate,
        );
        let request = PlotsRequest {
            folder,
            settings: RunSettings {
                view: self.settings.run.view,
                ..run.settings.clone()
            },
            figures: AssessRequest {
                images: Arc::clone(&run.images),
                results: Arc::clone(run.log()),
                distance,
                aggregate,
                level: self.settings.decision.level,
            },
            pairs: self.pairs_chart(),
        };
        let request = Arc::new(request);
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::SavePlots { request }));
    }

    /// The comparison that is shown, as a chart.
    fn pairs_chart(&self) -> Option<PairsChart> {
        let comparing = &self.comparing;
        let pair = self.shown.pairing.pair.as_ref();
        let pair = pair.filter(|_| comparing.is_open)?;
        let key = comparing.chosen.as_ref()?;
        let name = key.path.file_stem().unwrap_or(key.path.as_os_str());
        Some(PairsChart {
            labels: [
                format!(
                    "{}, the run shown",
                    measures::label(&self.settings.run.view.measure)
                ),
                format!(
                    "{}, {}",
                    measures::label(&key.distance),
                    name.to_string_lossy()
                ),
            ],
            points: pair
                .points
                .iter()
                .map(|point| (point.role, point.first, point.second))
                .collect(),
            thresholds: pair.thresholds,
        })
    }

    pub(super) fn plots_saved(&mut self, folder: PathBuf, outcome: Result<(), String>) {
        match outcome {
            Err(message) => self.notices.say(Severity::Error, message),
            Ok(()) => self.notices.push(Notice {
                severity: Severity::Info,
                message: "The plots were written".to_owned(),
                path: Some(folder),
            }),
        }
    }
}
