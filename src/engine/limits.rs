//! What the system lets this process have.

/// The soft limit of the process's address space in bytes; `None` where there is none, or the system does not say.
pub fn address_space() -> Option<u64> {
    address_space_of(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// The same by the table that Linux keeps of each process.
fn address_space_of(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The machine's memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What programs may still take without others having to give way.
    pub available: u64,
    pub total: u64,
}

/// The memory of this machine, where the system says.
pub fn memory() -> Option<Memory> {
    memory_of(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// The same by the table that Linux keeps of it.
fn memory_of(table: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some(Memory {
        available: bytes("MemAvailable:")?,
        total: bytes("MemTotal:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_from_its_line() {
        let table =
            "MemTotal:       24576000 kB\nMemFree:          100 kB\nMemAvailable:   2000000 kB\n";
        let memory = Memory {
            available: 2_048_000_000,
            total: 25_165_824_000,
        };
        assert_eq!(memory_of(table), Some(memory));
        assert_eq!(memory_of(""), None);
    }

    #[test]
    fn the_limit_is_read_from_its_line() {
        let table = |limit: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              unlimited            unlimited            seconds   \n\
                 Max address space         {limit}             unlimited            bytes     \n"
            )
        };
        assert_eq!(address_space_of(&table("67108864")), Some(64 << 20));
        assert_eq!(address_space_of(&table("unlimited")), None);
        let tight =
            "Max address space         1048576              unlimited            bytes     \n";
        assert_eq!(address_space_of(tight), Some(1_048_576));
        assert_eq!(
            address_space_of("Max address space         unlimited  unlimited  bytes\n"),
            None
        );
        assert_eq!(address_space_of(""), None);
    }
}
