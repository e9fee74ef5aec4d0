"""nnU-Net's own settings, which it reads from environment variables when it is imported. The modules plan, train and
predict run in nnU-Net's environment, which has few of this project's requirements: they import nnunetv2, and of vita
only modules that need nothing but Python and NumPy.
"""

import importlib.metadata
import logging
import os
import platform
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita.config.blocks import needed
from vita.runtime.errors import UserError

_PACKAGES = ("nnunetv2", "torch", "dynamic-network-architectures", "batchgenerators", "batchgeneratorsv2", "numpy")


def set_up(folder: Path, threads: int, processes: int, compile_model: bool = False) -> None:
    """Set nnU-Net's folders and number of processes; call this before the first import of nnunetv2.

    Args:
        folder: folder of the view, which holds raw, preprocessed and trained.
        threads: of each computation.
        processes: processes that augment data; 0 augments in the training process.
        compile_model: torch.compile on GPUs.

    Raises:
        UserError: nnU-Net is not installed in this environment.
    """
    folders = {"raw": "raw", "preprocessed": "preprocessed", "results": "trained"}
    own = {name: str((folder / place).absolute()) for name, place in folders.items()}
    own |= {"def_n_proc": str(threads), "n_proc_DA": str(processes), "compile": str(compile_model)}
    os.environ |= {f"nnUNet_{name}": value for name, value in (own | {"wandb_enabled": "0"}).items()}
    os.environ |= {"MPLBACKEND": "agg", "OMP_NUM_THREADS": str(threads)}
    logging.getLogger().setLevel(logging.WARNING)  # nnU-Net prints one line per copied file
    try:
        importlib.metadata.version("nnunetv2")
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError("this Python has no nnunetv2; run with that of 'nnunet.environment'") from error


def choose_device(wanted: str, threads: int, seed: int) -> Any:
    """Seed everything that can be seeded, set torch's threads, and choose the device that `training.device` names.

    Raises:
        UserError: a GPU is requested and there is none.
    """
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # nnU-Net draws from NumPy's global generator  # noqa: NPY002
    torch.manual_seed(seed)
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("config: 'training.device' is cuda, but nnU-Net's torch finds no GPU; set it to auto or cpu")
    kind = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
    torch.set_num_threads(threads)
    return torch.device(kind)


def threads_of(settings: Mapping[str, object]) -> int:
    """CPUs of the job."""
    return needed(settings, "training.threads")


def versions() -> dict[str, str]:
    """Versions of the packages that nnU-Net's results depend on."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES} | {"python": platform.python_version()}
