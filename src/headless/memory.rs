//! Whether the process may use the memory that any run takes.

use super::Failure;
use crate::engine::limits::address_space;

/// The smallest address space, in bytes, that the smallest run fits into. Below it some allocation fails that has no way to
/// say so, and the process ends without a sentence.
const LEAST: u64 = 128 << 20;

/// Refuse to begin under a limit (`ulimit -v`) that no run fits into.
pub fn check_limit() -> Result<(), Failure> {
    match address_space() {
        Some(limit) if limit < LEAST => Err(Failure::bad_request(anyhow::anyhow!(
            "this process may use {} MiB of address space, and a run takes at least {}: raise the limit (ulimit -v)",
            limit >> 20,
            LEAST >> 20
        ))),
        // Other systems, and no limit.
        _ => Ok(()),
    }
}
