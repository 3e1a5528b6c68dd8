//! LPIPS's spatial maps of the attempts that are looked at, on one scale for the whole run.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Shown;
use super::difference::{COVERED, ScaleBasis};
use super::run::RunState;
use crate::images::Picture;
use crate::ood::Role;
use crate::state::outbox::{Outbox, Outgoing};
use crate::worker::protocol::{Command, Control, Event, JobId, MapRequest};

/// Images that the scale is set by, at most: fewer would leave it to the strangest of them, since the map of a small
/// picture is much the same everywhere.
const LARGEST_SAMPLE: usize = 128;
/// The same where pictures are large, and each takes long.
const SMALLEST_SAMPLE: usize = 16;
/// Pixels of the sample, where these bounds allow it.
const SAMPLE_PIXELS: usize = LARGEST_SAMPLE * 64 * 64;
/// Maps kept at most.
const MOST_KEPT: usize = 64;
/// A scale of nothing but zeros still needs a top.
const SMALLEST_TOP: f32 = 1e-6;

/// Image of the run and attempt of a map.
type Key = (usize, usize);

/// One map.
#[derive(Clone, Debug)]
pub struct LpipsMap {
    /// Row by row, 0 and up; their mean is the LPIPS distance up to rounding.
    pub values: Arc<[f32]>,
    /// The values on the run's scale: 255 is its top and all above.
    pub levels: Picture,
}

/// The scale of a run's maps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapScale {
    /// The value that gets the strongest color.
    pub top: f32,
    /// Which images it was set by.
    pub basis: ScaleBasis,
    /// How many of them.
    pub num_images: usize,
}

/// The maps so far and the one that is awaited.
#[derive(Debug, Default)]
pub struct LpipsMaps {
    scale: Option<MapScale>,
    kept: VecDeque<(Key, LpipsMap)>,
    awaited: Option<Awaited>,
    failed: Option<(Key, String)>,
}

#[derive(Debug)]
struct Awaited {
    job: JobId,
    key: Key,
    /// What the pairs before the last one set the scale by.
    basis: Option<ScaleBasis>,
    control: Control,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        self.control.cancel();
    }
}

impl Shown {
    /// The LPIPS map of the attempt that is looked at.
    pub fn map(&self) -> Option<&LpipsMap> {
        let key = self.map_key()?;
        let kept = self.maps.kept.iter();
        kept.rev()
            .find(|(known, _)| *known == key)
            .map(|(_, map)| map)
    }

    /// The scale of the maps of the run; `None` before the first one.
    pub fn map_scale(&self) -> Option<MapScale> {
        self.maps.scale
    }

    /// Why the map of the attempt that is looked at could not be made, if so.
    pub(in crate::state) fn failed_map(&self) -> Option<&str> {
        let (key, message) = self.maps.failed.as_ref()?;
        (Some(*key) == self.map_key()).then_some(message)
    }

    /// Make all maps again when they are wanted, on another scale.
    pub(in crate::state) fn forget_maps(&mut self) {
        self.maps = LpipsMaps::default();
    }

    fn map_key(&self) -> Option<Key> {
        let image = self.gallery.run_id(self.image()?)?;
        let result = self.attempts().get(self.attempt()?)?;
        Some((image, result.attempt))
    }

    /// Ask for the map of the attempt that is looked at, where it is not there yet; call once a frame in which the worker is
    /// free or can be. `true` where it was asked for.
    pub(in crate::state) fn want_map(&mut self, outbox: &mut Outbox) -> bool {
        let Some(run) = self.run.as_ref() else {
            return false;
        };
        let maps = &self.maps;
        let Some(key) = self.map_key().filter(|_| maps.awaited.is_none()) else {
            return false;
        };
        if self.map().is_some() || self.failed_map().is_some() {
            return false;
        }
        let shown = run.attempts(key.0).iter().find(|r| r.attempt == key.1);
        let pair = shown.and_then(|r| Some((r.original.clone(), r.inpainted.clone()?)));
        let Some(pair) = pair else { return false };
        let (mut pairs, basis) = match maps.scale {
            Some(_) => (Vec::new(), None),
            None => sample(run),
        };
        pairs.push(pair);
        let device = run.settings.execution.device;
        let (job, control) = (outbox.mint_job(), Control::default());
        self.maps.awaited = Some(Awaited {
            job,
            key,
            basis,
            control: control.clone(),
        });
        outbox.push_back(Outgoing::Worker(Command::Map {
            job,
            request: MapRequest { device, pairs },
            control,
        }));
        true
    }

    /// Take an event of the job that makes maps; `false` where it is not for it.
    pub(in crate::state) fn apply_map(&mut self, event: &Event) -> bool {
        let maps = &mut self.maps;
        let Some(awaited) = maps.awaited.take_if(|a| a.job == event.job()) else {
            return false;
        };
        match event {
            Event::Mapped { maps: found, .. } => {
                let Some((map, sample)) = found.split_last() else {
                    return true;
                };
                if let Some(basis) = awaited.basis {
                    maps.scale = Some(MapScale {
                        top: top(sample),
                        basis,
                        num_images: sample.len(),
                    });
                }
                let top = maps.scale.map_or(SMALLEST_TOP, |scale| scale.top);
                if maps.kept.len() >= MOST_KEPT {
                    maps.kept.pop_front();
                }
                let levels = levels(map, top);
                let values = Arc::clone(map);
                maps.kept
                    .push_back((awaited.key, LpipsMap { values, levels }));
            }
            Event::Failed { message, .. } => maps.failed = Some((awaited.key, message.clone())),
            Event::Done { .. } | Event::Cancelled { .. } => {}
            // The job is not at its end: what is awaited is put back.
            _ => maps.awaited = Some(awaited),
        }
        true
    }
}

/// First attempts of in-domain images, evenly spread over the run, else of others; never none where there is a picture.
fn sample(run: &RunState) -> (Vec<(Picture, Picture)>, Option<ScaleBasis>) {
    let of = |is_meant: &dyn Fn(Role) -> bool| {
        let images = (0..run.images.len()).filter(|&image| is_meant(run.images[image].role));
        let pairs: Vec<(Picture, Picture)> = images
            .filter_map(|image| {
                let first = run.attempts(image).first()?;
                Some((first.original.clone(), first.inpainted.clone()?))
            })
            .collect();
        let pixels = pairs.first().map_or(1, |(a, _)| a.width * a.height);
        let most = (SAMPLE_PIXELS / pixels.max(1)).clamp(SMALLEST_SAMPLE, LARGEST_SAMPLE);
        let stride = pairs.len().div_ceil(most).max(1);
        pairs.into_iter().step_by(stride).collect::<Vec<_>>()
    };
    let in_domain = of(&|role| role == Role::InDomain);
    if in_domain.is_empty() {
        (of(&|_| true), Some(ScaleBasis::Others))
    } else {
        (in_domain, Some(ScaleBasis::InDomain))
    }
}

/// The smallest value that [`COVERED`] of all stay at or below.
fn top(maps: &[Arc<[f32]>]) -> f32 {
    let mut values: Vec<f32> = maps.iter().flat_map(|map| map.iter().copied()).collect();
    if values.is_empty() {
        return SMALLEST_TOP;
    }
    let needed = (COVERED * values.len() as f64).ceil() as usize;
    let (_, top, _) = values.select_nth_unstable_by(needed.max(1) - 1, f32::total_cmp);
    top.max(SMALLEST_TOP)
}

fn levels(map: &[f32], top: f32) -> Picture {
    let side = map.len().isqrt();
    Picture {
        width: side,
        height: side,
        channels: 1,
        bytes: map
            .iter()
            .map(|value| (value / top * 255.0).clamp(0.0, 255.0).round() as u8)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_the_quantile_and_all_above_it_get_the_strongest_level() {
        let maps: Vec<Arc<[f32]>> = vec![
            (1..=100).map(|value| value as f32).collect(),
            (101..=200).map(|value| value as f32).collect(),
        ];
        assert_eq!(top(&maps), 198.0, "the 198th of 200");
        assert_eq!(top(&[]), SMALLEST_TOP);
        let picture = levels(&[0.0, 99.0, 198.0, 500.0], 198.0);
        assert_eq!((picture.width, picture.height), (2, 2));
        assert_eq!(picture.bytes[..], [0, 128, 255, 255]);
    }
}
