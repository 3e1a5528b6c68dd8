//! What a window would open on, and what would ask for files in it.

use super::Finding;

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    #[cfg(target_os = "linux")]
    linux::look(note);
    // Elsewhere both belong to the system.
    #[cfg(not(target_os = "linux"))]
    note(Finding::ok("display", "the system's"));
}

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::ffi::OsString;
    use std::io;
    use std::net::{TcpStream, ToSocketAddrs as _};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::super::portal::{self, Portal};
    use super::Finding;

    /// How long a display on another machine may take to answer.
    const PATIENCE: Duration = Duration::from_secs(2);
    /// X11's port for the display 0.
    const X11_PORT: u16 = 6000;

    /// What the environment names.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) enum Display {
        Wayland(PathBuf),
        /// The words of `DISPLAY`.
        X11(String),
    }

    pub(super) fn look(note: &mut dyn FnMut(Finding)) {
        let display = named(&|name| env::var_os(name).filter(|value| !value.is_empty()));
        let reached = display.as_ref().map(reach);
        let has_display = matches!(reached, Some(Ok(())));
        note(judge(display.as_ref(), reached));
        note(if has_display {
            file_dialogs(&portal::ask(), has_program("zenity"))
        } else {
            Finding::ok("file dialogs", "not asked for: there is no display")
        });
    }

    /// Wayland comes first, as it does where the window is opened.
    pub(super) fn named(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<Display> {
        if let Some(name) = variable("WAYLAND_DISPLAY") {
            let folder = variable("XDG_RUNTIME_DIR").unwrap_or_default();
            return Some(Display::Wayland(Path::new(&folder).join(name)));
        }
        let name = variable("DISPLAY")?;
        Some(Display::X11(name.to_string_lossy().into_owned()))
    }

    fn reach(display: &Display) -> io::Result<()> {
        match display {
            Display::Wayland(socket) => UnixStream::connect(socket).map(drop),
            Display::X11(name) => reach_x11(name),
        }
    }

    /// Connect to a display by its words, `[host]:number[.screen]`.
    fn reach_x11(name: &str) -> io::Result<()> {
        let no_display = || io::Error::new(io::ErrorKind::InvalidInput, "expected [host]:number");
        let (host, number) = name.rsplit_once(':').ok_or_else(no_display)?;
        let number = number.split('.').next().unwrap_or_default();
        let number: u16 = number.parse().ok().ok_or_else(no_display)?;
        if !matches!(host, "" | "unix") {
            let port = X11_PORT.checked_add(number).ok_or_else(no_display)?;
            let mut addresses = (host, port).to_socket_addrs()?;
            let address = addresses.next().ok_or_else(no_display)?;
            return TcpStream::connect_timeout(&address, PATIENCE).map(drop);
        }
        let socket = format!("/tmp/.X11-unix/X{number}");
        let without_file = SocketAddr::from_abstract_name(&socket)?;
        UnixStream::connect_addr(&without_file)
            .or_else(|_| UnixStream::connect(&socket))
            .map(drop)
    }

    pub(super) fn judge(display: Option<&Display>, reached: Option<io::Result<()>>) -> Finding {
        const SUBJECT: &str = "display";
        let Some(display) = display else {
            let advice = "the window needs DISPLAY or WAYLAND_DISPLAY; all commands work without";
            return Finding::warning(SUBJECT, "none", advice);
        };
        let words = match display {
            Display::Wayland(socket) => format!("Wayland, {}", socket.display()),
            Display::X11(name) => format!("X11, {name}"),
        };
        match reached {
            Some(Err(error)) => Finding::warning(
                SUBJECT,
                format!("{words}, does not answer: {error}"),
                "the window can't open; start the display server or correct the variable that names it, all commands work without",
            ),
            Some(Ok(())) | None => Finding::ok(SUBJECT, words),
        }
    }

    /// In the order in which they are tried where a file is to be chosen.
    pub(super) fn file_dialogs(portal: &Portal, has_zenity: bool) -> Finding {
        const SUBJECT: &str = "file dialogs";
        let missing = match portal {
            Portal::There => return Finding::ok(SUBJECT, "by the desktop's portal"),
            Portal::Missing => "there is no portal".to_owned(),
            Portal::Unreachable(reason) => format!("the session bus can't be asked: {reason}"),
        };
        if has_zenity {
            return Finding::ok(SUBJECT, format!("by zenity, {missing}"));
        }
        let advice = "type paths into the fields, or install xdg-desktop-portal and the part of it for your desktop";
        Finding::warning(SUBJECT, missing, advice)
    }

    fn has_program(name: &str) -> bool {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).any(|folder| folder.join(name).is_file())
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::net::UnixListener;

        use super::super::super::Status;
        use super::*;

        #[test]
        fn the_display_is_the_one_that_the_environment_names() {
            let environment = |pairs: &'static [(&str, &str)]| {
                named(&move |name| {
                    let found = pairs.iter().find(|(key, _)| *key == name);
                    found.map(|(_, value)| OsString::from(value))
                })
            };
            assert_eq!(environment(&[]), None);
            let x11 = environment(&[("DISPLAY", ":7")]);
            assert_eq!(x11, Some(Display::X11(":7".to_owned())));
            let both = [
                ("DISPLAY", ":7"),
                ("WAYLAND_DISPLAY", "wayland-1"),
                ("XDG_RUNTIME_DIR", "/run/user/5"),
            ];
            let both = named(&|name| {
                let found = both.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            });
            let socket = PathBuf::from("/run/user/5/wayland-1");
            assert_eq!(both, Some(Display::Wayland(socket)));
        }

        #[test]
        fn a_display_that_does_not_answer_is_told_from_one_that_does() {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("wayland-0");
            let display = Display::Wayland(socket.clone());
            let status = |display: &Display| judge(Some(display), Some(reach(display))).status;
            assert_eq!(status(&display), Status::Warning);
            let listener = UnixListener::bind(&socket).unwrap();
            assert_eq!(status(&display), Status::Ok);
            drop(listener);
            assert_eq!(status(&display), Status::Warning, "nobody listens any more");
            for name in ["", "7", ":", ":x", ":4321", "localhost:65535"] {
                let reached = reach(&Display::X11(name.to_owned()));
                assert!(reached.is_err(), "{name}");
            }
        }

        #[test]
        fn a_display_of_x11_is_reached_without_a_file() {
            let name = format!("/tmp/.X11-unix/X{}", 60_000 + std::process::id() % 5_000);
            let address = SocketAddr::from_abstract_name(&name).unwrap();
            let number = name.rsplit_once('X').unwrap().1.to_owned();
            let display = Display::X11(format!(":{number}.0"));
            assert!(reach(&display).is_err());
            let _listener = UnixListener::bind_addr(&address).unwrap();
            reach(&display).unwrap();
        }

        #[test]
        fn files_are_chosen_by_the_portal_else_by_zenity_else_by_typing() {
            let none = Portal::Missing;
            assert_eq!(file_dialogs(&Portal::There, false).status, Status::Ok);
            let by_zenity = file_dialogs(&none, true);
            assert_eq!(by_zenity.status, Status::Ok);
            assert_eq!(by_zenity.found, "by zenity, there is no portal");
            let typed = file_dialogs(&Portal::Unreachable("no address".to_owned()), false);
            assert_eq!(typed.status, Status::Warning);
            assert!(typed.found.ends_with(": no address"), "{}", typed.found);
        }
    }
}
