"""Times PyTorch on this machine's GPU: eager, channels-last and compiled, at several precisions and batch sizes.

Writes one JSON array, after each timing anew, so that an early end leaves what was measured. `copies` says whether a
call begins and ends on the host, as a sampler's calls do.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from models import load, make

ROOT = Path(__file__).resolve().parent.parent.parent
# Name, type, memory format, TF32, and the mode of torch.compile.
FORMS = [
    ("eager f32", torch.float32, torch.contiguous_format, False, None),
    ("eager tf32", torch.float32, torch.contiguous_format, True, None),
    ("channels-last f32", torch.float32, torch.channels_last, False, None),
    ("channels-last tf32", torch.float32, torch.channels_last, True, None),
    ("channels-last f16", torch.float16, torch.channels_last, True, None),
    ("compiled f32", torch.float32, torch.channels_last, False, "max-autotune"),
    ("compiled f16", torch.float16, torch.channels_last, True, "max-autotune"),
]


def synchronize(device):
    getattr(torch, device).synchronize()


def median_ms(call, device):
    """Of the calls of about a second, after three that warm up."""
    for _ in range(3):
        call()
    times, end = [], time.time() + 1
    while len(times) < 5 or (time.time() < end and len(times) < 200):
        synchronize(device)
        start = time.perf_counter()
        call()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e3


def rows_of(name, network, form, batch, device):
    _, dtype, memory_format, _, _ = form
    config = network.config
    host = torch.randn(batch, config.in_channels, config.sample_size, config.sample_size, dtype=dtype)
    timesteps = torch.full((batch,), 500, device=device)
    there = host.to(device).to(memory_format=memory_format)
    calls = {
        False: lambda: network(there, timesteps).sample,
        True: lambda: network(host.to(device).to(memory_format=memory_format), timesteps).sample.float().cpu(),
    }
    with torch.inference_mode():
        for copies, call in calls.items():
            ms = median_ms(call, device)
            yield dict(name=name, batch=batch, copies=copies, ms=ms, calls_per_second=batch / ms * 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the JSON file to write")
    parser.add_argument("--work", type=Path, default=ROOT / "target/compare", help="where the model is kept")
    parser.add_argument("--batch", type=int, nargs="+", default=[256, 64, 8, 1])
    parser.add_argument("--seconds", type=float, default=200, help="no timing begins later")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    begin = time.time()
    folder = make("ddpm-cifar10-32", ROOT / "weights/fashion-mnist-32", options.work)
    device = next((it for it in ("cuda", "mps", "xpu") if hasattr(torch, it) and getattr(torch, it).is_available()), None)
    rows = []
    for form in FORMS if device else []:
        name, dtype, memory_format, tf32, mode = form
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        network = load(folder).to(device).to(dtype=dtype, memory_format=memory_format)
        config = network.config
        if mode:
            network = torch.compile(network, mode=mode, dynamic=False)
            network.config = config
        for batch in options.batch:
            if time.time() - begin > options.seconds:
                rows.append(dict(name=name, batch=batch, skipped="no time was left"))
                continue
            try:
                rows.extend(rows_of(name, network, form, batch, device))
            except Exception as error:  # A form that a card cannot do says so, and the next has its turn.
                rows.append(dict(name=name, batch=batch, error=str(error)[:300]))
            print(rows[-1], flush=True)
            options.output.write_text(json.dumps(rows, indent=1))
    if not device:
        rows.append(dict(error="PyTorch finds no GPU"))
    options.output.write_text(json.dumps(rows, indent=1))


main()
