//! The size and the colors of images, where no model decides them.

/// `--size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// By the images.
    Auto,
    /// Pixels a side.
    Side(usize),
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(side)) => Ok(Self::Side(side)),
            _ => Err(format!("expected auto or a number of pixels, got `{text}`")),
        }
    }
}

/// `--channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// By the images.
    Auto,
    /// 1.
    Gray,
    /// 3.
    Rgb,
}

impl std::str::FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "gray" => Ok(Self::Gray),
            "rgb" => Ok(Self::Rgb),
            _ => Err(format!("expected auto, gray or rgb, got `{text}`")),
        }
    }
}
