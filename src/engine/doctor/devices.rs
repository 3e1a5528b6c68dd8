//! What networks run on, and whether they give the right numbers there.

use super::Finding;
use crate::networks::bundled::{self, KnownCallError, TOLERANCE};
use crate::networks::description::Network;
use crate::networks::executors::{
    DeviceChoice, DeviceId, EXECUTORS, ExecutorDef, Listed, cpu, open_device, wgpu,
};

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    weights(note);
    let network = match bundled::network() {
        Ok(network) => network,
        Err(error) => {
            let advice = "the program is damaged; install or build it again";
            return note(Finding::failed("bundled model", error.to_string(), advice));
        }
    };
    for executor in EXECUTORS {
        if !executor.is_built {
            let subject = format!("device {}", executor.name);
            note(Finding::ok(subject, "not in this build"));
            continue;
        }
        for (ordinal, listed) in (executor.list)().into_iter().enumerate() {
            let device = DeviceId { executor, ordinal };
            note(of_device(device, &listed, &network));
        }
    }
}

fn weights(note: &mut dyn FnMut(Finding)) {
    // What can't be read is told of the model below.
    for (name, has, must_have) in bundled::weights().into_iter().flatten() {
        note(of_weights(name, &has, must_have));
    }
}

fn of_weights(name: &str, has: &str, must_have: &str) -> Finding {
    let subject = format!("{name} weights");
    let found = format!("SHA-256 {has}");
    if has == must_have {
        Finding::ok(subject, found)
    } else {
        let found = format!("{found}, expected {must_have}");
        let advice = "the program is damaged or was changed; install or build it again";
        Finding::failed(subject, found, advice)
    }
}

fn of_device(device: DeviceId, listed: &Listed, network: &Network) -> Finding {
    let subject = format!("device {}", DeviceChoice::Device(device));
    if let Some(obstacle) = &listed.obstacle {
        return unusable(device.executor, subject, obstacle);
    }
    let called = open_device(DeviceChoice::Device(device))
        .map_err(KnownCallError::from)
        .and_then(|opened| Ok((opened.label(), bundled::call(&*opened, network)?)));
    let (label, call) = match called {
        Ok(called) => called,
        Err(error) => return unusable(device.executor, subject, &error.to_string()),
    };
    let difference = call.difference;
    if call.passes() {
        let milliseconds = 1e3 * call.took.as_secs_f64();
        Finding::ok(
            subject,
            format!(
                "{label}: the known numbers to {difference:.0e} (at most {TOLERANCE:.0e}), a call in {milliseconds:.1} ms"
            ),
        )
    } else {
        Finding::failed(
            subject,
            format!(
                "{label}: {difference:.0e} from the known numbers, at most {TOLERANCE:.0e} is right"
            ),
            "its scores would be wrong; choose another --device, bring its driver up to date, and report this",
        )
    }
}

/// The processor is what everything falls back on.
fn unusable(executor: &ExecutorDef, subject: String, reason: &str) -> Finding {
    if *executor == cpu::EXECUTOR {
        Finding::failed(subject, reason, "no network can run here; report this")
    } else if *executor == wgpu::EXECUTOR && !wgpu::may_have_card() {
        Finding::ok(subject, "this machine has no graphics card")
    } else {
        let advice = "networks run on the processor all the same";
        Finding::warning(subject, reason, advice)
    }
}
