use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with these files, all empty: names are all that is looked at.
pub(super) fn tree(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    folder
}

/// `name: role, number of images` of each part.
pub(super) fn proposed(layout: &Layout) -> Vec<String> {
    let parts = layout.parts.iter().map(|part| {
        let role = part.role.map_or("-", Role::name);
        format!("{}: {role} {}", part.name, part.num_images)
    });
    parts.collect()
}

pub(super) fn of(folder: &TempDir) -> Layout {
    recognize(folder.path()).unwrap().unwrap()
}

#[test]
fn a_benchmark_is_scored_by_its_test_images_and_never_by_its_masks() {
    let folder = tree(&[
        "license.txt",
        "train/good/000.png",
        "train/good/001.png",
        "test/good/000.png",
        "test/scratch/000.png",
        "test/scratch/001.PNG",
        "test/broken_large/000.png",
        "test/empty/readme.txt",
        "ground_truth/scratch/000_mask.png",
        "ground_truth/broken_large/000_mask.png",
    ]);
    let layout = of(&folder);
    assert!(layout.name.starts_with("a benchmark like MVTec AD"));
    assert_eq!(
        proposed(&layout),
        [
            "ground_truth: - 2",
            "test/broken_large: out-of-domain 1",
            "test/good: in-domain 1",
            "test/scratch: out-of-domain 2",
            "train/good: - 2",
        ]
    );
    assert_eq!(layout.notes, [] as [&str; 0]);
    let at = |name: &str| folder.path().join(name);
    assert_eq!(
        layout.sources(),
        [
            (Role::InDomain, at("test/good")),
            (Role::OutOfDomain, at("test/broken_large")),
            (Role::OutOfDomain, at("test/scratch")),
        ]
    );

    let refused = |path: &Path, role| check_plain(path, role).unwrap_err().to_string();
    let told = refused(folder.path(), Role::InDomain);
    assert!(
        told.contains("ground_truth (masks), test/broken_large and test/scratch would be taken for in-domain images")
            && told.contains(&at("test/good").display().to_string())
            && told.contains("`lmd score --layout`"),
        "{told}"
    );
    let warned = |role| warning(folder.path(), role).unwrap();
    assert!(warned(Role::InDomain).contains(", are scored as in-domain images: "));
    assert!(warned(Role::Unknown).contains(", is scored as unknown images: "));
    // Images to be judged may be of both kinds, and never masks.
    assert!(refused(folder.path(), Role::Unknown).contains("ground_truth (masks) would"));
    assert_eq!(check_plain(&at("test"), Role::Unknown).unwrap(), None);
    for (name, role) in [
        ("train", Role::InDomain),
        ("test/good", Role::InDomain),
        ("test/scratch", Role::OutOfDomain),
    ] {
        assert_eq!(check_plain(&at(name), role).unwrap(), None, "{name}");
    }
    let told = check_plain(&at("test"), Role::InDomain).unwrap().unwrap();
    assert!(told.contains("broken_large and scratch would"), "{told}");
    // The folder of all categories, above.
    let above = tempfile::tempdir().unwrap();
    fs::rename(folder.path(), above.path().join("bottle")).unwrap();
    let layout = of(&above);
    assert_eq!(proposed(&layout), ["bottle: - 8"]);
    assert!(refused(above.path(), Role::InDomain).contains("bottle would be taken"));
}

#[test]
fn without_normal_test_images_those_for_training_stand_in_with_a_word() {
    let folder = tree(&[
        "train/NORMAL/1.png",
        "train/PNEUMONIA/2.png",
        "test/PNEUMONIA/3.png",
    ]);
    let layout = of(&folder);
    assert_eq!(
        proposed(&layout),
        [
            "test/PNEUMONIA: out-of-domain 1",
            "train/NORMAL: in-domain 1",
            "train/PNEUMONIA: - 1",
        ]
    );
    assert!(layout.notes[0].contains("no other normal images than those for training"));
}

#[test]
fn good_and_bad_beside_each_other_are_known_by_their_words() {
    let folder = tree(&[
        "good/1.png",
        "bad/2.png",
        "masks/2.png",
        "other/3.png",
        "4.png",
        "5.png",
    ]);
    let layout = of(&folder);
    assert_eq!(
        proposed(&layout),
        [
            "bad: out-of-domain 1",
            "good: in-domain 1",
            "masks: - 1",
            "other: out-of-domain 1"
        ]
    );
    assert!(layout.notes[0].starts_with("2 images lie directly beside these folders"));
    assert!(check_plain(folder.path(), Role::OutOfDomain).is_err());

    // VisA.
    let folder = tree(&[
        "Data/Images/Anomaly/1.JPG",
        "Data/Images/Normal/2.JPG",
        "Data/Masks/Anomaly/1.png",
    ]);
    assert_eq!(
        proposed(&of(&folder)),
        [
            "Data/Images/Anomaly: out-of-domain 1",
            "Data/Images/Normal: in-domain 1",
            "Data/Masks: - 1",
        ]
    );
    // BTAD.
    let folder = tree(&[
        "train/ok/1.bmp",
        "test/ok/2.bmp",
        "test/ko/3.bmp",
        "ground_truth/ko/3.png",
    ]);
    let roles: Vec<Option<Role>> = of(&folder).parts.iter().map(|part| part.role).collect();
    assert_eq!(
        roles,
        [None, Some(Role::OutOfDomain), Some(Role::InDomain), None]
    );
}

#[test]
fn folders_that_say_nothing_of_roles_are_no_layout() {
    for names in [
        &["1.png", "2.png"][..],
        &["cats/1.png", "dogs/2.png"],
        &["train/cats/1.png", "test/cats/2.png"],
        // An empty folder means nothing, whatever it is called.
        &["cats/1.png", "bad/readme.txt", "ground_truth/readme.txt"],
        // People with masks are no masks.
        &["with_mask/1.png", "mask/2.png"],
        // Digits as the MNIST archives unpack.
        &["0/1.png", "1/2.png"],
    ] {
        let folder = tree(names);
        assert_eq!(recognize(folder.path()).unwrap(), None, "{names:?}");
        assert_eq!(check_plain(folder.path(), Role::InDomain).unwrap(), None);
    }
    // Splits without any label are of one kind: taken together as ever, and apart where asked for by layout.
    let folder = tree(&["train/1.png", "train/2.png", "test/3.png"]);
    assert_eq!(proposed(&of(&folder)), ["test: in-domain 1", "train: - 2"]);
    assert_eq!(check_plain(folder.path(), Role::InDomain).unwrap(), None);
    // Segmentation data.
    let folder = tree(&["images/1.png", "masks/1.png"]);
    assert_eq!(proposed(&of(&folder)), ["images: unknown 1", "masks: - 1"]);
    assert!(check_plain(folder.path(), Role::Unknown).is_err());
    assert_eq!(
        recognize(&folder.path().join("images/1.png")).unwrap(),
        None
    );
    assert_eq!(recognize(&folder.path().join("none")).unwrap(), None);
}

/// A layout of a folder whose table is written there, beside images `1.png` to `6.png`.
pub(super) fn with_table(name: &str, text: &str) -> (TempDir, Result<Layout, String>) {
    let images = ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png"];
    let folder = tree(&images);
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let layout = recognize(&path).map(Option::unwrap);
    (folder, layout.map_err(|error| error.to_string()))
}

pub(super) fn rows_of(name: &str, text: &str) -> Vec<String> {
    proposed(&with_table(name, text).1.unwrap())
}

#[test]
fn tables_of_the_peers_are_read_by_their_heads() {
    let good_and_bad = ["good: in-domain 2", "scratch: out-of-domain 1"];
    for text in [
        "filepath,label\n1.png,good\n2.png,good\n3.png,scratch\n",
        "id;Image Path;Class\n7;1.png;good\n8;2.png;good\n9;3.png;scratch\n",
        "\u{FEFF}file_name\tcategory\r\n1.png\tgood\r\n\r\n2.png\tgood\r\n3.png\tscratch\r\n",
        "image,text,label\n\"1.png\",\"two\nlines, \"\"quoted\"\"\",good\n2.png,,good\n3.png,x,scratch\n",
    ] {
        assert_eq!(rows_of("table.csv", text), good_and_bad, "{text}");
    }
    let lines = "{\"file_name\": \"1.png\", \"label\": 0}\n{\"file_name\": \"2.png\", \"label\": 1, \"box\": [1]}\n";
    assert_eq!(
        rows_of("table.jsonl", lines),
        ["0: in-domain 1", "1: out-of-domain 1"]
    );
    let question = "img_path,is_anomaly\n1.png,False\n2.png,True\n3.png,True\n";
    assert_eq!(
        rows_of("t.csv", question),
        ["normal: in-domain 1", "anomalous: out-of-domain 2"]
    );
    // anomalib's Tabular.
    let splits = "image_path,label_index,mask_path,split\n1.png,0,,train\n2.png,0,,test\n3.png,1,m.png,test\n";
    assert_eq!(
        rows_of("t.csv", splits),
        [
            "train/0: - 1",
            "test/0: in-domain 1",
            "test/1: out-of-domain 1"
        ]
    );
    assert_eq!(
        rows_of("list.csv", "1.png\n2.png\n"),
        ["no label: unknown 2"]
    );
}

#[test]
fn parts_of_a_table_are_sources() {
    use crate::images::sources::{Wanted, list};
    let (folder, layout) = with_table(
        "t.csv",
        "path,label,split\n1.png,ok,test\n9.png,dent,test\n2.png,dent,test\n",
    );
    let layout = layout.unwrap();
    assert_eq!(
        proposed(&layout),
        ["test/ok: in-domain 1", "test/dent: out-of-domain 1"]
    );
    assert!(
        layout.notes[0]
            .starts_with("1 image of the table is not there, the first one is on line 3"),
        "{:?}",
        layout.notes
    );
    let png = crate::images::write::encode_png(&crate::images::Picture::from_unit(
        crate::images::Geometry {
            channels: 1,
            side: 2,
        },
        &[0.5; 4],
    ));
    fs::write(folder.path().join("2.png"), png.unwrap()).unwrap();
    let listed = |path: &Path| {
        list(path, Wanted::all(), &mut |_| {
            std::ops::ControlFlow::Continue(())
        })
    };
    let dents = listed(&layout.parts[1].source).unwrap();
    assert_eq!(dents.files.len(), 1);
    assert_eq!(dents.files[0].path, folder.path().join("2.png"));
    let (path, reason) = &dents.unreadable[0];
    assert!(
        path.ends_with("9.png") && reason.contains("line 3 of the table"),
        "{reason}"
    );
    let none = listed(&folder.path().join("t.csv/test/crack"))
        .unwrap_err()
        .to_string();
    assert!(none.contains("names no images of `test/crack`"), "{none}");
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_its_line_and_the_rest_goes_on() {
    let (_folder, layout) = with_table(
        "t.csv",
        "path,label\n1.png,good\n,good\n2.png\n3.png,defect\n\n4.png,goood\n5.png,cat\n",
    );
    let layout = layout.unwrap();
    assert_eq!(
        proposed(&layout),
        [
            "good: in-domain 1",
            "defect: out-of-domain 1",
            "goood: - 1",
            "cat: - 1"
        ]
    );
    let notes = layout.notes.join("\n");
    for words in [
        "line 3 of the table names no image: its path is empty; it is left out: ",
        "line 4 of the table has 1 cell, and its label would be in the second",
        "the label `goood` (first on line 7 of the table) does not say whether an image belongs: ",
        "the label `cat` (first on line 8 of the table) ",
    ] {
        assert!(notes.contains(words), "{words}\n{notes}");
    }
    assert!(notes.contains("t.csv"));

    let refused = |text: &str| with_table("t.csv", text).1.unwrap_err();
    assert!(refused("").contains("the table names no image"));
    assert!(refused("path,label\n").contains("the table names no image"));
    let told = refused("id,picture\n1,a\n2,b\n");
    assert!(
        told.contains(
            "has a name for image paths; found `id` and `picture`, expected one of path, filepath"
        ),
        "{told}"
    );
    let told = refused("path,filename,label\n1.png,2.png,good\n");
    assert!(
        told.contains("`path` and `filename` could each be the path"),
        "{told}"
    );
    // Where only one of them leads to files, it is meant.
    assert_eq!(
        rows_of("t.csv", "path,filename,label\n/no/1.png,2.png,good\n"),
        ["good: in-domain 1"]
    );
    let told = refused("path,label\n1.png,good\n\"2.png,good\n3.png,good\n");
    assert!(
        told.contains("line 3 of the table opens a quote that is never closed"),
        "{told}"
    );
    let (_folder, layout) = with_table(
        "t.jsonl",
        "{\"file_name\": \"1.png\", \"label\": \"ok\"}\n{oops\n",
    );
    assert!(layout.unwrap().notes[0].contains("line 2 of the table is not an object of JSON"));
    let folder = tree(&[]);
    fs::write(folder.path().join("t.csv"), b"path,label\n\xFF.png,ok\n").unwrap();
    let told = recognize(&folder.path().join("t.csv"))
        .unwrap_err()
        .to_string();
    assert!(told.contains("not text in UTF-8"), "{told}");
}

#[test]
fn an_image_folder_is_read_by_its_metadata() {
    let folder = tree(&["train/1.png", "train/2.png", "test/3.png", "test/4.png"]);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "train/metadata.csv",
        "file_name,label\n1.png,normal\n2.png,normal\n",
    );
    write(
        "test/metadata.csv",
        "file_name,label\n3.png,normal\n4.png,anomalous\n",
    );
    let layout = of(&folder);
    assert!(layout.name.contains("imagefolder"));
    assert_eq!(
        proposed(&layout),
        [
            "test/normal: in-domain 1",
            "test/anomalous: out-of-domain 1",
            "train/normal: - 2"
        ]
    );
    assert!(layout.parts[0].source.ends_with("test/metadata.csv/normal"));
    assert!(check_plain(folder.path(), Role::InDomain).is_err());

    // Captions say nothing of roles, so names of folders do.
    write("train/metadata.csv", "file_name,text\n1.png,a cat\n");
    write("test/metadata.csv", "file_name,text\n3.png,a cat\n");
    assert_eq!(proposed(&of(&folder)), ["test: in-domain 2", "train: - 2"]);
    // A table that can't be used stops nobody who names the folder for what it is.
    write("test/metadata.csv", "");
    assert!(recognize(folder.path()).is_err());
    assert_eq!(check_plain(folder.path(), Role::InDomain).unwrap(), None);
}

#[test]
fn a_proposal_is_changed_by_the_names_of_its_parts() {
    let folder = tree(&["train/good/1.png", "test/good/2.png", "test/dent/3.png"]);
    let mut layout = of(&folder);
    assert!(layout.assign("dent", None));
    assert!(layout.assign("train/good/", Some(Role::Unknown)));
    assert!(!layout.assign("good", None), "there are two");
    assert!(!layout.assign("crack", None));
    assert_eq!(
        proposed(&layout),
        [
            "test/dent: - 1",
            "test/good: in-domain 1",
            "train/good: unknown 1"
        ]
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_table_or_is_refused(text in r#"(path|label|a\.png|good|[,;\t|"\n\r]|é|\u{FEFF}|\{|\}| ){0,40}"#, is_json: bool) {
        let name = if is_json { "t.jsonl" } else { "t.csv" };
        let (_folder, layout) = with_table(name, &text);
        if let Ok(layout) = layout {
            proptest::prop_assert!(!layout.parts.is_empty());
        }
    }
}
