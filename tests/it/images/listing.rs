//! Folders as users have them.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use image::ImageFormat;
use lmd_inspector::images::sources::{Wanted, list};
use lmd_inspector::images::{ListError, Listing};
use tempfile::TempDir;

use super::support::{encode, picture, png_header};
use crate::binary::not_run;

fn listed(path: &Path) -> Result<Listing, ListError> {
    list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
}

/// A folder with these files; those named as such get a text.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let png = encode(&picture(5, 4), ImageFormat::Png);
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes: &[u8] = if name.contains("readme") || name.contains("notes") {
            b"text"
        } else {
            &png
        };
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn names(folder: &Path, listing: &Listing) -> Vec<String> {
    listing
        .files
        .iter()
        .map(|file| {
            file.path
                .strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn images_come_in_natural_order_and_by_content() {
    let folder = folder(&[
        "img10.PNG",
        "img2.png",
        "img1.jpg",
        "without-extension",
        "readme.txt",
        "sub/3.tif",
        ".hidden.png",
        ".cache/4.png",
    ]);
    let listing = listed(folder.path()).unwrap();
    assert_eq!(
        names(folder.path(), &listing),
        [
            "img1.jpg",
            "img2.png",
            "img10.PNG",
            "sub/3.tif",
            "without-extension"
        ]
    );
    assert_eq!(listing.unreadable, []);
    let native = &listing.files[0].native;
    assert_eq!((native.width, native.height), (5, 4));
    assert_eq!(
        (native.format.as_str(), native.color.as_str()),
        ("png", "Rgb8")
    );
}

#[test]
fn bad_files_are_listed_with_their_reason() {
    let folder = folder(&["good.png"]);
    let png = encode(&picture(40, 40), ImageFormat::Png);
    let jpeg = encode(&picture(40, 40), ImageFormat::Jpeg);
    let bad: [(&str, &[u8], &str); 7] = [
        ("bomb.png", &png_header(30_000, 30_000), "30000 x 30000"),
        ("cut.jpeg", &jpeg[..jpeg.len() / 2], "cut short"),
        ("cut.png", &png[..png.len() / 2], "cut short"),
        ("cut-without-extension", &png[..30], "cut short"),
        ("empty.PNG", b"", "empty"),
        ("photo.heic", b"....ftypheic....", "not an image"),
        ("text.png", b"just text", "not an image"),
    ];
    for (name, bytes, _) in bad {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let listing = listed(folder.path()).unwrap();
    assert_eq!(names(folder.path(), &listing), ["good.png"]);
    assert_eq!(listing.unreadable.len(), bad.len());
    for (name, _, reason) in bad {
        let path = folder.path().join(name);
        let (_, listed) = listing
            .unreadable
            .iter()
            .find(|(listed, _)| *listed == path)
            .unwrap();
        assert!(listed.contains(reason), "{name}: {listed}");
    }
}

#[test]
fn each_empty_case_has_its_own_sentence() {
    let folder = folder(&["notes.txt"]);
    let missing = folder.path().join("missing");
    assert!(matches!(listed(&missing), Err(ListError::Missing { .. })));
    assert!(matches!(
        listed(folder.path()),
        Err(ListError::NoImages { .. })
    ));
    let bad = folder.path().join("bad.png");
    fs::write(&bad, b"text").unwrap();
    let error = listed(folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            ListError::NothingReadable {
                num_unreadable: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        listed(&bad),
        Err(ListError::UnreadableFile { .. })
    ));
}

#[test]
fn one_file_is_a_listing_of_one_even_if_hidden() {
    let folder = folder(&[".one.png", "two.png"]);
    let listing = listed(&folder.path().join(".one.png")).unwrap();
    assert_eq!(names(folder.path(), &listing), [".one.png"]);
}

#[test]
fn a_hidden_folder_that_is_asked_for_is_listed() {
    let folder = folder(&[".cache/samples/1.png"]);
    let hidden = folder.path().join(".cache");
    assert_eq!(names(&hidden, &listed(&hidden).unwrap()), ["samples/1.png"]);
}

#[test]
fn a_listing_can_be_stopped_and_counts() {
    let folder = folder(&["1.png", "2.png", "3.png"]);
    let mut counts = Vec::new();
    let stopped = list(folder.path(), Wanted::all(), &mut |count| {
        counts.push(count);
        if count == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(matches!(stopped, Err(ListError::Stopped)));
    assert_eq!(counts.last(), Some(&2));
}

#[cfg(unix)]
#[test]
fn link_loops_end_and_nothing_is_listed_twice() {
    use std::os::unix::fs::symlink;
    let folder = folder(&["a/1.png", "b/2.png"]);
    let at = |name: &str| folder.path().join(name);
    symlink(folder.path(), at("a/loop")).unwrap();
    symlink(at("a"), at("z-link-to-a")).unwrap();
    symlink(at("b/2.png"), at("b/3.png")).unwrap();
    symlink(at("nowhere"), at("dead.png")).unwrap();
    symlink(at("nowhere"), at("dead")).unwrap();
    symlink(at("self"), at("self")).unwrap();
    let listing = listed(folder.path()).unwrap();
    assert_eq!(names(folder.path(), &listing), ["a/1.png", "b/2.png"]);
    let unreadable: Vec<_> = listing
        .unreadable
        .iter()
        .map(|(path, _)| path.clone())
        .collect();
    assert_eq!(unreadable, [at("dead.png"), at("self")]);
}

#[cfg(unix)]
#[test]
fn a_linked_folder_outside_is_followed() {
    let outside = folder(&["x.png"]);
    let folder = folder(&["1.png"]);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("more")).unwrap();
    let listing = listed(folder.path()).unwrap();
    assert_eq!(names(folder.path(), &listing), ["1.png", "more/x.png"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_text_work() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder(&["1.png"]);
    let odd = folder.path().join(OsStr::from_bytes(b"2-\xFF\xFE.png"));
    fs::copy(folder.path().join("1.png"), &odd).unwrap();
    let listing = listed(folder.path()).unwrap();
    assert_eq!(listing.files[1].path, odd);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened() {
    let folder = folder(&["1.png"]);
    let pipe = folder.path().join("pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        not_run("a pipe among images: there is no `mkfifo` here");
        return;
    }
    let listing = listed(folder.path()).unwrap();
    assert_eq!(listing.files.len(), 1);
    assert_eq!(listing.unreadable[0].0, pipe);
}

/// Root reads everything, so where the tests run as root this one runs itself again without privileges.
#[cfg(unix)]
#[test]
fn files_and_folders_without_permission_are_listed() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;
    const FOLDER: &str = "LMD_TEST_UNREADABLE_FOLDER";
    const TEST: &str = "images::listing::files_and_folders_without_permission_are_listed";

    if let Some(path) = std::env::var_os(FOLDER) {
        check_unreadable(Path::new(&path));
        return;
    }
    let folder = folder(&["closed.png", "closed/1.png", "open.png"]);
    let set_mode = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode("", 0o755);
    set_mode("closed.png", 0);
    set_mode("closed", 0);
    if fs::File::open(folder.path().join("closed.png")).is_err() {
        check_unreadable(folder.path());
    } else {
        // A copy, since the build folder may be closed to others.
        let program = folder.path().join("tests");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let output = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
            ])
            .arg(&program)
            .args(["--exact", "--nocapture", TEST])
            .env(FOLDER, folder.path())
            .current_dir("/")
            .output();
        match output {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success() && text.contains("1 passed"),
                    "{output:?}"
                );
            }
            Err(error) => not_run(&format!(
                "folders without permission: privileges can't be dropped here: {error}"
            )),
        }
    }
    set_mode("closed", 0o755);
}

#[cfg(unix)]
fn check_unreadable(folder: &Path) {
    let listing = listed(folder).unwrap();
    assert_eq!(names(folder, &listing), ["open.png"]);
    let unreadable: Vec<_> = listing
        .unreadable
        .iter()
        .map(|(path, _)| path.clone())
        .collect();
    assert_eq!(
        unreadable,
        [folder.join("closed"), folder.join("closed.png")]
    );
    for (_, reason) in &listing.unreadable {
        assert!(reason.contains("ermission"), "{reason}");
    }
}

#[test]
fn files_past_the_limit_are_not_opened() {
    let folder = folder(&["1.png", "2.png"]);
    fs::write(folder.path().join("3.png"), b"text").unwrap();
    let first = |limit| {
        let wanted = Wanted { role: None, limit };
        list(folder.path(), wanted, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let listing = first(2);
    assert_eq!(names(folder.path(), &listing), ["1.png", "2.png"]);
    assert_eq!(listing.unreadable, [], "the third was not looked at");
    assert_eq!(first(3).unreadable.len(), 1);
}

#[test]
fn pictures_of_several_frames_and_of_few_bits_are_told_once_with_their_number() {
    use image::codecs::gif::GifEncoder;
    use image::{DynamicImage, Frame, ImageBuffer, Luma, RgbaImage};
    let folder = folder(&["plain.png"]);
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for shade in [10, 200] {
        let frame = RgbaImage::from_pixel(6, 5, image::Rgba([shade, shade, shade, 255]));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let deep = |largest: u16| {
        let picture = ImageBuffer::from_fn(16, 16, |x, _| Luma([largest / 15 * x as u16]));
        encode(&DynamicImage::ImageLuma16(picture), ImageFormat::Png)
    };
    for name in ["a.gif", "b.gif"] {
        fs::write(folder.path().join(name), &gif).unwrap();
    }
    for name in ["c.png", "d.png", "e.png"] {
        fs::write(folder.path().join(name), deep(4095)).unwrap();
    }
    let listing = listed(folder.path()).unwrap();
    assert_eq!(listing.files.len(), 6);
    let [several, bits] = listing.notes.as_slice() else {
        panic!("{:?}", listing.notes);
    };
    assert!(
        several.contains("2 files hold several pictures"),
        "{several}"
    );
    assert!(bits.contains("3 files are stored with 16 bits"), "{bits}");
    assert!(bits.contains("use 12 bits or fewer"), "{bits}");
    // One that uses all of them says that the others are meant to be dark.
    fs::write(folder.path().join("c.png"), deep(65_535)).unwrap();
    assert_eq!(listed(folder.path()).unwrap().notes.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_and_its_file_are_one_and_hard_links_are_two() {
    let folder = folder(&["b/2.png", "c.png"]);
    let at = |name: &str| folder.path().join(name);
    // The link comes first, in the order of listing.
    std::os::unix::fs::symlink(at("b/2.png"), at("b/1.png")).unwrap();
    fs::hard_link(at("c.png"), at("d.png")).unwrap();
    let listing = listed(folder.path()).unwrap();
    assert_eq!(
        names(folder.path(), &listing),
        ["b/1.png", "c.png", "d.png"]
    );
}
