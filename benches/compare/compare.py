"""Times LMD Inspector's kernels, PyTorch and ONNX Runtime by turns on the same weights and threads.

See README.md beside this file.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from models import prepare

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ["eager", "channels_last", "onnxruntime"]


def environment():
    """Without settings that hold a library to older instructions."""
    held = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS")
    return {key: value for key, value in os.environ.items() if key not in held}


class Process:
    """A contender in a process of its own, which says that it is ready and answers each line by one of JSON."""

    def __init__(self, script, *arguments):
        command = [sys.executable, str(script), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        )
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a peer ended early with exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, batch, seconds):
        self.process.stdin.write(f"{batch} {seconds}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer(Process):
    def __init__(self, kind, folder, onnx, threads):
        super().__init__(HERE / "peer.py", kind, folder, onnx, threads)

    def time(self, batch, seconds):
        return statistics.median(self.ask(batch, seconds))


class Own:
    def __init__(self, binary, folder, threads, isa):
        self.command = [str(binary), "bench", "--network-only", "--json", "--model", str(folder)]
        self.command += ["--threads", str(threads)] + (["--isa", isa] if isa else [])
        self.memory = None

    def time(self, batch, seconds):
        command = self.command + ["--batch", str(batch), "--seconds", str(seconds)]
        results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        self.memory = results["memory"]
        return results["network"][0]["batches"][0]["median_ms"]

    def close(self):
        pass


def verify(name, folder, options):
    """Ends the comparison where lmd's output is another than diffusers': then times mean nothing."""
    reference = options.work / f"{name}.reference.safetensors"
    command = [str(options.binary), "verify", str(folder), str(reference), "--device", "cpu"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    print(f"{name}: {(outcome.stdout + outcome.stderr).strip()}", flush=True)
    if outcome.returncode:
        sys.exit(1)


def compare(name, options):
    """Median milliseconds of a call for each (threads, contender, batch), all by turns."""
    folder = prepare(name, options.bundled, options.work)
    verify(name, folder, options)
    onnx = options.work / f"{name}.onnx"
    contenders = {}
    for threads in options.threads:
        contenders[threads, "lmd"] = Own(options.binary, folder, threads, options.isa)
        for kind in options.peers:
            contenders[threads, kind] = Peer(kind, folder, onnx, threads)
    times = {}
    for _ in range(options.rounds):
        for batch in options.batch:
            for key, contender in contenders.items():
                times.setdefault((*key, batch), []).append(contender.time(batch, options.seconds))
    for contender in contenders.values():
        contender.close()
    return {key: statistics.median(values) for key, values in times.items()}


def table(name, threads, medians, options):
    print(f"\n{name}, {threads} thread{'s' if threads > 1 else ''}: calls a second (ratio of lmd's to it)")
    print("| batch | lmd | " + " | ".join(options.peers) + " |")
    print("|---|---|" + "---|" * len(options.peers))
    for batch in options.batch:
        own = medians[threads, "lmd", batch]
        cells = [f"{batch / own * 1e3:.1f}"]
        for kind in options.peers:
            other = medians[threads, kind, batch]
            cells.append(f"{batch / other * 1e3:.1f} ({other / own:.2f}x)")
        print(f"| {batch} | " + " | ".join(cells) + " |", flush=True)


def scaling(name, medians, options):
    few, many = options.threads
    print(f"\n{name}: speed-up from {few} thread{'s' if few > 1 else ''} to {many}")
    print("| batch | lmd | " + " | ".join(options.peers) + " |")
    print("|---|---|" + "---|" * len(options.peers))
    for batch in options.batch:
        kinds = ["lmd", *options.peers]
        cells = [f"{medians[few, kind, batch] / medians[many, kind, batch]:.2f}" for kind in kinds]
        print(f"| {batch} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/lmd")
    parser.add_argument("--bundled", type=Path, default=ROOT / "weights/fashion-mnist-32")
    parser.add_argument("--work", type=Path, default=ROOT / "target/compare", help="where models are kept")
    parser.add_argument("--models", nargs="+", default=["bundled", "ddpm-cifar10-32"])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int, nargs="+", default=[2], help="two numbers also give the scaling")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--isa", help="hold lmd to an instruction set")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.models:
        medians = compare(name, options)
        for threads in options.threads:
            table(name, threads, medians, options)
        if len(options.threads) == 2:
            scaling(name, medians, options)


if __name__ == "__main__":
    main()
