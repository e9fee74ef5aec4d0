"""The config.json beside a model's weights: how it was trained, its sizes, and the statistics of its targets."""

import json
from pathlib import Path
from typing import Any

from vita.runtime.errors import UserError

WEIGHTS, CONFIG = "model.safetensors", "config.json"  # files in a model's folder


def read_config(folder: Path) -> dict[str, Any]:
    """Read the config.json of a trained model.

    Args:
        folder: the model's folder, such as `results/models/stage1/vita`.

    Raises:
        UserError: the file is missing, is not JSON, or holds something other than keys and values.
    """
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; give a complete folder of a trained model, or run the rule that trains it"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); train the model again") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no keys; train the model again")
    return found
