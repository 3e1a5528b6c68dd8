"""A training step of `lmd` and of PyTorch (diffusers' UNet2DModel), by turns: times, memory, gain of the second thread.

Forward, backward, clipping and AdamW on 64 gray images of 32x32 pixels; `lmd` also draws its batch and keeps the
average of the weights. See README.md beside this file.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from compare import ROOT, Process

PEERS = ["eager", "channels_last", "bf16"]
# Channels and resnets a level, as in `lmd train --network`.
NETWORKS = {"tiny": ((32, 64, 64), 1), "small": ((48, 96, 96), 1), "base": ((64, 128, 128), 2)}


def serve(kind: str, network: str, threads: int) -> None:
    """Answers each line `batch seconds` with milliseconds of steps and the process's largest size in bytes."""
    import torch
    from diffusers import UNet2DModel

    torch.set_num_threads(threads)
    channels, layers = NETWORKS[network]
    model = UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        block_out_channels=channels,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=layers,
        attention_head_dim=32,
        norm_num_groups=8,
    ).train()
    layout = torch.contiguous_format if kind == "eager" else torch.channels_last
    model = model.to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step(noisy, noise, timesteps):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            output = model(noisy, timesteps).sample
        torch.nn.functional.mse_loss(output.float(), noise).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    print(json.dumps({"ready": kind}), flush=True)
    for line in sys.stdin:
        batch, seconds = int(line.split()[0]), float(line.split()[1])
        noisy = torch.randn(batch, 1, 32, 32).to(memory_format=layout)
        noise, timesteps = torch.randn(batch, 1, 32, 32), torch.randint(0, 1000, (batch,))
        step(noisy, noise, timesteps)
        times, begin = [], time.perf_counter()
        while not times or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            step(noisy, noise, timesteps)
            times.append((time.perf_counter() - start) * 1e3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"times": times, "peak": peak}), flush=True)


class Peer(Process):
    def __init__(self, kind, network, threads):
        super().__init__(__file__, "--serve", kind, network, threads)

    def time(self, batch, seconds):
        answer = self.ask(batch, seconds)
        return statistics.median(answer["times"]), answer["peak"]


class Own:
    def __init__(self, binary, network, threads):
        self.command = [str(binary), "bench", "--training", network, "--threads", str(threads), "--json"]

    def time(self, batch, seconds):
        command = self.command + ["--batch", str(batch), "--seconds", str(seconds)]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return answer["steps"][0]["median_ms"], answer["peak_bytes"]

    def close(self):
        pass


def compare(network, options):
    """Median milliseconds and largest size for each (threads, contender)."""
    contenders = {}
    for threads in options.threads:
        contenders[threads, "lmd"] = Own(options.binary, network, threads)
        for kind in options.peers:
            contenders[threads, kind] = Peer(kind, network, threads)
    times, peaks = {}, {}
    for _ in range(options.rounds):
        for key, contender in contenders.items():
            median, peaks[key] = contender.time(options.batch, options.seconds)
            times.setdefault(key, []).append(median)
    for contender in contenders.values():
        contender.close()
    return {key: statistics.median(values) for key, values in times.items()}, peaks


def table(network, medians, peaks, options):
    print(f"\n{network}, batch {options.batch}: ms a step (ratio to lmd's), largest MiB")
    print("| threads | lmd | " + " | ".join(options.peers) + " |")
    print("|---|---|" + "---|" * len(options.peers))
    for threads in options.threads:
        own = medians[threads, "lmd"]
        cells = [f"{own:.0f}, {peaks[threads, 'lmd'] / 2**20:.0f}"]
        for kind in options.peers:
            other = medians[threads, kind]
            cells.append(f"{other:.0f} ({other / own:.2f}x), {peaks[threads, kind] / 2**20:.0f}")
        print(f"| {threads} | " + " | ".join(cells) + " |", flush=True)
    if len(options.threads) == 2:
        few, many = options.threads
        gains = [f"{kind} {medians[few, kind] / medians[many, kind]:.2f}x" for kind in ["lmd", *options.peers]]
        print(f"from {few} to {many} threads: " + ", ".join(gains), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        return serve(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/lmd")
    parser.add_argument("--networks", nargs="+", default=["tiny", "base"], choices=NETWORKS)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="two numbers also give the gain")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    options = parser.parse_args()
    for network in options.networks:
        table(network, *compare(network, options), options)


main()
