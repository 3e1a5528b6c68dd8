//! What the next run takes: model, mask, detector file, folders.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const BROWSE_MODEL: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose the folder of a diffusion model"),
    shortcuts: &[Shortcut::ctrl(Key::O)],
    palette: Some((When::Always, "Open a model…")),
};

pub const TOGGLE_MODEL: Info = Info {
    text: Borrowed("About…"),
    explanation: Borrowed("Show every setting of the model and where it comes from"),
    shortcuts: &[],
    palette: Some((When::Always, "About the model")),
};

pub const BROWSE_MASK: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a picture as the mask, white stays and black is painted again"),
    shortcuts: &[],
    palette: None,
};

pub const BROWSE_WEIGHTS: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed(
        "Choose a file with weights of LPIPS or SimCLRv2, runs then measure by that distance as well",
    ),
    shortcuts: &[],
    palette: Some((When::Idle, "Measure by a distance from a file…")),
};

pub const BROWSE_NETWORK: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed(
        "Choose a file with VGG16, SqueezeNet or SimCLRv2, whose layers the detector then takes its features from",
    ),
    shortcuts: &[],
    palette: None,
};

pub const BROWSE_DETECTOR: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a detector file"),
    shortcuts: &[],
    palette: None,
};

pub const FIT_DETECTOR: Info = Info {
    text: Borrowed("Fit on in-domain images"),
    explanation: Borrowed(
        "Let the detector learn what in-domain images are like, which it has to before it can score any",
    ),
    shortcuts: &[],
    palette: Some((When::CanFit, "Fit the detector on in-domain images")),
};

pub const FIT_AGAIN: Info = Info {
    text: Borrowed("Fit again"),
    explanation: Borrowed("Fit the detector once more, the new fit takes the place of this one"),
    shortcuts: &[],
    palette: None,
};

pub const CANCEL_FIT: Info = Info {
    text: Borrowed("Cancel the fit"),
    explanation: Borrowed("End the fit, the detector stays as it was before"),
    shortcuts: &[],
    palette: Some((When::Fitting, "Cancel the fit of the detector")),
};

pub const ONLY_UNKNOWN: Info = Info {
    text: Borrowed("Only score unknown images"),
    explanation: Borrowed(
        "Take the in-domain and out-of-domain folders out of the list: the detector file has its own in-domain scores",
    ),
    shortcuts: &[],
    palette: Some((When::Idle, "Only score unknown images")),
};
