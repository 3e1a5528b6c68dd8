//! Folders that are hard on a program: odd names, paths too long for the system, files that come and go, very many files.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::engine::{Control, Engine, Notice, Observer, Progress, RunRequest, score};
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::networks::checkpoints::ModelSource;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::report::path_from_text;
use lmd_inspector::runs::{BatchChoice, DeviceChoice, ResultLog, RunImage, file};
use lmd_inspector::worker::handle::no_wake;
use lmd_inspector::worker::library::LibraryHandle;
use lmd_inspector::worker::protocol::{JobId, LibraryCommand, LibraryEvent};

use crate::binary::{lmd, root, text};
use crate::settings::by_lmd;

fn sample(number: usize) -> PathBuf {
    root().join(format!("assets/samples/fashion-mnist/{number:05}.png"))
}

/// `lmd` in a folder of its own, since what begins with `=` can only be a relative path.
fn lmd_in(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lmd"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn odd_names() -> Vec<OsString> {
    let longest = [vec![b'n'; 251], b".png".to_vec()].concat();
    assert_eq!(longest.len(), 255);
    let names: [&[u8]; 14] = [
        b"new\nline.png",
        b"return\r.png",
        b"tab\t.png",
        b"\xff\xfe not text.png",
        b"replacement \xef\xbf\xbd.png",
        b"quote\".png",
        b"comma,.png",
        b"<b>&amp;.png",
        b"'apostrophe.png",
        b"-o.png",
        b" space .png",
        b"back\\slash.png",
        "שלום \u{202e}gnp.png".as_bytes(),
        &longest,
    ];
    names.map(|name| OsString::from_vec(name.to_vec())).to_vec()
}

/// The cells of a table by RFC 4180.
fn cells(table: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut characters = table.chars().peekable();
    while let Some(character) = characters.next() {
        let row = rows.last_mut().unwrap();
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(rows.pop().unwrap(), [""], "the last line ends");
    rows
}

fn path_of(cell: &str) -> PathBuf {
    path_from_text(cell.strip_prefix('\'').unwrap_or(cell))
}

#[test]
fn odd_names_come_out_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    // A spreadsheet would run it.
    let images = Path::new("=HYPERLINK(\"x\")");
    fs::create_dir(folder.path().join(images)).unwrap();
    let mut paths: Vec<PathBuf> = odd_names().iter().map(|name| images.join(name)).collect();
    for (number, path) in paths.iter().enumerate() {
        fs::copy(sample(number), folder.path().join(path)).unwrap();
    }
    paths.sort();
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(images),
        "--attempts",
        "1",
        "--steps",
        "1",
        "--output",
        "report",
    ];
    let output = lmd_in(folder.path(), &args);
    assert!(output.status.success(), "{}", errors(&output));

    let scored = |table: &str| {
        let table = fs::read_to_string(folder.path().join(table)).unwrap();
        let rows = cells(&table);
        assert!(rows.iter().all(|row| row.len() == 6), "{table}");
        let mut paths: Vec<PathBuf> = rows[1..].iter().map(|row| path_of(&row[0])).collect();
        paths.sort();
        paths
    };
    assert_eq!(scored("report/scores.csv"), paths);
    let run = file::read(&folder.path().join("report/run.lmdrun")).unwrap();
    let mut stored: Vec<_> = run
        .images
        .iter()
        .map(|image| image.file.path.clone())
        .collect();
    stored.sort();
    assert_eq!(stored, paths);

    let args = [
        "export",
        "report/run.lmdrun",
        "--csv",
        "again.csv",
        "--images",
        "pictures",
        "--report",
        "report.html",
    ];
    let output = lmd_in(folder.path(), &args);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(scored("again.csv"), paths);
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains("&lt;b&gt;&amp;amp;.png"), "the name is shown");
    assert!(!html.contains("<b>&amp;"), "and no tag");
    let pictures = fs::read_dir(folder.path().join("pictures")).unwrap();
    assert_eq!(pictures.count(), 2 * paths.len() + 1);
}

#[test]
fn paths_that_the_system_does_not_take_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample(0), folder.path().join("good.png")).unwrap();
    // Step by step, since no call takes the whole path; its end is 5,000 bytes away.
    let made = Command::new("bash")
        .args([
            "-c",
            "name=$(printf 'd%.0s' {1..250}); for i in {1..20}; do mkdir $name && cd $name || exit 1; done; cp \"$0\" deep.png",
        ])
        .arg(sample(1))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", errors(&made));
    let report = folder.path().join("report");
    let output = lmd(&[
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(folder.path()),
        "--attempts",
        "1",
        "--steps",
        "1",
        "--json",
        "--output",
        text(&report),
    ]);
    let told = errors(&output);
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("skipped: ") && told.contains("too long"),
        "{told}"
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["images"]["in"], 1);
    assert_eq!(summary["images"]["skipped"], 1);

    let long = format!("{}x.png", "d/".repeat(2500));
    let named = lmd(&["score", "--model", "bundled", "--in-domain", &long]);
    assert_eq!(named.status.code(), Some(2));
    assert!(errors(&named).contains("too long"), "{}", errors(&named));
    let model = lmd(&["info", &long]);
    assert_eq!(model.status.code(), Some(2));
    assert!(errors(&model).contains("too long"), "{}", errors(&model));
}

/// Takes files away or changes them once work has begun.
struct Meddler<'a> {
    meddle: Option<Box<dyn FnOnce() + 'a>>,
    notices: Vec<String>,
}

impl Observer for Meddler<'_> {
    fn progress(&mut self, _progress: &Progress) {
        if let Some(meddle) = self.meddle.take() {
            meddle();
        }
    }

    fn notice(&mut self, notice: Notice) {
        let path = notice.path.unwrap_or_default();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.notices.push(format!("{name}: {}", notice.message));
    }
}

#[test]
fn files_that_vanish_or_change_while_a_run_goes_on_are_told_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let name = |number: usize| folder.path().join(format!("{number}.png"));
    for number in 0..6 {
        fs::copy(sample(number), name(number)).unwrap();
    }
    let listing = sources::list(folder.path(), Wanted::all(), &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    let images: Vec<RunImage> = (listing.files.into_iter())
        .map(|file| RunImage {
            file,
            role: Role::InDomain,
            folder: Arc::new(folder.path().to_owned()),
        })
        .collect();
    let mut settings = by_lmd(2, 2);
    settings.execution.batch = BatchChoice::Fixed(1);
    let request = RunRequest {
        settings,
        images: images.into(),
        results: Arc::new(ResultLog::default()),
        saving: None,
    };
    let mut observer = Meddler {
        // The first image is at work then.
        meddle: Some(Box::new(|| {
            fs::remove_file(name(2)).unwrap();
            fs::copy(sample(9), name(3)).unwrap();
            fs::write(name(4), "").unwrap();
        })),
        notices: Vec::new(),
    };
    let mut engine =
        Engine::open(&ModelSource::BUNDLED, DeviceChoice::CPU, &NeverInterrupt).unwrap();
    let control = Control::default();
    let (progress, end) = score::run(&mut engine, &request, &control, &mut observer);
    end.unwrap();
    assert_eq!(progress.images_skipped, 3);
    let mut scored: Vec<_> = (request.results.since(0).iter())
        .map(|result| (result.image, result.attempt))
        .collect();
    scored.sort_unstable();
    assert_eq!(scored, [(0, 0), (0, 1), (1, 0), (1, 1), (5, 0), (5, 1)]);
    assert_eq!(
        observer.notices.len(),
        3,
        "once each: {:?}",
        observer.notices
    );
    for (notice, says) in observer.notices.iter().zip([
        "2.png: left out of the run: the file can't be read",
        "3.png: left out of the run: the file has changed",
        "4.png: left out of the run: the file is empty",
    ]) {
        assert!(notice.contains(says), "{notice}");
    }
}

/// A folder of 100,000 files, most of them links, which are made faster; some file systems take 65,000 links of one file.
fn crowd() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..100_000 {
        let path = folder.path().join(format!("{number}.png"));
        if number % 1000 == 0 {
            fs::copy(sample(number / 1000), &path).unwrap();
        } else {
            let first = folder.path().join(format!("{}.png", number / 1000 * 1000));
            fs::hard_link(first, &path).unwrap();
        }
    }
    folder
}

fn catches_interrupt(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & (1 << 1) != 0
}

#[test]
fn a_hundred_thousand_files_are_listed_while_the_program_answers_and_can_be_stopped() {
    let folder = crowd();
    let library = LibraryHandle::start(no_wake()).unwrap();
    let scan = |job, control: &Control| LibraryCommand::Scan {
        job: JobId(job),
        path: folder.path().to_owned(),
        role: Role::InDomain,
        may_ask: true,
        control: control.clone(),
    };
    // Long enough for any machine; what is waited for is an event.
    let next = || {
        library
            .recv_timeout(Duration::from_mins(2))
            .unwrap()
            .expect("an event")
    };
    library.send(scan(1, &Control::default())).unwrap();
    let (mut num_reports, mut has_answered) = (0, false);
    let listing = loop {
        match next() {
            LibraryEvent::Scanning { num_images, .. } => {
                if num_reports == 0 {
                    assert!(num_images < 100_000, "{num_images} at the first report");
                    let path = sample(0);
                    library
                        .send(LibraryCommand::Thumbnail { path, max_side: 8 })
                        .unwrap();
                }
                num_reports += 1;
            }
            LibraryEvent::Thumbnail { picture, .. } => {
                picture.unwrap();
                has_answered = true;
            }
            LibraryEvent::Scanned { listing, .. } => break listing.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert!(num_reports > 1, "{num_reports} reports");
    assert!(has_answered, "a picture was asked for meanwhile");
    assert_eq!(listing.files.len(), 100_000);
    assert_eq!(
        listing.files[10].path,
        folder.path().join("10.png"),
        "in natural order"
    );

    let control = Control::default();
    library.send(scan(2, &control)).unwrap();
    while !matches!(next(), LibraryEvent::Scanning { .. }) {}
    control.cancel();
    let stopped = loop {
        if let LibraryEvent::Scanned { listing, .. } = next() {
            break listing.unwrap_err();
        }
    };
    assert!(stopped.contains("stopped"), "{stopped}");

    // And headless, by a signal.
    let mut child = Command::new(env!("CARGO_BIN_EXE_lmd"))
        .args(["score", "--model", "bundled", "--in-domain"])
        .arg(folder.path())
        .current_dir(folder.path().parent().unwrap())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Once it catches the signal.
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    while !catches_interrupt(&fs::read_to_string(&status).unwrap()) {
        std::thread::yield_now();
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
}
