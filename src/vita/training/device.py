"""The device of a training, and the preparation of the process: threads, seed and memory allocation."""

import ctypes
import os
import sys

import torch

from vita.runtime.errors import UserError
from vita.training.settings import Device, Settings, TrainingSettings

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_NEVER = 2**31 - 1
_ONE_GB = 2**30


def device_of(training: TrainingSettings) -> torch.device:
    """The device to compute on.

    Raises:
        UserError: more GPUs are requested than there are, or fp16 is requested without a GPU.
    """
    device = chosen_device(training.device, training.devices)
    if training.precision == "fp16" and device.type == "cpu":
        raise UserError("config: 'training.precision' is fp16, which needs a GPU; set it to 32 or bf16")
    return device


def chosen_device(wanted: Device, count: int) -> torch.device:
    """The device to compute on, with `count` of them.

    Raises:
        UserError: more GPUs are requested than there are.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cuda" and not there:
        raise UserError(
            f"config: 'training.device' is cuda, which needs {count} GPU (the rule's 'gpus' under "
            "'resources.rules'), but there are none; set it to auto or cpu"
        )
    device = torch.device("cuda" if there and wanted != "cpu" else "cpu")
    if device.type == "cuda" and count > there:
        raise UserError(
            f"config: {count} GPUs are requested (the rule's 'gpus' under 'resources.rules'), but "
            f"there are {there}; request fewer"
        )
    return device


def check_nodes(training: TrainingSettings) -> None:
    """Check that a training on several nodes was started on each of them and knows the addresses of the others.

    Raises:
        UserError: this process knows no other node.
    """
    if training.nodes > 1 and not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= set(os.environ):
        raise UserError(
            f"config: 'training.nodes' is {training.nodes}, but this process was started on one node alone; start it "
            f"by `python -m vita.runtime.nodes --count {training.nodes} --` in a job of SLURM, or set it to 1"
        )


def prepare(settings: Settings) -> torch.device:
    """Set seed and thread count of this process and return its device; to be called before a model is made."""
    keep_freed_memory()
    torch.set_num_threads(settings.training.threads)
    torch.manual_seed(settings.seed)
    return device_of(settings.training)


def keep_freed_memory() -> bool:
    """Make glibc take tensors of up to 1 GB from its heap and keep freed memory.

    By default every tensor of a few MB is mapped again, and the kernel zeroes each of its pages when it is first
    written: this takes 12 % of a Stage III step and a third of a segmentation step on one core (torch 2.13, glibc
    2.36).

    Returns:
        Whether it took effect; other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _ONE_GB)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
