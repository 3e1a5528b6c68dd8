//! The end of a run: the model's folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::run::{News, Training, until_written};
use super::{TrainingError, card};
use crate::diffusion::Interrupt;
use crate::networks::Network;
use crate::networks::checkpoints::Numbers;

impl Training {
    /// Write the averaged weights as a model, complete or not, then remove the work on it. A stop leaves out the last look
    /// at the model, never the model.
    pub fn finish(
        mut self,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<PathBuf, TrainingError> {
        let step = self.trainer.state().step;
        self.index.step = step;
        if (self.last_look.as_ref()).is_none_or(|look| look.step != step) {
            match self.look(interrupt, observer) {
                Ok(()) | Err(TrainingError::Train(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let average = &self.trainer.state().average;
        let network = self.trainer.plan().parameters.apply(average, &self.network);
        let made = self.folder.path().join("model");
        until_written(interrupt, observer, || {
            self.write_model(&made, &network)
                .and_then(|()| publish(&made, &self.output))
                .map_err(|source| TrainingError::Write {
                    what: "the model",
                    source,
                    path: self.output.clone(),
                })
        })?;
        // The model is whole: what is left of the work does no harm.
        if let Err(error) = self.folder.remove() {
            log::warn!("the training's folder can't be removed: {error}");
        }
        Ok(self.output)
    }

    fn write_model(&self, folder: &Path, network: &Network) -> std::io::Result<()> {
        // One that a crash, or a disk without room, left half written.
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        self.blueprint.write(folder, network, Numbers::F32)?;
        if let Some(look) = &self.last_look {
            look.write(folder)?;
        }
        let name = self
            .output
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let facts = card::Facts {
            index: &self.index,
            images: &self.images,
            split: &self.split,
            look: self.last_look.as_deref(),
        };
        let card = card::card(&name, network.num_parameters(), &facts);
        let record = card::record(&facts)?;
        for (name, bytes) in [("README.md", card.as_bytes()), ("training.json", &record)] {
            let path = folder.join(name);
            fs::write(&path, bytes)?;
            fs::File::open(&path)?.sync_all()?;
        }
        Ok(())
    }
}

/// Give the model its place; what has appeared there meanwhile stays.
fn publish(made: &Path, output: &Path) -> std::io::Result<()> {
    if output.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(made, output)
}
