//! A device that is lost in the middle of a run: the run continues on the CPU from its last finished batch.

use super::{Run, ScoreError};
use crate::diffusion::DenoiseError;
use crate::engine::EngineError;
use crate::runs::BatchChoice;

impl Run<'_> {
    /// The device of this run is gone, for this reason.
    pub(super) fn continue_on_cpu(&mut self, reason: String) -> Result<(), ScoreError> {
        let lost = self.engine.info.device.label.clone();
        match self.engine.move_to_cpu(self.control) {
            Ok(()) => {}
            Err(EngineError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => {
                log::warn!("no CPU to continue on: {error}");
                return Err(ScoreError::Network(DenoiseError::DeviceLost(reason)));
            }
        }
        self.batch_limit = self.engine.executors.batching.largest;
        if self.request.settings.execution.batch == BatchChoice::Auto {
            self.batch_size = self.engine.automatic_batch();
        }
        let device = self.request.device(&self.engine.info.device);
        let network_secs = self.clock.network_secs(self.control);
        let calls = self.progress.network_calls;
        // What is done so far was made by the lost device, and the file says so.
        (self.request.results)
            .with_writer(|writer| writer.change_device(&device, calls, network_secs))
            .transpose()?;
        self.notice(
            format!(
                "{lost} was lost ({reason}); the run continues on {device} from its last finished batch, and what the two \
                 make may differ from the fifth digit on"
            ),
            None,
        );
        Ok(())
    }
}
