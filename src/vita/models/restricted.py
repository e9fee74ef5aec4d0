"""Reading checkpoints that strangers wrote, without running what they may have put into them.

PyTorch's weights-only unpickler knows tensors and plain containers and refuses everything else. Published Lightning
checkpoints carry more (configurations, schedules, paths). Each class that the unpickler does not know is replaced by
an empty placeholder of the same name before reading, so that foreign objects become nothing and tensors are kept.
"""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from vita.runtime.errors import UserError


class _Skipped:
    """Stands for any foreign object: takes whatever its pickle says and does nothing with it."""

    def __new__(cls, *_arguments: Any, **_named: Any) -> "_Skipped":
        return super().__new__(cls)

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a PyTorch or Lightning checkpoint's `state_dict`, by name, on the CPU.

    Raises:
        UserError: no such file, a format that cannot be read safely, or no tensors in it.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; give the path of a downloaded file")
    try:
        names = get_unsafe_globals_in_checkpoint(path)
        with safe_globals([(_Skipped, name) for name in names]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: cannot be read without running code from the file ({reason}); "
            "take an untouched checkpoint in PyTorch's zip format (1.6 or later)"
        ) from error
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of a Lightning file's `state_dict`, or of a plain one."""
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    tensors = {name: value.detach() for name, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"{path}: holds no named tensors; give a checkpoint with a 'state_dict'")
    return tensors
