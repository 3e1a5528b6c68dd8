//! The models inside the binary.

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use crate::images::samples::Sample;

/// A model inside the binary, each a small DDPM of 32x32 gray images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bundled {
    /// The one that is meant where none is named.
    #[default]
    FashionMnist,
    Mnist,
}

static FASHION_MNIST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/weights/fashion-mnist-32");
static MNIST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/weights/mnist-32");

impl Bundled {
    pub const ALL: [Self; 2] = [Self::FashionMnist, Self::Mnist];

    /// As users write it and files name it. There was only one for long: it goes by the bare word.
    pub fn name(self) -> &'static str {
        match self {
            Self::FashionMnist => "bundled",
            Self::Mnist => "bundled:mnist",
        }
    }

    /// The name of its folder among the weights, which it is shown by.
    pub fn folder(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist-32",
            Self::Mnist => "mnist-32",
        }
    }

    /// What its images show, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::FashionMnist => "Clothing (Fashion-MNIST)",
            Self::Mnist => "Digits (MNIST)",
        }
    }

    /// The bundled images that it was trained on the like of.
    pub fn in_domain(self) -> Sample {
        match self {
            Self::FashionMnist => Sample::FashionMnist,
            Self::Mnist => Sample::Mnist,
        }
    }

    /// The bundled images that are none of its own.
    pub fn out_of_domain(self) -> Sample {
        match self {
            Self::FashionMnist => Sample::Mnist,
            Self::Mnist => Sample::FashionMnist,
        }
    }

    pub(super) fn dir(self) -> &'static Dir<'static> {
        match self {
            Self::FashionMnist => &FASHION_MNIST,
            Self::Mnist => &MNIST,
        }
    }
}
