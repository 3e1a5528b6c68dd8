//! SIGINT and SIGTERM stop a run cleanly; what was done is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Remembers which signal came.
#[derive(Clone, Debug)]
pub struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

impl Signals {
    /// Catch both signals; a second one of the same kind ends the process at once.
    pub fn catch() -> std::io::Result<Self> {
        let catch = |signal| -> std::io::Result<Arc<AtomicBool>> {
            let came = Arc::new(AtomicBool::new(false));
            let code = 128 + signal;
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&came))?;
            signal_hook::flag::register(signal, Arc::clone(&came))?;
            Ok(came)
        };
        // A file that reaches the process's size limit is an error to tell, not an end without a word.
        #[cfg(unix)]
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
        Ok(Self {
            interrupt: catch(SIGINT)?,
            terminate: catch(SIGTERM)?,
        })
    }

    /// The exit code of the signal that came.
    pub fn exit_code(&self) -> Option<u8> {
        if self.interrupt.load(Ordering::Acquire) {
            Some(130)
        } else if self.terminate.load(Ordering::Acquire) {
            Some(143)
        } else {
            None
        }
    }
}
