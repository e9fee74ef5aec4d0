"""Time and peak memory of Stage I steps at the paper's size, in a process of its own; prints one JSON line.

python tests/benchmarks/stage1_step.py --batch 2 --precision fp32 --implementation project
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from vita.config.blocks import block
from vita.models.image_encoder import Block
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import ModelSettings
from vita.models.tokens import kept_count, random_order

_OWN = {"size": 128, "patch": [5, 8, 8], "width": 1025, "heads": 5, "depth": 6, "decoder_depth": 2}
_OWN |= {"tabular_depth": 2, "projection": 128, "checkpointing": False}  # Section 4.2 and Appendix B
PAPER = ModelSettings.from_dict(block("model", _OWN))
MASK_RATIO = 0.7
_BACKWARD = 3  # a step is about three forward passes: the gradients of inputs and of weights take one each


class PlainBlock(Block):
    """The same block with attention spelt out, as a plain vision transformer has it."""

    def attention(self, tokens_bnd: Tensor) -> Tensor:
        batch, count, width = tokens_bnd.shape
        qkv = self.qkv(tokens_bnd).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(2, 3) * (width // self.heads) ** -0.5).softmax(dim=-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(batch, count, width))


def build(implementation: str, settings: ModelSettings) -> MaskedAutoencoder:
    """The project's model, or one with plain blocks."""
    model = MaskedAutoencoder(settings)
    if implementation == "plain":
        for stack in (model.encoder, model.decoder):
            stack.blocks = nn.ModuleList(PlainBlock(settings.width, settings.heads) for _ in stack.blocks)
    return model


def step_flops(settings: ModelSettings, batch: int) -> float:
    """Theoretical floating-point operations of a training step, without elementwise ones and the optimiser.

    A layer of width d over n tokens takes 24 n d^2 (projections and MLP) and 4 n^2 d (attention).
    """
    tokens, width, voxels = settings.tokens, settings.width, settings.patch_voxels
    seen = kept_count(tokens, MASK_RATIO)

    def layers(count: int, depth: int) -> float:
        return depth * (24 * count * width**2 + 4 * count**2 * width)

    linear = 2 * width * (seen * voxels + (seen + 1) * width + (tokens - seen) * voxels)
    forward = layers(seen + 1, settings.depth) + layers(tokens + 1, settings.decoder_depth) + linear
    return _BACKWARD * batch * forward


def measure(implementation: str, precision: str, batch: int, steps: int, settings: ModelSettings) -> dict[str, float]:
    """Median seconds of a training step (forward, backward, AdamW) after one to warm up, and peak memory."""
    torch.manual_seed(0)
    model = build(implementation, settings)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    images, keep = torch.rand(batch, 9, 5, settings.size, settings.size), kept_count(settings.tokens, MASK_RATIO)
    seconds = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(images, random_order(batch, settings.tokens), keep).loss
        loss.backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": statistics.median(seconds[1:]), "peak_mb": peak_mb, "loss": loss.item()}
    return found | {"tokens": settings.tokens, "tflop": step_flops(settings, batch) / 1e12}


def run_alone(*arguments: str) -> dict[str, Any]:
    """Measure in a fresh process, so that peak memory is that of this run alone."""
    command = [sys.executable, __file__, *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    run = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--implementation", choices=["project", "plain"], default="project")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=PAPER.size, help="rows and columns of a crop")
    parser.add_argument("--width", type=int, default=PAPER.width, help="another width than the paper's, for a trial")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = replace(PAPER, size=args.size, width=args.width)
    result = measure(args.implementation, args.precision, args.batch, args.steps, settings)
    print(json.dumps(vars(args) | result))


if __name__ == "__main__":
    main()
