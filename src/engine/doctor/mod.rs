//! What a machine has and whether the program works on it: facts for a bug report, each with what to do about it.
//!
//! Nothing is left behind: folders are looked at, and what is written to see whether it can be has no name in them. Only a
//! graphics driver may keep what it compiles, as it does for every program.

pub mod build;
mod devices;
mod display;
pub mod faults;
mod folders;
pub mod log;
#[cfg(target_os = "linux")]
mod portal;
mod system;

use std::fmt::Write as _;

use serde::Serialize;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// Something is missing that the program does without.
    Warning,
    /// Something does not work, or gives wrong numbers.
    Failed,
}

impl Status {
    /// The word at the beginning of a line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, e.g. `settings folder`.
    pub subject: String,
    pub status: Status,
    /// What it is, in a line.
    pub found: String,
    /// What to do, a sentence without a period; `None` where all is well.
    pub advice: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            status: Status::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(
        subject: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Warning,
            advice: Some(advice.into()),
            ..Self::ok(subject, found)
        }
    }

    fn failed(
        subject: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(subject, found, advice)
        }
    }

    /// The lines of the report: status, subject and what was found, then what to do.
    pub fn lines(&self) -> String {
        /// The longest is of the weights of a model.
        const SUBJECT: usize = 26;
        let Self {
            subject,
            status,
            found,
            advice,
        } = self;
        let mut lines = format!("{:<9}{subject:<SUBJECT$}{found}", status.word());
        if let Some(advice) = advice {
            let indent = 9 + SUBJECT;
            write!(lines, "\n{:indent$}> {advice}", "").ok(); // Texts take everything.
        }
        lines
    }
}

/// All facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn count(&self, status: Status) -> usize {
        let of_status = self.findings.iter().filter(|it| it.status == status);
        of_status.count()
    }

    /// Everything as text, to be pasted into a bug report.
    pub fn text(&self) -> String {
        let lines: Vec<String> = self.findings.iter().map(Finding::lines).collect();
        format!("{}\n{}", lines.join("\n"), self.summary())
    }

    /// How it is on the whole, in one line.
    pub fn summary(&self) -> String {
        let (failed, warnings) = (self.count(Status::Failed), self.count(Status::Warning));
        let plural = if warnings == 1 { "" } else { "s" };
        match (failed, warnings) {
            (0, 0) => "Everything works".to_owned(),
            (0, _) => format!("Nothing failed, {warnings} warning{plural}"),
            (_, 0) => format!("{failed} failed"),
            _ => format!("{failed} failed, {warnings} warning{plural}"),
        }
    }
}

/// Look at everything, and tell each fact as soon as it is known: a driver may take its time, or the whole process.
pub fn diagnose(tell: &mut dyn FnMut(&Finding)) -> Report {
    let mut report = Report::default();
    let mut note = |finding: Finding| {
        tell(&finding);
        report.findings.push(finding);
    };
    build::look(&mut note);
    system::look(&mut note);
    folders::look(&mut note);
    faults::look(&mut note);
    display::look(&mut note);
    devices::look(&mut note);
    report
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    const MIB: f64 = (1_u64 << 20) as f64;
    let mebibytes = bytes as f64 / MIB;
    if mebibytes < 10_000.0 {
        format!("{mebibytes:.0} MiB")
    } else {
        format!("{:.0} GiB", mebibytes / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_is_and_the_next_one_what_to_do() {
        let mut report = Report::default();
        report.findings.push(Finding::ok("version", "0.1.0"));
        assert_eq!(
            report.text(),
            "ok       version                   0.1.0\nEverything works"
        );
        let warning = Finding::warning("display", "none", "set DISPLAY");
        assert_eq!(
            warning.lines(),
            "warning  display                   none\n                                   > set DISPLAY"
        );
        report.findings.push(warning.clone());
        assert_eq!(report.summary(), "Nothing failed, 1 warning");
        report.findings.push(warning);
        report
            .findings
            .push(Finding::failed("cpu", "wrong", "report it"));
        assert_eq!(report.summary(), "1 failed, 2 warnings");
        assert_eq!(report.count(Status::Failed), 1);
    }

    #[test]
    fn sizes_are_told_in_few_digits() {
        for (bytes, told) in [
            (0, "0 MiB"),
            (1_572_864, "2 MiB"),
            (9_000 << 20, "9000 MiB"),
            (16 << 30, "16 GiB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
