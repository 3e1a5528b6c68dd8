//! Whether the process may use the memory that any run takes.

use super::Failure;

/// The smallest address space, in bytes, that the smallest run fits into. Below it some allocation fails that has no way to
/// say so, and the process ends without a sentence.
const LEAST: u64 = 128 << 20;

/// Refuse to begin under a limit (`ulimit -v`) that no run fits into.
pub fn check_limit() -> Result<(), Failure> {
    match std::fs::read_to_string("/proc/self/limits").map(|limits| address_space(&limits)) {
        Ok(Some(limit)) if limit < LEAST => Err(Failure::bad_request(anyhow::anyhow!(
            "this process may use {} MiB of address space, and a run takes at least {}: raise the limit (ulimit -v)",
            limit >> 20,
            LEAST >> 20
        ))),
        // Other systems, and no limit.
        _ => Ok(()),
    }
}

/// The soft limit in bytes, by the table that Linux keeps of each process.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_from_its_line() {
        let table = |limit: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              unlimited            unlimited            seconds   \n\
                 Max address space         {limit}             unlimited            bytes     \n"
            )
        };
        assert_eq!(address_space(&table("67108864")), Some(64 << 20));
        assert_eq!(address_space(&table("unlimited")), None);
        assert_eq!(address_space(""), None);
    }
}
