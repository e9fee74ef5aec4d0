"""The device of a training, and the process made ready for it."""

import torch

from vita.errors import UserError
from vita.training.memory import keep_freed_memory
from vita.training.settings import Settings, TrainingSettings


def device_of(training: TrainingSettings) -> torch.device:
    """The device to compute on.

    Raises:
        UserError: a GPU is asked for and not there, or fp16 without one.
    """
    there = torch.cuda.is_available()
    if training.device == "cuda" and not there:
        raise UserError("config: 'training.device' is cuda, but no CUDA device is there; set it to auto or cpu")
    device = torch.device("cuda" if there and training.device != "cpu" else "cpu")
    if training.precision == "fp16" and device.type == "cpu":
        raise UserError("config: 'training.precision' is fp16, which needs a GPU; set it to 32 or bf16")
    return device


def prepare(settings: Settings) -> torch.device:
    """Seed, thread count and device of this process; before a model is made."""
    keep_freed_memory()
    torch.set_num_threads(settings.training.threads)
    torch.manual_seed(settings.seed)
    return device_of(settings.training)
