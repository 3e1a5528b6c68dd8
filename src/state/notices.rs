//! Things the user should know, until they are dismissed.

use super::actions::Action;
use crate::worker::protocol::{Notice, Severity};

/// Names one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub u64);

/// Notices kept at most: a folder of a million broken files must not fill the memory.
const MAX_NOTICES: usize = 200;

/// The notices that were not dismissed, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    entries: Vec<(NoticeId, Notice)>,
    offers: Vec<(NoticeId, Vec<Action>)>,
    next: u64,
}

impl Notices {
    /// Add one; a repeated one moves to the end.
    pub fn push(&mut self, mut notice: Notice) {
        // Messages of the engine continue after a path or a colon, here they stand alone.
        notice.message = super::text::capitalized(&notice.message);
        self.entries.retain(|(_, known)| *known != notice);
        if self.entries.len() >= MAX_NOTICES {
            self.entries.remove(0);
        }
        self.entries.push((NoticeId(self.next), notice));
        self.next += 1;
    }

    /// Add one with what can be done about it.
    pub fn offer(&mut self, notice: Notice, offers: Vec<Action>) {
        self.push(notice);
        self.offers.push((NoticeId(self.next - 1), offers));
    }

    /// What can be done about a notice.
    pub fn offers(&self, id: NoticeId) -> &[Action] {
        let offers = self.offers.iter().find(|(known, _)| *known == id);
        offers.map_or(&[], |(_, offers)| offers)
    }

    /// What was offered has become pointless: those notices go.
    pub fn withdraw_offers(&mut self) {
        for (id, _) in std::mem::take(&mut self.offers) {
            self.dismiss(id);
        }
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
        self.offers.retain(|(known, _)| *known != id);
        self.entries.retain(|(known, _)| *known != id);
    }

    /// Remove all.
    pub fn dismiss_all(&mut self) {
        self.offers.clear();
        self.entries.clear();
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (NoticeId, &Notice)> {
        self.entries.iter().rev().map(|(id, notice)| (*id, notice))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_notice_is_shown_once_and_last() {
        let mut notices = Notices::default();
        notices.say(Severity::Error, "a");
        notices.say(Severity::Error, "b");
        notices.say(Severity::Error, "a");
        let shown: Vec<&str> = notices
            .newest_first()
            .map(|(_, notice)| notice.message.as_str())
            .collect();
        assert_eq!(shown, ["A", "B"], "messages begin with a capital letter");
        let (newest, _) = notices.newest_first().next().unwrap();
        notices.dismiss(newest);
        assert_eq!(notices.len(), 1);
    }
}
