//! New models.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::Info;

pub const TOGGLE_TRAIN: Info = Info {
    text: Borrowed("New model…"),
    explanation: Borrowed(
        "Train a model of your own images, while the rest of the window stays usable",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "Train a new model…")),
};

pub const BROWSE_TRAIN: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a folder of images that the model should learn"),
    shortcuts: &[],
    palette: None,
};

pub const START_TRAINING: Info = Info {
    text: Borrowed("Start training"),
    explanation: Borrowed("Train the model, on the processor and beside everything else"),
    shortcuts: &[],
    palette: None,
};

pub const CONTINUE_TRAINING: Info = Info {
    text: Borrowed("Continue it"),
    explanation: Borrowed(
        "Train on from the last checkpoint of that training, with its own settings",
    ),
    shortcuts: &[],
    palette: None,
};

pub const PAUSE_TRAINING: Info = Info {
    text: Borrowed("Pause training"),
    explanation: Borrowed("Hold the training where it is, the computer is free meanwhile"),
    shortcuts: &[],
    palette: None,
};

pub const RESUME_TRAINING: Info = Info {
    text: Borrowed("Resume training"),
    explanation: Borrowed("Continue the training where it was held"),
    shortcuts: &[],
    palette: None,
};

pub const STOP_TRAINING: Info = Info {
    text: Borrowed("Stop and keep"),
    explanation: Borrowed("End the training now and make a model of what was learnt so far"),
    shortcuts: &[],
    palette: None,
};

pub const USE_TRAINED: Info = Info {
    text: Borrowed("Use this model"),
    explanation: Borrowed(
        "Open the model, with the images that its training left alone as in-domain ones",
    ),
    shortcuts: &[],
    palette: None,
};

pub const TRAIN_ANOTHER: Info = Info {
    text: Borrowed("Train another"),
    explanation: Borrowed("Put this training away and fill the form in for another one"),
    shortcuts: &[],
    palette: None,
};
