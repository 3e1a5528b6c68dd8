"""A training step in PyTorch and diffusers: what `cargo bench --bench training` times, without drawing the batch.

Forward, backward, clipping and AdamW of the tiny network on 64 gray images of 32x32 pixels, by turns in both memory
formats; seconds, least and median.
"""

import argparse
import statistics
import time

import torch
from diffusers import UNet2DModel


def network() -> UNet2DModel:
    return UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=32,
        norm_num_groups=8,
    )


class Contender:
    def __init__(self, memory_format: torch.memory_format) -> None:
        self.network = network().train().to(memory_format=memory_format)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-3)
        shape = (64, 1, 32, 32)
        self.noisy = torch.randn(shape).to(memory_format=memory_format)
        self.noise = torch.randn(shape)
        self.timesteps = torch.randint(0, 1000, (64,))
        self.seconds: list[float] = []

    def step(self) -> None:
        begin = time.perf_counter()
        self.optimizer.zero_grad()
        output = self.network(self.noisy, self.timesteps).sample
        torch.nn.functional.mse_loss(output, self.noise).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.seconds.append(time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    contenders = {
        "eager": Contender(torch.contiguous_format),
        "channels-last": Contender(torch.channels_last),
    }
    for _ in range(args.steps):
        for contender in contenders.values():
            contender.step()
    for name, contender in contenders.items():
        least, median = min(contender.seconds), statistics.median(contender.seconds)
        print(f"{name}, {args.threads} threads: {least:.3f} {median:.3f}")


if __name__ == "__main__":
    main()
