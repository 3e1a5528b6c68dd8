//! Checkpoints of `score_sde_pytorch` (<https://github.com/yang-song/score_sde_pytorch>), the code that the paper used:
//! a training state in a `.pth` file whose averaged weights are a list without names.
//!
//! The network is read from the tensors' names and shapes ([`modules`]); the process and the image size are in none of
//! them and come from a JSON file beside the weights ([`settings`]). DDPM and DDPM++ networks under variance-preserving
//! and sub-variance-preserving processes are read, and NCSN++ under these and variance-exploding ones.

use std::collections::BTreeMap;

use super::candidate::{Candidate, TorchWeights};
use super::pickle::Pickle;
use super::tensors::{Taker, TensorFile};
use super::{Checkpoint, CheckpointError, Contents, Family, Match, schedule_of};

use self::modules::Modules;
use self::settings::{Levels, Settings};

mod agreement;
mod modules;
mod published;
mod settings;
mod unet;

pub(super) static FAMILY: Family = Family {
    name: "score_sde",
    architectures: published::PUBLISHED,
    settings_file: None,
    recognize,
};

/// What the names of all tensors of a network begin with.
const MODULES: &str = "all_modules.";
/// The frequencies of a Fourier embedding, which are not trained.
const FOURIER: &str = "all_modules.0.W";

fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    let Some(names) = candidate.torch_names()? else {
        return Ok(Match::NotMine);
    };
    let mut tensors = names.top.iter().chain(&names.under_model);
    if !tensors.any(|name| name.contains(MODULES)) {
        return Ok(Match::NotMine);
    }
    Ok(Match::Mine(load))
}

fn load(candidate: &Candidate<'_>) -> Result<Checkpoint, CheckpointError> {
    let TorchWeights {
        name,
        path,
        pickle,
        sha256: weights_sha256,
    } = candidate.take_torch()?;
    let bad = |message: String| CheckpointError::BadWeights {
        message,
        path: path.clone(),
    };
    let mut notes = Vec::new();
    let levels = Levels::of(&pickle).map_err(bad)?;
    let tensors = TensorFile::Pickle(averaged(pickle, &mut notes).map_err(bad)?);
    let modules = Modules::of(&tensors.shapes()).map_err(|refusal| refusal.at(&path))?;
    let (settings, told) = Settings::find(candidate, &name, (&modules, levels), &mut notes)?;
    let mut taker = Taker::new(&tensors, str::to_owned);
    let network = unet::build(&modules, &settings, &mut taker);
    let num_tensors = taker.finish(&path)?;
    let contents = Contents {
        network,
        schedule: schedule_of(settings.schedule(), path)?,
        weights_sha256,
        notes,
        settings: told,
        num_tensors,
    };
    Ok(Checkpoint::new(candidate, &FAMILY, contents))
}

/// The weights to sample with, by their names without a wrapper's prefix: the averages, which are a list in the order of
/// the network's parameters; the raw ones, with a note, where the file has none.
fn averaged(pickle: Pickle, notes: &mut Vec<String>) -> Result<Pickle, String> {
    let plain = |name: &str| name.strip_prefix("module.").unwrap_or(name).to_owned();
    let raw = pickle.in_order("model").or_else(|| pickle.in_order(""));
    let raw: Vec<_> = (raw.unwrap_or_default().into_iter())
        .map(|(name, tensor)| (plain(&name), tensor))
        // Noise levels: see [`Levels`].
        .filter(|(name, _)| name != "sigmas")
        .collect();
    let Some(averages) = pickle.list_at(&["ema", "shadow_params"])? else {
        notes.push("the weights are not averaged: the file has no `ema`".to_owned());
        return Ok(pickle.with_tensors(raw.into_iter().collect()));
    };
    // Frozen parameters are in the network and in no average.
    let is_trained = |(name, _): &(String, _)| name != FOURIER;
    let names: Vec<String> = (raw.iter().filter(|named| is_trained(named)))
        .map(|(name, _)| name.clone())
        .collect();
    if names.len() != averages.len() {
        return Err(format!(
            "its averaged weights are {} tensors for the network's {}; the file was cut or put together wrongly, get it \
             again",
            averages.len(),
            names.len()
        ));
    }
    for ((name, raw), average) in raw.iter().filter(|named| is_trained(named)).zip(&averages) {
        if raw.shape != average.shape {
            return Err(format!(
                "its averaged weights are in another order than the network's: {name} has the shape {:?}, got {:?}",
                raw.shape, average.shape
            ));
        }
    }
    let mut tensors: BTreeMap<_, _> = raw.into_iter().collect();
    tensors.extend(names.into_iter().zip(averages));
    Ok(pickle.with_tensors(tensors))
}
