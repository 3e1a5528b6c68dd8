//! Tables that are easily taken for something else than they are.

use std::fmt::Write as _;
use std::fs;

use super::tests::{of, proposed, rows_of, tree, with_table};
use super::*;

#[test]
fn numbers_that_count_classes_are_neither_good_nor_bad() {
    let folder = tree(&["0.png", "1.png"]);
    let mut digits = "file_name,label\n".to_owned();
    for digit in 0..10 {
        writeln!(digits, "{digit}.png,{digit}").unwrap();
    }
    fs::write(folder.path().join("metadata.csv"), digits).unwrap();
    let layout = of(&folder);
    assert_eq!(layout.parts.len(), 10);
    let is_unclear = |part: &Part| part.holds == Holds::Unclear && part.role.is_none();
    assert!(layout.parts.iter().all(is_unclear), "{layout:?}");
    assert!(
        layout.notes[0].starts_with("the label `0` (first on line 2 of the table) does not say"),
        "{:?}",
        layout.notes
    );
    let more = "7 more labels do not say so either";
    assert!(layout.notes.iter().any(|note| note == more));
    for role in Role::ALL {
        assert_eq!(check_plain(folder.path(), role).unwrap(), None);
        assert!(!layout.must_ask(role));
    }

    // What a column means is the same in each split, though one may have two of the classes alone.
    let folder = tree(&["train/1.png", "test/2.png"]);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let head = "file_name,label\n";
    write(
        "train/metadata.csv",
        &format!("{head}1.png,0.0\n1.png,2.0\n"),
    );
    write(
        "test/metadata.csv",
        &format!("{head}2.png,0.0\n2.png,1.0\n"),
    );
    assert!(of(&folder).parts.iter().all(is_unclear));
    assert_eq!(check_plain(folder.path(), Role::InDomain).unwrap(), None);
    // Alone, 0 and 1 are what they usually are.
    write("train/metadata.csv", &format!("{head}1.png,0.0\n"));
    assert!(check_plain(folder.path(), Role::InDomain).is_err());
}

#[test]
fn a_table_of_bad_rows_alone_is_refused_with_the_first_one() {
    for (name, text, sentence) in [
        (
            "t.csv",
            "path,label\n,good\n,bad\n",
            "line 2 of the table names no image: its path is empty: ",
        ),
        (
            "t.jsonl",
            "{oops\n[]\n",
            "line 1 of the table is not an object of JSON",
        ),
    ] {
        let told = with_table(name, text).1.unwrap_err();
        assert!(told.contains(sentence), "{told}");
    }
}

#[test]
fn a_column_of_measurements_is_not_one_of_classes() {
    let measured = |count: usize| {
        let mut text = "file_name,target\n".to_owned();
        for index in 0..count {
            writeln!(text, "1.png,{index}.5").unwrap();
        }
        text
    };
    let (_folder, layout) = with_table("t.csv", &measured(1000));
    assert_eq!(layout.unwrap().parts.len(), 1000);
    let told = with_table("t.csv", &measured(1001)).1.unwrap_err();
    assert!(
        told.contains("too many different labels (1001, at most 1000) to be classes; if they are"),
        "{told}"
    );

    // In a folder it says nothing, so that names of folders may.
    let folder = tree(&["1.png", "images/2.png", "masks/2.png"]);
    fs::write(folder.path().join("metadata.csv"), measured(1001)).unwrap();
    assert_eq!(of(&folder).name, "images beside their masks");
    assert!(check_plain(folder.path(), Role::InDomain).is_err());
    fs::remove_dir_all(folder.path().join("masks")).unwrap();
    assert!(recognize(folder.path()).is_err());
    assert_eq!(check_plain(folder.path(), Role::InDomain).unwrap(), None);
}

#[test]
fn images_in_an_archive_are_there() {
    let folder = tree(&[]);
    // As an archive begins: what is in it shows when it is listed.
    fs::write(folder.path().join("set.zip"), b"PK\x05\x06").unwrap();
    let path = folder.path().join("t.csv");
    let text = "path,label\nset.zip/a.png,good\nset.zip/in/b.png,bad\nother.zip/c.png,bad\n";
    fs::write(&path, text).unwrap();
    let layout = recognize(&path).unwrap().unwrap();
    assert_eq!(
        proposed(&layout),
        ["good: in-domain 1", "bad: out-of-domain 1"]
    );
    assert!(
        layout.notes[0]
            .starts_with("1 image of the table is not there, the first one is on line 4"),
        "{:?}",
        layout.notes
    );
}

#[test]
fn paths_may_hold_what_separates_cells_elsewhere() {
    for name in ["t.tsv", "t.csv"] {
        assert_eq!(
            rows_of(name, "Smith, J, 1.png\tgood\n2.png\tdent\n"),
            ["good: in-domain 0", "dent: out-of-domain 1"],
            "{name}"
        );
        assert_eq!(
            rows_of(name, "Smith, J, 1.png\n2.png\n"),
            ["no label: unknown 1"],
            "{name}"
        );
        // Tables are not always what they are called.
        assert_eq!(
            rows_of(name, "path,label\n1.png,good\n"),
            ["good: in-domain 1"],
            "{name}"
        );
    }
}
