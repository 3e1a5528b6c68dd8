//! Data sets that are added, and tables, with what the library thread answers.

use super::testing::listing;
use super::tests::{empty_settings, library_commands};
use super::*;
use crate::ood::Role;
use crate::state::{Action, LayoutAction, UiCommand};
use crate::worker::protocol::LibraryEvent;

#[test]
#[expect(clippy::too_many_lines, reason = "one data set, answered in every way")]
fn a_data_set_is_asked_about_before_its_parts_are_added() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train/good", "test/good", "test/dent", "ground_truth/dent"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("1.png"), b"").unwrap();
    }
    let layout = crate::images::layouts::recognize(folder.path());
    let layout = Box::new(layout.unwrap().unwrap());
    let proposed = |session: &mut Session| {
        session.perform(Action::AddFolder(folder.path().to_owned(), Role::InDomain));
        let commands = library_commands(session);
        let [
            LibraryCommand::Scan {
                job, may_ask: true, ..
            },
        ] = commands.as_slice()
        else {
            panic!("expected a listing that may ask, got {commands:?}");
        };
        let layout = layout.clone();
        session.apply_library(LibraryEvent::Proposed { job: *job, layout });
    };
    let names = |session: &Session| -> Vec<(Role, String)> {
        let folders = session.folders.iter();
        folders.map(|folder| (folder.role, folder.name())).collect()
    };

    let mut session = Session::new(empty_settings());
    library_commands(&mut session);
    proposed(&mut session);
    assert!(session.folders.is_empty(), "nothing is added unasked");
    assert_eq!(session.history.undo_words(), None, "nothing to take back");
    session.perform(Action::Do(UiCommand::Close));
    assert_eq!((session.proposal(), session.folders.len()), (None, 0));

    proposed(&mut session);
    let of = |name: &str| {
        layout
            .parts
            .iter()
            .position(|part| part.name == name)
            .unwrap()
    };
    let dent = LayoutAction::Assign(of("test/dent"), Some(Role::Unknown));
    session.perform(Action::Layout(dent));
    assert!(session.proposal().unwrap().is_changed);
    session.perform(Action::Layout(LayoutAction::Add));
    assert_eq!(
        names(&session),
        [
            (Role::InDomain, "good".to_owned()),
            (Role::Unknown, "dent".to_owned())
        ]
    );
    assert_eq!(session.settings.folders.len(), 2);
    for command in library_commands(&mut session) {
        assert!(matches!(
            command,
            LibraryCommand::Scan { may_ask: false, .. }
        ));
    }
    session.perform(Action::Do(UiCommand::Undo));
    assert!(session.folders.is_empty());

    // As one folder, it is not asked about again.
    proposed(&mut session);
    session.perform(Action::Layout(LayoutAction::AddWhole));
    let commands = library_commands(&mut session);
    assert!(
        matches!(&commands[..], [LibraryCommand::Scan { may_ask: false, path, .. }] if path == folder.path()),
        "{commands:?}"
    );
    assert_eq!(session.folders[0].role, Role::InDomain);

    // Dropped, all of it would have no role yet.
    let dropped = tempfile::tempdir().unwrap();
    let mut other = *layout.clone();
    other.root = dropped.path().to_owned();
    session.perform(Action::Dropped(vec![dropped.path().to_owned()]));
    let asked = library_commands(&mut session);
    assert!(
        matches!(&asked[..], [LibraryCommand::Recognize { .. }]),
        "{asked:?}"
    );
    session.apply_library(LibraryEvent::Recognized {
        path: dropped.path().to_owned(),
        layout: Some(Box::new(other)),
    });
    assert!(session.dropped.is_empty() && session.proposal().is_some());
    session.perform(Action::Layout(LayoutAction::AddWhole));
    assert_eq!(session.dropped, [dropped.path()], "now its role is asked");
    session.perform(Action::UseDropped(Some(Role::Unknown)));
    assert_eq!(session.folders.last().unwrap().role, Role::Unknown);
}

#[test]
fn a_table_that_was_added_before_stays_a_folder_of_each_role() {
    let table = FolderSource::Path("/mine/labels.csv".into());
    let of = |role| FolderChoice {
        source: table.clone(),
        role,
    };
    let mut session = Session::new(Settings {
        folders: Role::ALL.map(of).into(),
        ..empty_settings()
    });
    for command in library_commands(&mut session) {
        let LibraryCommand::Scan {
            job,
            path,
            role,
            may_ask: false,
            ..
        } = command
        else {
            panic!("expected listings, got {command:?}");
        };
        let count = if role == Role::Unknown { 0 } else { 3 };
        let listing = Ok(Arc::new(listing(&path.to_string_lossy(), role, count)));
        session.apply_library(LibraryEvent::Scanned { job, listing });
    }
    session.tick(0.0);
    assert_eq!(session.planned().len(), 6);
    assert!(
        session.notices.is_empty(),
        "a table need not name every role"
    );
}

#[test]
fn a_folder_is_asked_about_also_where_its_listing_begins_again() {
    let mut session = Session::new(empty_settings());
    session.perform(Action::AddFolder("/mine".into(), Role::InDomain));
    library_commands(&mut session);
    session.library_restarted("it ended");
    let commands = library_commands(&mut session);
    let scans = commands.iter().filter_map(|command| match command {
        LibraryCommand::Scan { path, may_ask, .. } => Some((path.as_path(), *may_ask)),
        _ => None,
    });
    let scans: Vec<_> = scans.collect();
    assert_eq!(scans, [(std::path::Path::new("/mine"), true)]);
}
