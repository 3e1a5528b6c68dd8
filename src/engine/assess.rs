//! Figures that take too long for the window: resampled intervals, the band of the ROC curve, and how the area under it
//! settles with more attempts.

use std::sync::Arc;

use crate::detectors::measures;
use crate::ood::auroc::{AurocInterval, TwoSamples};
use crate::ood::figures::{RocPoint, roc_curve};
use crate::ood::roc_band::{RocBox, roc_band};
use crate::ood::{Aggregate, Interval, MeasureId, Role};
use crate::runs::{AttemptResult, AttemptsByImage, ResultLog, RunImage, attempts};

/// Resamples behind an interval.
const NUM_DRAWS: usize = 2000;
/// Points of the band at most: more can't be told apart on a screen.
const MAX_BAND_POINTS: usize = 100;
/// The interval has settled when its ends move by less than this, or by less than [`SETTLED_SHARE`] of its width.
const SETTLED: f64 = 0.005;
/// See [`SETTLED`].
const SETTLED_SHARE: f64 = 0.1;

/// What to assess.
#[derive(Clone, Debug)]
pub struct AssessRequest {
    /// The images of the run.
    pub images: Arc<[RunImage]>,
    /// Their results. The log is read where the figures are computed: tens of thousands of results are too many to be
    /// copied between two frames of the window.
    pub results: Arc<ResultLog>,
    /// The measure that the interval and the band are for.
    pub distance: MeasureId,
    /// How attempts become a score.
    pub aggregate: Aggregate,
    /// Confidence, in (0, 1).
    pub level: f64,
}

/// What was found; empty where a class is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessment {
    /// The area under the ROC curve with its interval.
    pub auroc: Option<AurocInterval>,
    /// Boxes around points of the curve, from (0, 0) to (1, 1).
    pub band: Vec<RocBox>,
    /// By each measure of the run, in the order in which they are shown: the area after 1, 2, … attempts, with a quick
    /// interval.
    pub by_attempts: Vec<(MeasureId, Vec<AttemptsPoint>)>,
    /// The smallest number of attempts after which the interval no longer moved, by the measure asked for.
    pub enough_attempts: Option<usize>,
}

/// The area under the ROC curve after some attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttemptsPoint {
    /// Attempts behind each score.
    pub num_attempts: usize,
    pub auroc: f64,
    /// Its interval, by DeLong's standard error.
    pub interval: Interval,
}

/// Compute everything; the same results give the same answer.
pub fn assess(request: &AssessRequest) -> Assessment {
    let results = request.results.since(0);
    let attempts = AttemptsByImage::collect(request.images.len(), &results);
    let of_role = |role: Role| -> Vec<&[Arc<AttemptResult>]> {
        let images = request.images.iter().zip(attempts.iter());
        let of_role = images.filter(|(image, _)| image.role == role);
        of_role.map(|(_, attempts)| attempts).collect()
    };
    let (in_domain, out_of_domain) = (of_role(Role::InDomain), of_role(Role::OutOfDomain));
    let of = |images: &[&[Arc<AttemptResult>]]| -> Vec<f64> {
        let all = |attempts: &&[Arc<AttemptResult>]| {
            attempts::score(attempts, request.distance, request.aggregate)
        };
        images.iter().filter_map(all).collect()
    };
    let (in_scores, out_scores) = (of(&in_domain), of(&out_of_domain));
    let Ok(samples) = TwoSamples::new(&in_scores, &out_scores) else {
        return Assessment::default();
    };
    let curve = roc_curve(&in_scores, &out_scores).unwrap_or_default();
    let first = in_domain.iter().copied().flatten().next();
    let measured = first.map_or(&[][..], |result| result.values.ids());
    let by_attempts: Vec<(MeasureId, Vec<AttemptsPoint>)> =
        measures::shown(measured, request.distance)
            .into_iter()
            .map(|measure| {
                let points = by_attempts(request, measure, [&in_domain, &out_of_domain]);
                (measure, points)
            })
            .collect();
    let asked = by_attempts.iter().find(|(id, _)| *id == request.distance);
    Assessment {
        auroc: Some(samples.interval(request.level, NUM_DRAWS, 0)),
        band: roc_band(
            &thinned(&curve, MAX_BAND_POINTS),
            in_scores.len(),
            out_scores.len(),
            request.level,
        ),
        enough_attempts: asked.and_then(|(_, points)| enough(points)),
        by_attempts,
    }
}

/// The area after each number of attempts that all images with any result have.
fn by_attempts(
    request: &AssessRequest,
    measure: MeasureId,
    [in_domain, out_of_domain]: [&[&[Arc<AttemptResult>]]; 2],
) -> Vec<AttemptsPoint> {
    let images = in_domain.iter().chain(out_of_domain);
    let finished = images
        .map(|attempts| attempts.len())
        .filter(|&count| count > 0)
        .min();
    let scores = |images: &[&[Arc<AttemptResult>]]| -> Vec<Vec<Option<f64>>> {
        let of = |attempts: &&[Arc<AttemptResult>]| {
            let values = attempts.iter().map(|result| &result.values);
            measures::scores_by_attempts(values, measure, request.aggregate)
        };
        images.iter().map(of).collect()
    };
    let (in_scores, out_scores) = (scores(in_domain), scores(out_of_domain));
    (1..=finished.unwrap_or(0))
        .filter_map(|num_attempts| {
            let after = |images: &[Vec<Option<f64>>]| -> Vec<f64> {
                let scores = images
                    .iter()
                    .filter_map(|scores| scores.get(num_attempts - 1));
                scores.copied().flatten().collect()
            };
            let samples = TwoSamples::new(&after(&in_scores), &after(&out_scores)).ok()?;
            Some(AttemptsPoint {
                num_attempts,
                auroc: samples.auroc(),
                interval: samples.quick_interval(request.level)?,
            })
        })
        .collect()
}

/// The first number of attempts from which on both ends stayed where they are at last; it takes two more to tell.
fn enough(points: &[AttemptsPoint]) -> Option<usize> {
    let last = points.last()?;
    let tolerance = SETTLED.max(SETTLED_SHARE * last.interval.width());
    let is_settled = |point: &&AttemptsPoint| {
        let low = (point.interval.low - last.interval.low).abs();
        let high = (point.interval.high - last.interval.high).abs();
        low.max(high) <= tolerance
    };
    let num_settled = points.iter().rev().take_while(is_settled).count();
    (num_settled >= 3).then(|| points[points.len() - num_settled].num_attempts)
}

/// Both ends of a curve and points about evenly spread along it.
fn thinned(curve: &[RocPoint], max_points: usize) -> Vec<RocPoint> {
    if curve.len() <= max_points {
        return curve.to_vec();
    }
    let last = curve.len() - 1;
    (0..max_points)
        .map(|index| curve[index * last / (max_points - 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::file::NativeInfo;
    use crate::images::{ContentHash, Geometry, ImageFile, Picture};
    use crate::networks::distances::{LPIPS, MSE, SSIM};

    fn image(role: Role) -> RunImage {
        RunImage {
            file: Arc::new(ImageFile {
                path: "image.png".into(),
                hash: ContentHash([0; 32]),
                native: NativeInfo {
                    width: 1,
                    height: 1,
                    format: "png".to_owned(),
                    color: "L8".to_owned(),
                    num_bytes: 1,
                    jpeg_quality: None,
                },
            }),
            role,
            folder: Arc::new("folder".into()),
        }
    }

    /// Images whose attempts are `start`, a little more for each image, and noise.
    fn request(attempts: &[f64]) -> AssessRequest {
        let roles = [
            (Role::InDomain, 40, 0.0),
            (Role::OutOfDomain, 30, 0.15),
            (Role::Unknown, 1, 9.0),
        ];
        let results = Arc::new(ResultLog::default());
        let mut images = Vec::new();
        let geometry = Geometry {
            channels: 1,
            side: 1,
        };
        for (role, count, start) in roles {
            for index in 0..count {
                let id = images.len();
                images.push(image(role));
                // The last attempt first: results of one image may overtake each other.
                results.extend(attempts.iter().enumerate().rev().map(|(attempt, noise)| {
                    let value = start + f64::from(index) * 0.01 + noise * f64::from(index % 7);
                    AttemptResult {
                        image: id,
                        attempt,
                        values: [(MSE, value), (SSIM, f64::NAN), (LPIPS, value)]
                            .into_iter()
                            .collect(),
                        known_mask: None,
                        original: Picture::from_unit(geometry, &[0.0]),
                        inpainted: None,
                        statistics: None,
                    }
                }));
            }
        }
        AssessRequest {
            images: images.into(),
            results,
            distance: LPIPS,
            aggregate: Aggregate::Mean,
            level: 0.95,
        }
    }

    #[test]
    fn attempts_that_change_nothing_are_more_than_enough() {
        let found = assess(&request(&[0.0; 5]));
        assert_eq!(found.enough_attempts, Some(1));
        assert_eq!(found.by_attempts[0].1.len(), 5);
        assert_eq!(
            found.by_attempts[1],
            (SSIM, Vec::new()),
            "no SSIM, no curve"
        );
        let auroc = found.auroc.unwrap();
        assert_eq!(found.by_attempts[0].1[4].auroc, auroc.auroc);
        assert!(found.band.len() <= MAX_BAND_POINTS);
        assert_eq!(assess(&request(&[0.0; 2])).enough_attempts, None);
    }

    #[test]
    fn attempts_that_still_move_the_interval_are_not_enough() {
        let found = assess(&request(&[0.5, 0.4, 0.3, 0.2, -1.2]));
        assert_eq!(found.enough_attempts, None);
    }

    #[test]
    fn a_missing_class_gives_nothing() {
        let mut request = request(&[0.0]);
        request.images = request.images[..40].into();
        assert_eq!(assess(&request), Assessment::default());
    }
}
