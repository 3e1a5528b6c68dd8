//! What this program was built from and with, as the build script found it.

use serde::Serialize;

use super::Finding;

/// The facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    pub version: &'static str,
    /// In hexadecimal digits, or `unknown`: in debug builds, and where the sources were in no checkout. What was changed
    /// after it and not committed does not show.
    pub commit: &'static str,
    /// `release` or `debug`: the profiles that inherit from one of them count as it.
    pub profile: &'static str,
    /// E.g. `x86_64-unknown-linux-gnu`.
    pub target: &'static str,
    /// With commas between, or `none`.
    pub features: &'static str,
    /// The compiler with its version.
    pub rustc: &'static str,
}

/// Those of this build.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("LMD_BUILD_COMMIT"),
    profile: env!("LMD_BUILD_PROFILE"),
    target: env!("LMD_BUILD_TARGET"),
    features: env!("LMD_BUILD_FEATURES"),
    rustc: env!("LMD_BUILD_RUSTC"),
};

/// The version and the facts, a line each, to follow the program's name.
pub const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit    ",
    env!("LMD_BUILD_COMMIT"),
    "\nprofile   ",
    env!("LMD_BUILD_PROFILE"),
    "\ntarget    ",
    env!("LMD_BUILD_TARGET"),
    "\nfeatures  ",
    env!("LMD_BUILD_FEATURES"),
    "\nrustc     ",
    env!("LMD_BUILD_RUSTC"),
);

impl Build {
    /// The facts beside the version, each with its name.
    pub fn facts(&self) -> [(&'static str, &'static str); 5] {
        [
            ("Commit", self.commit),
            ("Profile", self.profile),
            ("Target", self.target),
            ("Features", self.features),
            ("Compiler", self.rustc),
        ]
    }
}

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    let Build {
        version,
        commit,
        profile,
        target,
        features,
        rustc,
    } = BUILD;
    note(Finding::ok("version", version));
    note(Finding::ok("commit", commit));
    let found = format!("{profile}, {target}, features {features}, {rustc}");
    note(if profile == "debug" {
        let advice = "its speed says little: measure with `cargo build --release`";
        Finding::warning("build", found, advice)
    } else {
        Finding::ok("build", found)
    });
}
