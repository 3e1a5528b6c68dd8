//! Which machine this is, and whether a run may continue with the kernels that it has.

use std::fs;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::manifest::Segment;

/// A name of this machine that says nothing of its owner, or nothing where the system has no name for it.
///
/// A digest of the system's machine id and the processor's model: containers of one image share their machine id, and
/// the instruction sets that decide a score's last bits go with the model.
pub(super) fn this_machine() -> Option<&'static str> {
    static NAME: LazyLock<Option<String>> = LazyLock::new(|| {
        let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .or_else(|| std::env::var("COMPUTERNAME").ok())?; // Windows.
        let id = id.trim();
        (!id.is_empty()).then(|| name_of(id, &processor()))
    });
    NAME.as_deref()
}

fn name_of(id: &str, processor: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("LMD Inspector\0{id}\0{processor}")).into();
    let start: [u8; 8] = std::array::from_fn(|index| digest[index]);
    format!("{:016x}", u64::from_be_bytes(start))
}

/// The processor's model, empty where the system does not say it in a file.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with("model name"))
        .unwrap_or_default()
        .to_owned()
}

/// What other kernels mean for a run that is to be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// They are those that made its scores.
    Same,
    /// They are those of another machine: allowed, with this note.
    Noted(String),
    /// On this machine its scores were made otherwise: refused for this reason, unless the user wants it all the same.
    Refused(String),
}

impl Continuation {
    /// Hold the earlier segments of work on a run against the one that is to begin.
    pub fn new(earlier: &[Segment], now: &Segment) -> Self {
        let Some(last) = earlier.last() else {
            return Self::Same;
        };
        let kernels = now.kernels();
        let is_here = |segment: &&Segment| now.machine.is_some() && segment.machine == now.machine;
        let others = earlier.iter().filter(is_here).map(Segment::kernels);
        if let Some(other) = others.into_iter().find(|other| *other != kernels) {
            return Self::Refused(format!(
                "its scores on this machine were made by {other}, and it would be continued by {kernels}: they would not be those \
                 of a run that nothing stopped"
            ));
        }
        if last.kernels() == kernels {
            return Self::Same;
        }
        Self::Noted(format!(
            "the run was begun by {} and continues by {kernels}: the scores of the two may differ from the fifth digit on",
            last.kernels()
        ))
    }

    /// What is to be noted in the run, if anything; the reason where it is refused.
    pub fn note(self) -> Result<Option<String>, String> {
        match self {
            Self::Same => Ok(None),
            Self::Noted(note) => Ok(Some(note)),
            Self::Refused(reason) => Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::executors::{DeviceInfo, Numerics};

    #[test]
    fn machines_have_names_that_tell_nothing_else() {
        let name = name_of("0123456789abcdef0123456789abcdef", "model name: x");
        assert_eq!(name.len(), 16);
        assert!(!name.contains("0123456789abcdef"));
        assert_ne!(
            name,
            name_of("0123456789abcdef0123456789abcdef", "model name: y")
        );
        assert_ne!(
            name,
            name_of("1123456789abcdef0123456789abcdef", "model name: x")
        );
    }

    #[test]
    fn other_kernels_are_refused_here_and_noted_elsewhere() {
        let segment = |machine: Option<&str>, numerics: &str| Segment {
            machine: machine.map(str::to_owned),
            ..Segment::now(&DeviceInfo {
                label: "CPU".to_owned(),
                numerics: Numerics::new(numerics),
            })
        };
        let (here, there) = (Some("here"), Some("there"));
        let (avx2, avx512) = ("CPU (AVX2)", "CPU (AVX-512)");
        let verdict = |earlier: &[(Option<&str>, &str)], now| {
            let earlier: Vec<_> = earlier.iter().map(|&(m, d)| segment(m, d)).collect();
            Continuation::new(&earlier, &segment(here, now))
        };
        assert_eq!(verdict(&[], avx2), Continuation::Same);
        assert_eq!(verdict(&[(here, avx2)], avx2), Continuation::Same);
        assert_eq!(verdict(&[(there, avx2)], avx2), Continuation::Same);
        for machine in [there, None] {
            let verdict = verdict(&[(machine, avx2)], avx512);
            assert!(matches!(verdict, Continuation::Noted(_)), "{verdict:?}");
        }
        // Also where another machine had it meanwhile.
        for earlier in [&[(here, avx2)][..], &[(here, avx2), (there, avx512)]] {
            let verdict = verdict(earlier, avx512);
            assert!(
                matches!(&verdict, Continuation::Refused(reason) if reason.contains("AVX2") && reason.contains("AVX-512")),
                "{verdict:?}"
            );
        }
        // Back on the first machine.
        let verdict = verdict(&[(here, avx2), (there, avx512)], avx2);
        assert!(matches!(verdict, Continuation::Noted(_)), "{verdict:?}");
        // Two machines without a name are not known to be one.
        let nameless = Continuation::new(&[segment(None, avx2)], &segment(None, avx512));
        assert!(matches!(nameless, Continuation::Noted(_)), "{nameless:?}");
    }
}
