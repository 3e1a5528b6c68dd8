//! The results as text for people.

use std::fmt::Write as _;

use super::Results;

/// Kinds of operation shown for each batch size.
const MOST_SHARES: usize = 4;

/// The results as a few short tables.
pub fn text(results: &Results) -> String {
    let mut lines = vec![
        format!(
            "{}: {:.2} M parameters, {:.3} GFLOP an image and call",
            results.model,
            results.parameters as f64 / 1e6,
            results.flops_per_call as f64 / 1e9
        ),
        String::new(),
    ];
    lines.extend(network(results));
    if results.memory.prepared_weights_bytes > 0 {
        lines.push(String::new());
        lines.extend(memory(results));
    }
    if let Some(pipeline) = &results.pipeline {
        lines.push(format!(
            "bundled samples on {}, {} images, {} attempts: {:.1} attempts a second; network {:.1} %, LPIPS \
             {:.1} % of the time",
            pipeline.device,
            pipeline.images,
            pipeline.attempts,
            pipeline.attempts_per_second,
            pipeline.network_share * 100.0,
            pipeline.lpips_share * 100.0
        ));
    }
    lines.join("\n")
}

fn network(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for contender in &results.network {
        lines.push(contender.name.clone());
        lines.push("  batch    calls/s  GFLOP/s  ms per call (shortest)".to_owned());
        for times in &contender.batches {
            let mut line = format!(
                "  {:>5} {:>10.1} {:>8.1}  {:.2} ({:.2})",
                times.batch, times.calls_per_second, times.gflops, times.median_ms, times.min_ms
            );
            for (kind, share) in times.shares.iter().take(MOST_SHARES) {
                write!(line, "  {kind} {:.0} %", share * 100.0).ok(); // A `String` takes all.
            }
            lines.push(line);
        }
    }
    if let [own, rival] = results.network.as_slice() {
        let ratios = own.batches.iter().zip(&rival.batches).map(|(own, rival)| {
            let ratio = own.calls_per_second / rival.calls_per_second;
            format!("{ratio:.2}x at batch {}", own.batch)
        });
        let ratios: Vec<String> = ratios.collect();
        lines.push(format!("against {}: {}", rival.name, ratios.join(", ")));
    }
    lines
}

fn memory(results: &Results) -> Vec<String> {
    let memory = &results.memory;
    let mib = |bytes: usize| format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0));
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let weights = memory.prepared_weights_bytes;
    let live = memory.largest_live_set_bytes;
    let mut lines = vec![format!(
        "prepared weights {} ({:.2} x the model's), activations {} ({:.2} x the largest live set), scratch {}",
        mib(weights),
        ratio(weights, memory.model_bytes),
        mib(memory.activations_bytes),
        ratio(memory.activations_bytes, live),
        mib(memory.scratch_bytes)
    )];
    if let Some(peak) = memory.peak_bytes {
        lines.push(format!(
            "largest resident size of the process {}",
            mib(peak)
        ));
    }
    lines
}
