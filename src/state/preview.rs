//! The live preview of the mask on a sample image.

use std::sync::Arc;

use crate::detectors::lmd::{Lift, Lmd};
use crate::images::Picture;
use crate::ood::KnownMask;
use crate::worker::protocol::{Preview, PreviewRequest};

/// The pictures of a preview, shared so that the window can tell whether it has drawn them already.
#[derive(Clone, Debug)]
pub struct ShownPreview {
    /// The prepared original.
    pub original: Option<Picture>,
    /// What the mask is painted over: the original, or gray where there is none.
    pub ground: Picture,
    pub known_mask: Arc<KnownMask>,
}

impl From<Preview> for ShownPreview {
    fn from(preview: Preview) -> Self {
        let side = preview.known_mask.side();
        let gray = || Picture {
            width: side,
            height: side,
            channels: 1,
            bytes: vec![128; side * side].into(),
        };
        Self {
            ground: preview.original.clone().unwrap_or_else(gray),
            original: preview.original,
            known_mask: Arc::new(preview.known_mask),
        }
    }
}

/// What was asked of the library thread and what it answered; at most one request is under way, so that dragging
/// a slider does not queue hundreds.
#[derive(Debug, Default)]
pub struct PreviewState {
    /// Which attempt's mask is shown, from 0.
    pub attempt: usize,
    wanted: Option<PreviewRequest>,
    in_flight: Option<PreviewRequest>,
    shown: Option<(PreviewRequest, Result<ShownPreview, String>)>,
}

impl PreviewState {
    /// Ask for a preview; `None` where there is nothing to preview.
    pub fn want(&mut self, request: Option<PreviewRequest>) {
        self.wanted = request;
        if self.wanted.is_none() {
            self.shown = None;
        }
    }

    /// The request to send now, if any.
    pub fn next_request(&mut self) -> Option<PreviewRequest> {
        let wanted = self.wanted.as_ref()?;
        let is_shown = self
            .shown
            .as_ref()
            .is_some_and(|(shown, _)| shown == wanted);
        if is_shown || self.in_flight.is_some() {
            return None;
        }
        self.in_flight.clone_from(&self.wanted);
        self.in_flight.clone()
    }

    /// Take an answer of the library thread.
    pub fn answer(&mut self, request: PreviewRequest, preview: Result<Preview, String>) {
        if self.in_flight.as_ref() == Some(&request) {
            self.in_flight = None;
        }
        if self.wanted.is_some() {
            self.shown = Some((request, preview.map(ShownPreview::from)));
        }
    }

    /// What was answered last, which may still be of the settings before.
    pub fn shown(&self) -> Option<(&PreviewRequest, &Result<ShownPreview, String>)> {
        self.shown
            .as_ref()
            .map(|(request, preview)| (request, preview))
    }

    /// Attempts whose masks differ: what the preview can step through.
    pub fn num_attempts(settings: &Lmd) -> usize {
        use crate::ood::MaskKind;
        match (&settings.lift, &settings.mask) {
            (Lift::Denoise { .. }, _) => 0,
            (_, MaskKind::AlternatingCheckerboard) => settings.num_attempts.min(2),
            (_, MaskKind::RandomPatch) => settings.num_attempts,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Geometry, ResizeMode};
    use crate::ood::MaskKind;

    fn request(grid: usize) -> PreviewRequest {
        PreviewRequest {
            path: None,
            geometry: Geometry {
                channels: 1,
                side: 32,
            },
            resize: ResizeMode::Crop,
            mask: MaskKind::Checkerboard,
            grid,
            attempt: 0,
            seed: 0,
        }
    }

    #[test]
    fn only_the_last_wish_is_sent_after_an_answer() {
        let mut state = PreviewState::default();
        state.want(Some(request(1)));
        assert_eq!(state.next_request(), Some(request(1)));
        state.want(Some(request(2)));
        state.want(Some(request(3)));
        assert_eq!(state.next_request(), None, "one at a time");
        state.answer(request(1), Err(String::new()));
        assert_eq!(state.next_request(), Some(request(3)));
        state.answer(request(3), Err(String::new()));
        assert_eq!(state.next_request(), None, "nothing new to ask");
    }
}
