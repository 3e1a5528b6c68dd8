//! The real binary in a real window: on a virtual display that the test starts, and without any.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

/// Far more than anything here takes, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(2);

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok(); // It may have ended.
        self.0.wait().ok();
    }
}

impl Process {
    fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    fn end(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.0.try_wait().unwrap())
    }
}

#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The virtual display and its name.
fn display() -> (Process, String) {
    let server = Command::new("Xvfb")
        // It picks a free number and says it on standard output.
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24"])
        .args(["-noreset", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut server = match server {
        Ok(server) => Process(server),
        Err(error) => panic!(
            "the virtual display Xvfb can't be started ({error}): run `scripts/install-system-packages test`"
        ),
    };
    let mut number = String::new();
    let output = server.0.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut number).unwrap();
    let number = number.trim();
    assert!(!number.is_empty(), "Xvfb ended before it said its number");
    (server, format!(":{number}"))
}

/// `lmd` without options, with a home of its own.
fn lmd(home: &Path, display: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lmd"));
    command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_DATA_HOME", home.join("data"))
        .current_dir(home);
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    command
}

/// A mapped window of this title, wherever it is in the tree.
fn find_window(x11: &RustConnection, below: Window, title: &[u8]) -> Option<Window> {
    let children = x11.query_tree(below).ok()?.reply().ok()?.children;
    children.into_iter().find_map(|window| {
        let name = x11.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256);
        let is_named = name.ok()?.reply().is_ok_and(|name| name.value == title);
        let attributes = x11.get_window_attributes(window).ok()?.reply();
        let is_mapped = attributes.is_ok_and(|found| found.map_state == MapState::VIEWABLE);
        if is_named && is_mapped {
            Some(window)
        } else {
            find_window(x11, window, title)
        }
    })
}

/// Number of different colors in a window, at most 64.
fn num_colors(x11: &RustConnection, window: Window) -> Option<usize> {
    let size = x11.get_geometry(window).ok()?.reply().ok()?;
    let image = x11
        .get_image(
            ImageFormat::Z_PIXMAP,
            window,
            0,
            0,
            size.width,
            size.height,
            !0,
        )
        .ok()?
        .reply()
        .ok()?;
    let mut colors = std::collections::HashSet::new();
    for pixel in image.data.chunks_exact(4) {
        colors.insert([pixel[0], pixel[1], pixel[2]]);
        if colors.len() == 64 {
            break;
        }
    }
    Some(colors.len())
}

/// What a window manager sends when the close button is pressed.
fn close(x11: &RustConnection, window: Window) {
    let atom = |name: &[u8]| {
        let reply = x11.intern_atom(false, name).unwrap().reply();
        reply.unwrap().atom
    };
    let data = [atom(b"WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
    let message = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), data);
    x11.send_event(false, window, EventMask::NO_EVENT, message)
        .unwrap();
    x11.flush().unwrap();
}

#[test]
fn the_window_opens_draws_stays_and_closes_cleanly() {
    let (_server, name) = display();
    let (x11, screen) = x11rb::connect(Some(&name)).unwrap();
    let root = x11.setup().roots[screen].root;
    let home = tempfile::tempdir().unwrap();
    let errors = home.path().join("stderr");
    let data = home.path().join("data/lmd-inspector");
    let report = data.join("faults/fault-20260101-000000.txt");
    std::fs::create_dir_all(report.parent().unwrap()).unwrap();
    std::fs::write(&report, "what went wrong").unwrap();
    let mut program = Process(
        lmd(home.path(), Some(&name))
            .stderr(std::fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap(),
    );
    let mut is_running = || {
        let said = || std::fs::read_to_string(&errors).unwrap();
        assert!(program.is_running(), "the program ended: {}", said());
        let is_headless = said().contains("no window could be opened");
        assert!(
            !is_headless,
            "no graphics driver works here, run `scripts/install-system-packages test`: {}",
            said()
        );
    };
    let window = wait_for("a window titled LMD Inspector", || {
        is_running();
        find_window(&x11, root, b"LMD Inspector")
    });
    // Text alone has more shades than that; an empty window has one.
    wait_for("a picture in the window", || {
        is_running();
        num_colors(&x11, window).filter(|&colors| colors >= 32)
    });
    is_running();
    close(&x11, window);
    let status = program.end();
    assert_eq!(
        status.code(),
        Some(0),
        "{}",
        std::fs::read_to_string(&errors).unwrap()
    );
    // The report of the earlier fault was told of, and all that was told is in the log.
    assert!(data.join("faults/told-20260101-000000.txt").is_file());
    let log = std::fs::read_to_string(data.join("log/lmd-inspector_rCURRENT.log")).unwrap();
    assert!(
        log.contains("LMD Inspector came upon a fault of its own"),
        "{log}"
    );
}

#[test]
fn without_a_display_it_says_so_and_does_the_demo_until_it_is_stopped() {
    for display in [None, Some(":4321")] {
        let home = tempfile::tempdir().unwrap();
        let mut program = lmd(home.path(), display)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map(Process)
            .unwrap();
        let errors = BufReader::new(program.0.stderr.take().unwrap());
        let mut lines = errors.lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        assert!(first.starts_with("no window could be opened"), "{first}");
        let second = lines.next().unwrap();
        assert!(second.contains("demo without a window"), "{second}");
        // From here on signals are caught.
        let third = lines.next().unwrap();
        assert!(third.starts_with("fashion-mnist-32 on CPU"), "{third}");
        let killed = Command::new("kill")
            .arg(program.0.id().to_string())
            .status();
        assert!(killed.unwrap().success(), "SIGTERM could not be sent");
        let rest: Vec<String> = lines.collect();
        assert_eq!(program.end().code(), Some(143), "{rest:?}");
        let note = "the run was stopped before its end";
        assert!(rest.iter().any(|line| line.contains(note)), "{rest:?}");

        let stdout = std::io::read_to_string(program.0.stdout.take().unwrap()).unwrap();
        let report = home.path().join(stdout.trim());
        assert!(
            report.join("summary.json").is_file(),
            "{stdout:?} is the report's folder"
        );
    }
}
