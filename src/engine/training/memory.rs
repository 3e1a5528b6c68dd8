//! Whether a training fits into this machine's memory, and what would.

use super::TrainingError;
use crate::engine::limits::{address_space, memory};
use crate::images::Geometry;
use crate::networks::checkpoints::{Blueprint, NetworkSize};
use crate::networks::training::{Plan, trainer};

/// Refuse a network that would not fit: the system would end this process, or others, without a sentence.
pub(super) fn check(plan: &Plan) -> Result<(), TrainingError> {
    let needed = trainer::bytes_needed(plan) as u64;
    match available() {
        Some(available) if needed > available => Err(TrainingError::TooLarge {
            needed_mb: needed / 1_000_000,
            available_mb: available / 1_000_000,
            remedy: what_fits(plan, available),
        }),
        _ => Ok(()),
    }
}

/// Refuse images that would not fit. They are held twice while some are set apart.
pub(super) fn check_images(count: usize, geometry: Geometry) -> Result<(), TrainingError> {
    let needed = 2 * (count * geometry.len() * size_of::<u16>()) as u64;
    match available() {
        Some(available) if needed > available => Err(TrainingError::TooManyPixels {
            count,
            side: geometry.side,
            needed_mb: needed / 1_000_000,
            available_mb: available / 1_000_000,
        }),
        _ => Ok(()),
    }
}

/// The largest network that would fit in place of this one, at its size, else at a smaller one.
fn what_fits(plan: &Plan, available: u64) -> String {
    let Geometry { channels, side } = plan.geometry;
    let sides = std::iter::successors(Some(side), |side| Some(side / 2));
    for side in sides.take_while(|&side| side >= 8) {
        let fitting = NetworkSize::ALL.into_iter().rev().find(|&size| {
            Blueprint::new(size, Geometry { channels, side })
                .ok()
                .and_then(|blueprint| Plan::new(&blueprint.initial(0)).ok())
                .is_some_and(|other| {
                    let bytes = trainer::bytes_needed(&other);
                    bytes < trainer::bytes_needed(plan) && bytes as u64 <= available
                })
        });
        if let Some(size) = fitting {
            return format!("the {size} network at {side}x{side} pixels would fit");
        }
    }
    "no network of any size would fit".to_owned()
}

/// Bytes that the system would give, where it tells: the least of free memory and the process's limit.
fn available() -> Option<u64> {
    let free = memory().map(|memory| memory.available);
    [free, address_space()].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(size: NetworkSize, side: usize) -> Plan {
        let geometry = Geometry { channels: 1, side };
        let network = Blueprint::new(size, geometry).unwrap().initial(0);
        Plan::new(&network).unwrap()
    }

    #[test]
    fn what_would_fit_is_named_by_network_and_size() {
        let (base, tiny) = (
            plan(NetworkSize::Base, 32),
            trainer::bytes_needed(&plan(NetworkSize::Tiny, 32)) as u64,
        );
        assert_eq!(
            what_fits(&base, tiny),
            "the tiny network at 32x32 pixels would fit"
        );
        let smaller = what_fits(&base, tiny - 1);
        assert!(
            smaller.ends_with("network at 16x16 pixels would fit"),
            "{smaller}"
        );
        assert_eq!(what_fits(&base, 1), "no network of any size would fit");
    }

    #[test]
    fn more_images_than_any_machine_holds_are_refused_by_a_sentence() {
        let geometry = Geometry {
            channels: 3,
            side: 256,
        };
        if cfg!(target_os = "linux") {
            let told = check_images(1 << 40, geometry).unwrap_err().to_string();
            assert!(
                told.contains("choose a smaller size or fewer images"),
                "{told}"
            );
        }
        check_images(1, geometry).unwrap();
    }
}
