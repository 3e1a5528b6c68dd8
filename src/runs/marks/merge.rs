//! Joining the marks of runs that are joined.

use std::collections::BTreeSet;

use super::{ImageMarks, Marks};
use crate::images::ContentHash;
use crate::ood::Role;

/// The marks of several runs as those of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    pub marks: Marks,
    /// Images that were corrected to one role in one run and to the other role in another one.
    pub conflicts: BTreeSet<ContentHash>,
}

/// Join marks: of each image all tags, all different notes one after the other, and reviewed where any run says so.
///
/// An image with two different corrected roles keeps neither: no run knows better than the other, and a figure must not go by
/// chance. Its note says so.
pub fn merge<'a>(parts: impl IntoIterator<Item = &'a Marks>) -> Merged {
    let mut joined = Merged::default();
    for (content, marks) in parts.into_iter().flat_map(Marks::iter) {
        let so_far = joined.marks.of(content).cloned().unwrap_or_default();
        let is_in_conflict = joined.conflicts.contains(content);
        let (both, is_new_conflict) = join(so_far, marks, is_in_conflict);
        if is_new_conflict {
            joined.conflicts.insert(*content);
        }
        joined.marks.set(*content, both);
    }
    for content in &joined.conflicts {
        let mut marks = joined.marks.of(content).cloned().unwrap_or_default();
        add_line(&mut marks.note, &conflict_words());
        joined.marks.set(*content, marks);
    }
    joined
}

fn conflict_words() -> String {
    format!(
        "Corrected to {} in one run and to {} in another.",
        Role::InDomain.name(),
        Role::OutOfDomain.name()
    )
}

/// Both marks of an image, and whether they are the first to disagree about its role.
fn join(mut a: ImageMarks, b: &ImageMarks, is_in_conflict: bool) -> (ImageMarks, bool) {
    a.tags.extend(b.tags.iter().cloned());
    add_line(&mut a.note, &b.note);
    a.is_reviewed |= b.is_reviewed;
    let is_conflict = a.corrected.zip(b.corrected).is_some_and(|(a, b)| a != b);
    a.corrected = if is_conflict || is_in_conflict {
        None
    } else {
        a.corrected.or(b.corrected)
    };
    (a, is_conflict)
}

/// Add a note below another one, unless it is there: runs that were merged before may hold it.
fn add_line(note: &mut String, added: &str) {
    let is_there = note == added || format!("\n{note}\n").contains(&format!("\n{added}\n"));
    if added.is_empty() || is_there {
        return;
    }
    if !note.is_empty() {
        note.push('\n');
    }
    note.push_str(added);
}

#[cfg(test)]
mod tests {
    use super::super::tests::content;
    use super::super::{ImageMarks, MarkChange};
    use super::*;

    fn marks(changes: &[(u8, MarkChange)]) -> Marks {
        let mut marks = Marks::default();
        for (byte, change) in changes {
            marks.change(content(*byte), change);
        }
        marks
    }

    fn correct(role: Role) -> MarkChange {
        MarkChange::Correct(Some(role))
    }

    #[test]
    fn nothing_that_a_part_says_is_lost() {
        let a = marks(&[
            (1, MarkChange::Tag("blur".into())),
            (1, MarkChange::Note("one".into())),
            (2, MarkChange::Review(true)),
            (3, MarkChange::Note("same".into())),
        ]);
        let b = marks(&[
            (1, MarkChange::Tag("dark".into())),
            (1, MarkChange::Note("two\nlines".into())),
            (1, correct(Role::InDomain)),
            (2, correct(Role::OutOfDomain)),
            (3, MarkChange::Note("same".into())),
        ]);
        let joined = merge([&a, &b, &Marks::default()]);
        assert!(joined.conflicts.is_empty());
        let first = ImageMarks {
            tags: ["blur", "dark"].map(str::to_owned).into(),
            note: "one\ntwo\nlines".to_owned(),
            corrected: Some(Role::InDomain),
            is_reviewed: false,
        };
        assert_eq!(joined.marks.of(&content(1)), Some(&first));
        let second = joined.marks.of(&content(2)).unwrap();
        assert!(second.is_reviewed && second.corrected == Some(Role::OutOfDomain));
        assert_eq!(joined.marks.of(&content(3)).unwrap().note, "same");
        assert_eq!(
            merge([&joined.marks, &a, &b]),
            joined,
            "once more adds nothing"
        );
    }

    #[test]
    fn two_corrections_that_disagree_are_left_out_and_said() {
        let (inside, outside) = (
            marks(&[(1, correct(Role::InDomain))]),
            marks(&[(1, correct(Role::OutOfDomain))]),
        );
        // A third one that agrees with the first brings neither back.
        for parts in [
            vec![&inside, &outside],
            vec![&outside, &inside],
            vec![&inside, &outside, &inside],
        ] {
            let joined = merge(parts);
            assert_eq!(joined.conflicts, [content(1)].into());
            let found = joined.marks.of(&content(1)).unwrap();
            assert_eq!(found.corrected, None);
            assert_eq!(
                found.note,
                "Corrected to in-domain in one run and to out-of-domain in another."
            );
        }
    }
}
