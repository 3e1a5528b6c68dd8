"""The two models that the comparison runs, as diffusers folders and as ONNX files."""

from pathlib import Path

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

# The configuration of google/ddpm-cifar10-32.
CIFAR = dict(
    sample_size=32,
    in_channels=3,
    out_channels=3,
    block_out_channels=(128, 256, 256, 256),
    layers_per_block=2,
    attention_head_dim=None,
    norm_num_groups=32,
    norm_eps=1e-6,
    downsample_padding=0,
    flip_sin_to_cos=False,
    freq_shift=1,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
)


def make(name: str, bundled: Path, work: Path) -> Path:
    """The model's folder, with a reference in `work`; random weights are made when they are first asked for."""
    folder = bundled if name == "bundled" else work / name
    if not folder.exists():
        torch.manual_seed(0)
        model = UNet2DModel(**CIFAR)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if "norm" in key:  # The initial ones and zeros would hide a forgotten factor or term.
                    parameter.add_(0.1 * torch.randn_like(parameter))
        model.save_pretrained(folder)
    save_reference(load(folder), work / f"{name}.reference.safetensors")
    return folder


def prepare(name: str, bundled: Path, work: Path) -> Path:
    """The same, exported to ONNX as well."""
    folder = make(name, bundled, work)
    onnx = work / f"{name}.onnx"
    if not onnx.exists():
        export(load(folder), onnx)
    return folder


def save_reference(model: UNet2DModel, path: Path):
    """The network's output for three images, as `lmd verify` reads it."""
    generator = torch.Generator().manual_seed(1)
    config = model.config
    sample = torch.randn(3, config.in_channels, config.sample_size, config.sample_size, generator=generator)
    timestep = torch.tensor([0, 333, 999])
    with torch.inference_mode():
        output = model(sample, timestep).sample
    tensors = {"sample": sample, "timestep": timestep.float(), "output": output}
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)


def load(folder: Path) -> UNet2DModel:
    unet = folder / "unet"
    return UNet2DModel.from_pretrained(unet if unet.exists() else folder).eval()


class Plain(torch.nn.Module):
    """The network with tensors in and out, as the exporter wants it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sample, timestep):
        return self.model(sample, timestep).sample


def export(model: UNet2DModel, path: Path):
    config = model.config
    sample = torch.randn(2, config.in_channels, config.sample_size, config.sample_size)
    timestep = torch.tensor([10, 500])
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        Plain(model),
        (sample, timestep),
        str(path),
        input_names=["sample", "timestep"],
        output_names=["output"],
        dynamic_shapes={"sample": {0: batch}, "timestep": {0: batch}},
        dynamo=True,
    )
