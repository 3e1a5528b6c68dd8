"""One contender in a process of its own, so that nobody's idle threads disturb the others.

Reads lines `batch seconds` and answers each with the calls' times in milliseconds as a JSON list.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch

from models import load


def runner(kind: str, folder: Path, onnx: Path, threads: int):
    torch.set_num_threads(threads)
    if kind == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        return lambda x, t: session.run(None, {"sample": x.numpy(), "timestep": t.numpy()})[0]
    model = load(folder)
    if kind == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        return lambda x, t: model(x.contiguous(memory_format=torch.channels_last), t).sample
    return lambda x, t: model(x, t).sample


def main():
    kind, folder, onnx, threads = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    run = runner(kind, folder, onnx, threads)
    config = load(folder).config
    shape = (config.in_channels, config.sample_size, config.sample_size)
    print(json.dumps({"ready": kind, "pid": os.getpid()}), flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            batch, seconds = int(line.split()[0]), float(line.split()[1])
            x, t = torch.randn(batch, *shape), torch.full((batch,), 500)
            run(x, t)
            times = []
            begin = time.perf_counter()
            while not times or time.perf_counter() - begin < seconds:
                start = time.perf_counter()
                run(x, t)
                times.append((time.perf_counter() - start) * 1e3)
            print(json.dumps(times), flush=True)


main()
