//! The system, the processor and the memory.

use std::fs;

use super::{Finding, size};
use crate::engine::limits::{self, Memory};
use crate::networks::executors::cpu::{CpuOptions, Isa, Machine};

/// Less free memory than this, in bytes, and a run of usual size may not fit.
const LITTLE_MEMORY: u64 = 512 << 20;

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    note(Finding::ok("system", system()));
    note(processor());
    let (memory, limit) = (limits::memory(), limits::address_space());
    if let Some(finding) = of_memory(memory, limit) {
        note(finding);
    }
}

/// E.g. `Debian GNU/Linux 12 (bookworm), linux 6.1.0, x86_64`.
fn system() -> String {
    let release = fs::read_to_string("/etc/os-release");
    let name = release.ok().and_then(|text| name_of(&text));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{} {}", std::env::consts::OS, kernel.trim());
    let parts = name.into_iter().chain([system.trim().to_owned()]);
    let parts: Vec<String> = parts.chain([std::env::consts::ARCH.to_owned()]).collect();
    parts.join(", ")
}

fn name_of(release: &str) -> Option<String> {
    let value = (release.lines()).find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"').to_owned())
}

fn processor() -> Finding {
    const SUBJECT: &str = "processor";
    let name = fs::read_to_string("/proc/cpuinfo").ok();
    let name = name.and_then(|table| model_of(&table));
    let machine = match Machine::new(&CpuOptions::default()) {
        Ok(machine) => machine,
        Err(error) => {
            let advice =
                "let this process start threads (ulimit -u, or the limit of its container)";
            return Finding::failed(SUBJECT, error.to_string(), advice);
        }
    };
    let threads = machine.num_threads();
    let plural = if threads == 1 { "" } else { "s" };
    let found = format!("kernels for {}, {threads} thread{plural}", machine.isa());
    let found = name.map_or_else(|| found.clone(), |name| format!("{found}, {name}"));
    // Every x86 processor of the last ten years has AVX2.
    if machine.isa() == Isa::Portable && cfg!(target_arch = "x86_64") {
        let advice = "networks run several times slower without AVX2; let a virtual machine have its host's processor";
        return Finding::warning(SUBJECT, found, advice);
    }
    Finding::ok(SUBJECT, found)
}

fn model_of(table: &str) -> Option<String> {
    let line = (table.lines()).find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// `None` where the system says nothing of it.
fn of_memory(memory: Option<Memory>, limit: Option<u64>) -> Option<Finding> {
    const SUBJECT: &str = "memory";
    let free = memory.map(|memory| memory.available);
    let least = free.into_iter().chain(limit).min()?;
    let parts = [
        memory.map(|it| format!("{} free of {}", size(it.available), size(it.total))),
        limit.map(|limit| format!("{} of address space allowed", size(limit))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let found = parts.join(", ");
    Some(if least < LITTLE_MEMORY {
        let advice = "end other programs, raise the limit (ulimit -v), or score with --batch 1";
        Finding::warning(SUBJECT, found, advice)
    } else {
        Finding::ok(SUBJECT, found)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn names_are_read_from_their_lines() {
        let release = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        assert_eq!(name_of(release).as_deref(), Some("Debian GNU/Linux 12"));
        assert_eq!(name_of("ID=arch\n"), None);
        let table = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Some(R) CPU: 2 GHz\n";
        assert_eq!(model_of(table).as_deref(), Some("Some(R) CPU: 2 GHz"));
        assert_eq!(model_of(""), None);
    }

    #[test]
    fn little_memory_and_a_low_limit_are_warned_of() {
        let memory = |available: u64| {
            let total = 8 << 30;
            Some(Memory { available, total })
        };
        let status = |memory, limit| of_memory(memory, limit).map(|finding| finding.status);
        assert_eq!(status(memory(4 << 30), None), Some(Status::Ok));
        assert_eq!(status(memory(100 << 20), None), Some(Status::Warning));
        let limited = of_memory(memory(4 << 30), Some(200 << 20)).unwrap();
        assert_eq!(limited.status, Status::Warning);
        let found = "4096 MiB free of 8192 MiB, 200 MiB of address space allowed";
        assert_eq!(limited.found, found);
        assert_eq!(status(None, None), None);
    }
}
