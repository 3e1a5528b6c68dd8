//! Which images look alike: what is most like one of them, near duplicates, and a map on which like lies near like.
//!
//! An image is looked at by `AlexNet`, which is inside the program: the mean of each channel of its third layer over the
//! picture, at length 1, so that the product of two of them is their cosine. Of MNIST's and Fashion-MNIST's test images (3,000
//! each, at 32 pixels) 93 % and 80 % have one of their own class as the nearest; by the second layer, which the Mahalanobis
//! detector takes, and without enlarging them it is 88 % and 75 %. No diffusion model has a part in it, and no file is read:
//! the pictures are those that a run keeps.

pub mod files;
mod look;
mod twins;

use std::sync::Arc;

pub use self::look::{Look, Looker};
pub use self::twins::Twins;
use super::Control;
use crate::diffusion::{Interrupt as _, Interrupted};
use crate::images::Picture;
use crate::images::duplicates::TwoRoles;
use crate::networks::executors::ExecutorError;
use crate::ood::principal::PrincipalComponents;
use crate::runs::{AttemptResult, RunImage};

/// Pictures between two reports of progress, and between two looks at whether to stop.
const AT_ONCE: usize = 16;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct SimilarRequest {
    /// By the ids of the images in their run; `None` where there is none yet.
    pub pictures: Vec<Option<Picture>>,
    /// What is known already of the same images, so that they are looked at once.
    pub known: Option<Arc<Similar>>,
}

impl SimilarRequest {
    /// The pictures that results hold, by the ids of a run's images; a picture that was lost stands for none.
    pub fn pictures<'a>(
        num_images: usize,
        results: impl IntoIterator<Item = &'a AttemptResult>,
    ) -> Vec<Option<Picture>> {
        let mut pictures = vec![None; num_images];
        for result in results {
            if let Some(slot) = pictures.get_mut(result.image)
                && Self::has_picture(result)
            {
                slot.get_or_insert_with(|| result.original.clone());
            }
        }
        pictures
    }

    /// Whether a result has its image's picture: of a run file with more pictures than memory takes, blank ones stand for the
    /// others, and would all be the same picture.
    pub fn has_picture(result: &AttemptResult) -> bool {
        let bytes = &result.original.bytes;
        let is_blank = || bytes.iter().all(|byte| Some(byte) == bytes.first());
        (result.statistics).is_some_and(|truth| truth.deviation_u8 <= 0.0 || !is_blank())
    }

    /// How many have to be looked at.
    pub fn num_new(&self) -> usize {
        let is_new = |&(id, picture): &(usize, &Option<Picture>)| {
            let known = self.known.as_ref().and_then(|known| known.look(id));
            picture.is_some() && known.is_none()
        };
        self.pictures.iter().enumerate().filter(is_new).count()
    }
}

/// Why images were not compared.
#[derive(Debug, thiserror::Error)]
pub enum SimilarError {
    /// Stopped on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The network could not be made ready.
    #[error(transparent)]
    Network(#[from] ExecutorError),
    /// The network gave up.
    #[error("the images could not be compared: {0}")]
    Failed(String),
}

/// How images of a run are to each other.
#[derive(Clone, Debug, Default)]
pub struct Similar {
    looks: Vec<Option<Look>>,
    places: Vec<Option<[f64; 2]>>,
    /// What part of all that varies the map shows across and down, each 0 to 1.
    pub shares: [f64; 2],
    /// Pairs that are nearly the same, in the order of their ids.
    pub twins: Vec<Twins>,
}

impl Similar {
    /// Compare images; `progress` is told how many of the new ones have been looked at.
    pub fn of(
        request: &SimilarRequest,
        looker: &mut Looker,
        control: &Control,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self, SimilarError> {
        let mut looks: Vec<Option<Look>> = (0..request.pictures.len())
            .map(|id| request.known.as_ref()?.look(id).cloned())
            .collect();
        let pictures = request.pictures.iter().enumerate();
        let new: Vec<(usize, &Picture)> = pictures
            .filter(|(id, _)| looks[*id].is_none())
            .filter_map(|(id, picture)| Some((id, picture.as_ref()?)))
            .collect();
        for (index, batch) in new.chunks(AT_ONCE).enumerate() {
            control.check()?;
            progress(index * AT_ONCE);
            let pictures: Vec<&Picture> = batch.iter().map(|(_, picture)| *picture).collect();
            for ((id, _), look) in batch.iter().zip(looker.look_at(&pictures)?) {
                looks[*id] = Some(look);
            }
        }
        progress(new.len());
        let twins = twins::find(&looks, control)?;
        control.check()?;
        Ok(Self::mapped(looks, twins))
    }

    fn mapped(looks: Vec<Option<Look>>, twins: Vec<Twins>) -> Self {
        let rows: Vec<&[f32]> = looks.iter().flatten().map(Look::row).collect();
        let components = PrincipalComponents::of(&rows, 2);
        let place = |look: &Option<Look>| {
            let place = components.as_ref()?.place(look.as_ref()?.row());
            Some([place[0], place[1]])
        };
        Self {
            places: looks.iter().map(place).collect(),
            shares: components.as_ref().map_or([0.0; 2], |it| {
                [it.shares[0], it.shares.get(1).copied().unwrap_or(0.0)]
            }),
            looks,
            twins,
        }
    }

    fn look(&self, id: usize) -> Option<&Look> {
        self.looks.get(id)?.as_ref()
    }

    /// How many images were looked at.
    pub fn num_images(&self) -> usize {
        self.looks.iter().flatten().count()
    }

    /// Where an image lies on the map, across and down: its two principal components.
    pub fn place(&self, id: usize) -> Option<[f64; 2]> {
        self.places.get(id).copied().flatten()
    }

    /// The cosine between two images, 1 for the same picture; `None` where one was not looked at.
    pub fn similarity(&self, a: usize, b: usize) -> Option<f64> {
        Some(self.look(a)?.cosine(self.look(b)?))
    }

    /// The pairs of near duplicates with two roles, if there are any.
    pub fn two_roles<'a>(&self, images: &'a [RunImage]) -> Option<TwoRoles<'a>> {
        let described = |id: usize| images.get(id).map(|it| (it.role, &*it.file));
        let pairs = self.twins.iter().map(|twins| twins.images);
        TwoRoles::near(pairs.filter_map(|[a, b]| Some([described(a)?, described(b)?])))
    }

    /// The images most like one of them, the nearest first, with their similarity; that one is not among them.
    pub fn nearest(&self, id: usize, count: usize) -> Vec<(usize, f64)> {
        let others = (0..self.looks.len()).filter(|&other| other != id);
        let mut found: Vec<(usize, f64)> = others
            .filter_map(|other| Some((other, self.similarity(id, other)?)))
            .collect();
        found.sort_by(|(a, like), (b, other)| other.total_cmp(like).then(a.cmp(b)));
        found.truncate(count);
        found
    }
}

#[cfg(test)]
mod tests;
