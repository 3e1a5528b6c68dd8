//! From a decoded picture to the model's square of `f32` values.

use serde::{Deserialize, Serialize};

/// How a picture that is not square is brought to the model's square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The largest centered square.
    Crop,
    /// The whole picture, bars of black around it.
    Pad,
    /// The whole picture, distorted.
    Stretch,
}
