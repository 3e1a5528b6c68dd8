//! Things the user should know: shown until they are read, dismissed or no longer so, and listed afterwards.

use std::collections::VecDeque;

use super::actions::Action;
use super::session::Session;
use crate::worker::protocol::{Notice, Severity};

/// Names one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub u64);

/// Notices kept at most: a folder of a million broken files must not fill the memory.
const MAX_NOTICES: usize = 200;

/// Seconds that news stay which ask for nothing: they can be read in that time, and are listed afterwards.
const NEWS_SECS: f64 = 6.0;

/// What a notice is about, where it goes by itself once that is no longer so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Pressing Run can't start anything.
    CannotRun,
    /// A run is under way.
    RunUnderWay,
    /// A detector is being fitted.
    FitUnderWay,
    /// A file dialog is open.
    DialogOpen,
    /// Marks of the run could not be written, and are tried again.
    MarksStuck,
    /// Marks of the run have no file.
    MarksInMemory,
}

#[derive(Clone, Debug)]
struct Entry {
    id: NoticeId,
    notice: Notice,
    offers: Vec<Action>,
    cause: Option<Cause>,
    /// When it was first shown, in seconds of the window's clock.
    since_secs: Option<f64>,
}

/// A notice that was given, whether it is still shown or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The time of day, e.g. `14:05`.
    pub time: String,
    /// What was said.
    pub notice: Notice,
}

/// The notices that are shown, and all that were.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    entries: Vec<Entry>,
    past: VecDeque<Past>,
    next: u64,
}

impl Notices {
    /// Add one; a repeated one moves to the end.
    pub fn push(&mut self, notice: Notice) {
        self.add(notice, Vec::new(), None);
    }

    /// Add one with what can be done about it.
    pub fn offer(&mut self, notice: Notice, offers: Vec<Action>) {
        self.add(notice, offers, None);
    }

    /// Add a warning that names no file, which goes when its cause does.
    pub(super) fn warn_while(&mut self, cause: Cause, message: impl Into<String>) {
        let notice = Notice {
            severity: Severity::Warning,
            message: message.into(),
            path: None,
        };
        self.add(notice, Vec::new(), Some(cause));
    }

    fn add(&mut self, mut notice: Notice, offers: Vec<Action>, cause: Option<Cause>) {
        // Messages of the engine continue after a path or a colon, here they stand alone.
        notice.message = super::text::capitalized(&notice.message);
        let path = notice
            .path
            .as_deref()
            .map(|path| format!(": {}", path.display()));
        let path = path.unwrap_or_default();
        log::info!("{:?}: {}{path}", notice.severity, notice.message);
        self.entries.retain(|known| known.notice != notice);
        if self.entries.len() >= MAX_NOTICES {
            self.entries.remove(0);
        }
        self.past.retain(|known| known.notice != notice);
        if self.past.len() >= MAX_NOTICES {
            self.past.pop_front();
        }
        self.past.push_back(Past {
            time: time_of_day(),
            notice: notice.clone(),
        });
        self.entries.push(Entry {
            id: NoticeId(self.next),
            notice,
            offers,
            cause,
            since_secs: None,
        });
        self.next += 1;
    }

    /// What can be done about a notice.
    pub fn offers(&self, id: NoticeId) -> &[Action] {
        let entry = self.entries.iter().find(|known| known.id == id);
        entry.map_or(&[], |entry| &entry.offers)
    }

    /// What was offered has become pointless: those notices go.
    pub fn withdraw_offers(&mut self) {
        self.entries.retain(|entry| entry.offers.is_empty());
    }

    /// Add several.
    pub fn extend(&mut self, notices: impl IntoIterator<Item = Notice>) {
        notices.into_iter().for_each(|notice| self.push(notice));
    }

    /// Add one that names no file.
    pub fn say(&mut self, severity: Severity, message: impl Into<String>) {
        self.push(Notice {
            severity,
            message: message.into(),
            path: None,
        });
    }

    /// Remove one.
    pub fn dismiss(&mut self, id: NoticeId) {
        self.entries.retain(|known| known.id != id);
    }

    /// Remove all.
    pub fn dismiss_all(&mut self) {
        self.entries.clear();
    }

    /// Take news away that were shown long enough, at `now_secs` of any clock that only moves forward; none while the
    /// pointer is over them.
    ///
    /// Returns after how many seconds another call is needed.
    pub fn expire(&mut self, now_secs: f64, is_pointed: bool) -> Option<f64> {
        let mut wait = None;
        self.entries.retain_mut(|entry| {
            if entry.notice.severity != Severity::Info || !entry.offers.is_empty() {
                return true;
            }
            let since = entry.since_secs.filter(|_| !is_pointed).unwrap_or(now_secs);
            entry.since_secs = Some(since);
            let left = since + NEWS_SECS - now_secs;
            if left > 0.0 {
                wait = Some(wait.map_or(left, |wait: f64| wait.min(left)));
            }
            left > 0.0
        });
        wait
    }

    /// All that are shown, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (NoticeId, &Notice)> {
        let entries = self.entries.iter().rev();
        entries.map(|entry| (entry.id, &entry.notice))
    }

    /// All that were given, newest first.
    pub fn past(&self) -> impl Iterator<Item = &Past> {
        self.past.iter().rev()
    }

    /// How many are shown.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Session {
    /// Take notices away whose cause is gone.
    pub(super) fn settle_notices(&mut self) {
        let causes: Vec<Cause> = (self.notices.entries.iter())
            .filter_map(|entry| entry.cause)
            .filter(|cause| !self.holds(*cause))
            .collect();
        if !causes.is_empty() {
            let is_gone = |entry: &Entry| entry.cause.is_some_and(|cause| causes.contains(&cause));
            self.notices.entries.retain(|entry| !is_gone(entry));
        }
    }

    fn holds(&self, cause: Cause) -> bool {
        match cause {
            Cause::CannotRun => self.missing_for_run().is_some(),
            Cause::RunUnderWay => self.is_running(),
            Cause::FitUnderWay => self.is_fitting(),
            Cause::DialogOpen => self.is_dialog_open(),
            Cause::MarksStuck => self.shown.marks.is_stuck(),
            Cause::MarksInMemory => self.are_marks_in_memory(),
        }
    }
}

fn time_of_day() -> String {
    let now = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system());
    now.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(notices: &Notices) -> Vec<&str> {
        let shown = notices.newest_first();
        shown.map(|(_, notice)| notice.message.as_str()).collect()
    }

    #[test]
    fn a_repeated_notice_is_shown_once_and_last() {
        let mut notices = Notices::default();
        notices.say(Severity::Error, "a");
        notices.say(Severity::Error, "b");
        notices.say(Severity::Error, "a");
        assert_eq!(shown(&notices), ["A", "B"], "messages begin with a capital");
        let (newest, _) = notices.newest_first().next().unwrap();
        notices.dismiss(newest);
        assert_eq!(notices.len(), 1);
        assert_eq!(notices.past().count(), 2);
    }

    #[test]
    fn news_go_after_a_while_and_errors_and_offers_stay() {
        let mut notices = Notices::default();
        notices.say(Severity::Info, "written");
        notices.say(Severity::Error, "broken");
        let question = Notice {
            severity: Severity::Info,
            message: "Cut off".to_owned(),
            path: None,
        };
        notices.offer(question, vec![Action::SelectImage(0)]);
        assert_eq!(notices.expire(100.0, false), Some(6.0), "as first shown");
        assert_eq!(notices.expire(105.0, false), Some(1.0));
        assert_eq!(notices.expire(105.9, true), Some(6.0), "it is being read");
        assert_eq!(notices.len(), 3);
        assert_eq!(notices.expire(112.0, false), None);
        assert_eq!(shown(&notices), ["Cut off", "Broken"]);
        let past: Vec<&str> = notices.past().map(|p| p.notice.message.as_str()).collect();
        assert_eq!(past, ["Cut off", "Broken", "Written"]);
    }
}
