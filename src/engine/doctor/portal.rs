//! Whether the desktop's portal, which shows file dialogs, is there.
//!
//! A bus may take a connection and never say a word, so it is asked on a thread that can be left behind.

use std::sync::mpsc;
use std::time::Duration;

use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, Result};

/// The portal's name on the session bus.
const NAME: &str = "org.freedesktop.portal.Desktop";
/// How long the bus may take: it answers in milliseconds where it works.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the session bus says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Portal {
    /// It runs, or starts when it is needed.
    There,
    Missing,
    /// There is no bus, or it does not answer; the reason.
    Unreachable(String),
}

/// Ask the session bus. The portal itself is left alone: it may hang, and asking would start it.
pub(super) fn ask() -> Portal {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("portal".to_owned());
    let spawned = thread.spawn(move || {
        let answer = pollster::block_on(is_there());
        // Nobody waits any more where it took too long.
        sender.send(answer).ok();
    });
    if let Err(error) = spawned {
        return Portal::Unreachable(format!("no thread to ask it: {error}"));
    }
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(true)) => Portal::There,
        Ok(Ok(false)) => Portal::Missing,
        Ok(Err(error)) => Portal::Unreachable(error.to_string()),
        Err(_) => Portal::Unreachable(format!("no answer for {} seconds", PATIENCE.as_secs())),
    }
}

async fn is_there() -> Result<bool> {
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    if bus.name_has_owner(BusName::try_from(NAME)?).await? {
        return Ok(true);
    }
    let activatable = bus.list_activatable_names().await?;
    Ok(activatable.iter().any(|name| name.as_str() == NAME))
}
