//! Which parts of the window are open and how much room they have.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::session::Session;

/// Widths in points that the setup may be dragged to.
pub const SETUP_WIDTHS: RangeInclusive<f32> = 280.0..=460.0;
/// Widths in points that the results may be dragged to.
pub const RESULTS_WIDTHS: RangeInclusive<f32> = 300.0..=900.0;
/// Widths in points that a tile of the gallery may have.
pub const TILE_WIDTHS: RangeInclusive<f32> = 56.0..=220.0;

/// The arrangement of the window, kept from start to start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PanelSettings {
    /// Width of the setup in points, within [`SETUP_WIDTHS`].
    pub setup_width: f32,
    /// Width of the results in points, within [`RESULTS_WIDTHS`].
    pub results_width: f32,
    /// Whether the setup is folded away while no opened run is shown.
    pub is_setup_folded: bool,
    /// What the center shows.
    pub center: Center,
    /// The page of the results that is open.
    pub results: ResultsPage,
    /// Width of a tile of the gallery in points, within [`TILE_WIDTHS`].
    pub tile_width: f32,
}

impl Default for PanelSettings {
    fn default() -> Self {
        Self {
            setup_width: 312.0,
            results_width: 348.0,
            is_setup_folded: false,
            center: Center::Overview,
            results: ResultsPage::Threshold,
            tile_width: 76.0,
        }
    }
}

impl PanelSettings {
    /// The same with all sizes in their ranges: a file that was changed by hand may hold any number.
    pub(super) fn repaired(self) -> Self {
        let defaults = Self::default();
        let within = |value: f32, range: RangeInclusive<f32>, default: f32| {
            if value.is_finite() {
                value.clamp(*range.start(), *range.end())
            } else {
                default
            }
        };
        Self {
            setup_width: within(self.setup_width, SETUP_WIDTHS, defaults.setup_width),
            results_width: within(self.results_width, RESULTS_WIDTHS, defaults.results_width),
            tile_width: within(self.tile_width, TILE_WIDTHS, defaults.tile_width),
            ..self
        }
    }
}

/// What the center of the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// The pictures of one image above the gallery.
    Overview,
    /// The pictures of one image, as large as there is room.
    Inspect,
    /// All images.
    Gallery,
    /// The images of unknown role in a table.
    Verdicts,
    /// Where like lies near like, above all images.
    Map,
}

impl Center {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Overview,
        Self::Inspect,
        Self::Gallery,
        Self::Verdicts,
        Self::Map,
    ];

    /// Whether all images are in view.
    pub fn has_gallery(self) -> bool {
        matches!(self, Self::Overview | Self::Gallery | Self::Map)
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Inspect => "Inspect",
            Self::Gallery => "Gallery",
            Self::Verdicts => "Verdicts",
            Self::Map => "Map",
        }
    }

    /// What it shows.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Overview => "The pictures of one image above all images",
            Self::Inspect => "The pictures of one image as large as there is room",
            Self::Gallery => "All images",
            Self::Verdicts => "The images to be judged, with p-value and verdict",
            Self::Map => "All images as points, those that look alike near each other",
        }
    }
}

/// A page of the results, below histogram and curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultsPage {
    /// How the threshold is set and what it does.
    Threshold,
    /// Figures of merit.
    Figures,
    /// The same for each folder.
    Folders,
    /// What else than the content could explain the scores.
    Explanations,
}

impl ResultsPage {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Threshold,
        Self::Figures,
        Self::Folders,
        Self::Explanations,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Threshold => "Threshold",
            Self::Figures => "Figures",
            Self::Folders => "Folders",
            Self::Explanations => "Explanations",
        }
    }

    /// What is on it.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Threshold => "How the threshold is set, and what it does to the images here",
            Self::Figures => "How well the roles are told apart, and how many attempts that takes",
            Self::Folders => "Counts, middle scores and figures of each folder",
            Self::Explanations => {
                "What else than the content of the images could explain the scores"
            }
        }
    }
}

impl Session {
    /// Whether the setup of the next run is folded away: an opened run has its own model, folders and settings, which
    /// would be taken for those of the setup.
    pub fn is_setup_folded(&self) -> bool {
        let is_opened = self.shown.opened().is_some();
        let by_itself = is_opened || self.settings.panels.is_setup_folded;
        self.shown.is_setup_folded.unwrap_or(by_itself)
    }

    /// Fold the setup away, or show it again.
    pub(super) fn toggle_setup(&mut self) {
        let is_folded = !self.is_setup_folded();
        if self.shown.opened().is_some() {
            self.shown.is_setup_folded = Some(is_folded);
        } else {
            self.settings.panels.is_setup_folded = is_folded;
        }
    }

    /// Show a part of the window in its center.
    pub(super) fn show_in_center(&mut self, center: Center) {
        self.settings.panels.center = center;
    }
}
