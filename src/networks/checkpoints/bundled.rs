//! The models inside the binary.

use std::path::Path;

use lmd_inspector_models::{Dir, FASHION_MNIST, File, HEAD_CT, MNIST};
use serde::{Deserialize, Serialize};

use crate::images::samples::Sample;

/// A model inside the binary, each a small DDPM of gray images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bundled {
    /// The one that is meant where none is named.
    #[default]
    FashionMnist,
    Mnist,
    /// Of 64x64 pixels, with a detector: its images can't be passed on.
    #[serde(rename = "headct")]
    HeadCt,
}

impl Bundled {
    pub const ALL: [Self; 3] = [Self::FashionMnist, Self::Mnist, Self::HeadCt];

    /// As users write it and files name it. There was only one for long: it goes by the bare word.
    pub fn name(self) -> &'static str {
        match self {
            Self::FashionMnist => "bundled",
            Self::Mnist => "bundled:mnist",
            Self::HeadCt => "bundled:headct",
        }
    }

    /// The name of its folder among the weights, which it is shown by.
    pub fn folder(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist-32",
            Self::Mnist => "mnist-32",
            Self::HeadCt => "headct-64",
        }
    }

    /// What its images show, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::FashionMnist => "Clothing (Fashion-MNIST)",
            Self::Mnist => "Digits (MNIST)",
            Self::HeadCt => "Head CT (MedNIST)",
        }
    }

    /// The model of a name, as [`Self::name`] has it.
    pub fn named(name: &Path) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| Path::new(it.name()) == name)
    }

    /// The bundled images that it was trained on the like of; `None` where these can't be passed on.
    pub fn in_domain(self) -> Option<Sample> {
        match self {
            Self::FashionMnist => Some(Sample::FashionMnist),
            Self::Mnist => Some(Sample::Mnist),
            Self::HeadCt => None,
        }
    }

    /// The bundled images that are none of its own, to be told from the in-domain ones.
    pub fn out_of_domain(self) -> Option<Sample> {
        match self {
            Self::FashionMnist => Some(Sample::Mnist),
            Self::Mnist => Some(Sample::FashionMnist),
            Self::HeadCt => None,
        }
    }

    /// The detector file that comes with it: scores of in-domain images, where the images can't come.
    pub fn detector(self) -> Option<&'static [u8]> {
        self.dir().get_file("detector.json").map(File::contents)
    }

    pub(super) fn dir(self) -> &'static Dir<'static> {
        match self {
            Self::FashionMnist => &FASHION_MNIST,
            Self::Mnist => &MNIST,
            Self::HeadCt => &HEAD_CT,
        }
    }
}
