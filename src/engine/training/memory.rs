//! Whether a training fits into this machine's memory.

use super::TrainingError;
use crate::engine::limits::address_space;

/// Refuse what would not fit: the system would end this process, or others, without a sentence.
pub(super) fn check(needed: usize) -> Result<(), TrainingError> {
    match available() {
        Some(available) if needed as u64 > available => Err(TrainingError::TooLarge {
            needed_mb: needed as u64 / 1_000_000,
            available_mb: available / 1_000_000,
        }),
        _ => Ok(()),
    }
}

/// Bytes that the system would give, where it tells: the least of free memory and the process's limit.
fn available() -> Option<u64> {
    let free = std::fs::read_to_string("/proc/meminfo").ok();
    [free.as_deref().and_then(free_of), address_space()]
        .into_iter()
        .flatten()
        .min()
}

fn free_of(table: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_from_its_line() {
        let table =
            "MemTotal:       24576000 kB\nMemFree:          100 kB\nMemAvailable:   2000000 kB\n";
        assert_eq!(free_of(table), Some(2_048_000_000));
        assert_eq!(free_of(""), None);
    }

    #[test]
    fn more_than_any_machine_has_is_refused_by_a_sentence() {
        if cfg!(target_os = "linux") {
            let told = check(usize::MAX).unwrap_err().to_string();
            assert!(told.contains("choose a smaller network or size"), "{told}");
        }
        check(1).unwrap();
    }
}
