"""Reading checkpoints from unknown sources without running any code that they may contain.

PyTorch's weights-only unpickler knows tensors and plain containers and refuses everything else. Published Lightning
checkpoints carry more (configurations, schedules, paths). Each class that the unpickler does not know is replaced by
an empty placeholder of the same name before reading, so that foreign objects come out empty and tensors are kept.
Objects that the file fills like a dictionary or a list (hyperparameters in an `AttributeDict`, a `deque` of losses)
become plain ones, the only kind that the unpickler fills. To find them, the file's instructions are read beforehand
without being executed.
"""

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from vita.runtime.errors import UserError


class _Skipped:
    """Stands in for any foreign object: accepts whatever its pickle passes and does nothing with it."""

    def __new__(cls, *_arguments: Any, **_named: Any) -> "_Skipped":
        return super().__new__(cls)

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


class _AsDict:
    """Stands in for a class that the file fills by keys."""

    def __new__(cls, *_arguments: Any, **_named: Any) -> dict[Any, Any]:  # type: ignore[misc]  # what is wanted here
        return {}


class _AsList:
    """Stands in for a class that the file fills with elements."""

    def __new__(cls, *_arguments: Any, **_named: Any) -> list[Any]:  # type: ignore[misc]  # what is wanted here
        return []


_PLACEHOLDERS: dict[str, type] = {"SETITEM": _AsDict, "SETITEMS": _AsDict, "APPEND": _AsList, "APPENDS": _AsList}
_MARK = object()


def filled_classes(instructions: bytes) -> dict[str, type]:
    """Placeholders of the classes whose objects a pickle fills by keys or with elements, by dotted name.

    The position of each object on the pickle's stack is followed without creating any object.
    """
    found: dict[str, type] = {}
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for operation, argument, _ in pickletools.genops(instructions):
        name = operation.name
        if name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "GLOBAL":
            stack.append(str(argument).replace(" ", "."))
        elif name in ("REDUCE", "NEWOBJ"):
            stack.pop()
            stack[-1] = ("object of", stack[-1])
        else:
            taken = _take(stack, operation)
            if name in _PLACEHOLDERS or name == "BUILD":
                stack.append(taken)
                if name != "BUILD" and isinstance(taken, tuple) and isinstance(taken[1], str):
                    found[taken[1]] = _PLACEHOLDERS[name]
            else:
                stack.extend(_MARK if kind is pickletools.markobject else None for kind in operation.stack_after)
    return found


def _take(stack: list[Any], operation: pickletools.OpcodeInfo) -> Any:
    """Pop the operands of an operation from the stack and return the lowest of them."""
    lowest = None
    for kind in reversed(operation.stack_before):
        if kind is pickletools.stackslice:
            continue
        lowest = stack.pop()
        while kind is pickletools.markobject and lowest is not _MARK:
            lowest = stack.pop()
    return lowest


def _instructions(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return archive.read(name)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a PyTorch or Lightning checkpoint's `state_dict`, by name, on the CPU.

    Raises:
        UserError: the file is missing, is in a format that cannot be read safely, or holds no tensors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; give the path of a downloaded file")
    try:
        names = get_unsafe_globals_in_checkpoint(path)
        kinds = filled_classes(_instructions(path)) if names else {}
        with safe_globals([(kinds.get(name, _Skipped), name) for name in names]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        EOFError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:
        reason = _reason(str(error))
        raise UserError(
            f"{path}: cannot be read without running code from the file ({reason}); "
            "take an untouched checkpoint in PyTorch's zip format (1.6 or later)"
        ) from error
    return _tensors(content, path)


def _reason(said: str) -> str:
    """torch's reason why it could not read the file, without its advice to run the file's code."""
    for advice in ("from a trusted source.", "WeightsUnpickler error: "):
        said = said.partition(advice)[2] or said
    return " ".join(said.partition("Check the documentation")[0].split())[:200]


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of a Lightning file's `state_dict`, or of a plain one."""
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    tensors = {name: value.detach() for name, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"{path}: holds no named tensors; give a checkpoint with a 'state_dict'")
    return tensors
