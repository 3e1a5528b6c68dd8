//! How pictures are looked at: side by side or over each other, zoomed, with which colors for differences.

use serde::{Deserialize, Serialize};

/// How the original and its reconstruction are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// Original, masked, inpainted and difference in a row.
    SideBySide,
    /// One picture, the original left of a line and the reconstruction right of it.
    Split,
    /// One picture that changes between both.
    Blink,
}

impl Compare {
    /// All ways, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::SideBySide, Self::Split, Self::Blink];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::SideBySide => "Side by side",
            Self::Split => "Split",
            Self::Blink => "Blink",
        }
    }

    /// What it does.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::SideBySide => "Original, masked, inpainted and their difference in one row",
            Self::Split => {
                "Original left of a line, inpainted right of it, drag the line to compare"
            }
            Self::Blink => "Original and inpainted in turn in the same place",
        }
    }
}

/// Colors for differences, from none to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorMap {
    /// Blue over green to yellow.
    Viridis,
    /// Black over violet to light yellow.
    Magma,
    /// Black to white.
    Gray,
}

impl ColorMap {
    /// All maps, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Viridis, Self::Magma, Self::Gray];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Viridis => "Viridis",
            Self::Magma => "Magma",
            Self::Gray => "Gray",
        }
    }
}

/// What the difference map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The absolute difference of each pixel.
    Absolute,
    /// Where LPIPS sees a difference.
    Lpips,
}

impl DifferenceKind {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Absolute, Self::Lpips];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Absolute => "Absolute",
            Self::Lpips => "LPIPS map",
        }
    }
}

/// What is kept from start to start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LookSettings {
    /// How the pictures are put together.
    pub compare: Compare,
    /// What the difference map shows.
    pub difference: DifferenceKind,
    /// Colors of the difference map.
    pub color_map: ColorMap,
    /// Strength of the difference map over the original, in [0, 1].
    pub opacity: f32,
}

impl Default for LookSettings {
    fn default() -> Self {
        Self {
            compare: Compare::SideBySide,
            difference: DifferenceKind::Absolute,
            color_map: ColorMap::Magma,
            opacity: 1.0,
        }
    }
}

/// Zoom and position, the same for all pictures of the inspector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Screen pixels a picture pixel; `None` fits the whole picture into its place.
    pub zoom: Option<f32>,
    /// The point of the picture in the middle of its place, each coordinate in [0, 1].
    pub center: [f32; 2],
    /// Where the split line stands, as a share of the width of its place, in [0, 1].
    pub split: f32,
}

impl Default for View {
    fn default() -> Self {
        Self {
            zoom: None,
            center: [0.5, 0.5],
            split: 0.5,
        }
    }
}

impl View {
    /// The same split with the whole picture in view.
    pub fn fitted(self) -> Self {
        Self {
            zoom: None,
            center: [0.5, 0.5],
            ..self
        }
    }

    /// The same place at one screen pixel a picture pixel.
    pub fn actual_size(self) -> Self {
        Self {
            zoom: Some(1.0),
            ..self
        }
    }
}
