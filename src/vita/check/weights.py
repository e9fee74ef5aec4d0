"""Folders of weights from which stages start: they must exist, be readable, and have the required parts and sizes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vita.check.findings import Finding, error

# parts that a stage needs from its starting folder, by the beginning of their weights' names
_NEEDED = {"stage1": ("image_encoder.", "encoder."), "stage2": ("image_encoder.", "encoder.")}
_NEEDED["stage3"] = _NEEDED["stage2"]
_SIZES = ("patch", "width", "depth", "heads", "positions")


def weight_findings(config: dict[str, Any]) -> Iterator[Finding]:
    """Findings about `stage1.init`, `stage2.init` and `stage3.init`."""
    for stage, prefixes in _NEEDED.items():
        if folder := config[stage].get("init"):
            yield from _of_folder(config, f"{stage}.init", Path(folder), prefixes)


def applied_findings(config: dict[str, Any]) -> Iterator[Finding]:
    """Findings about `apply.models`, the models of another run."""
    folder = config["apply"]["models"]
    if folder and not (Path(folder) / "decisions.json").is_file():
        yield error(
            f"config: 'apply.models' names {folder}, in which there is no decisions.json; name results/models of a "
            "finished run, or set it to null to train models here"
        )


def _of_folder(config: dict[str, Any], key: str, folder: Path, prefixes: tuple[str, ...]) -> Iterator[Finding]:
    from safetensors import SafetensorError, safe_open

    path = folder / "model.safetensors"
    if not path.is_file():
        yield error(
            f"config: '{key}' names {folder}, in which there is no model.safetensors; name a folder that a training or "
            "`python -m vita.models.import_published` wrote, or set it to null"
        )
        return
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
    except (SafetensorError, OSError) as failure:
        yield error(
            f"config: '{key}' names {folder}, whose model.safetensors cannot be read ({failure}); copy or import it "
            "again, or set the key to null"
        )
        return
    if not any(name.startswith(prefixes) for name in names):
        yield error(
            f"config: '{key}' names {folder}, whose model.safetensors holds no image encoder; name a folder of Stage I "
            "or II, or set it to null"
        )
        return
    yield from _sizes(config, key, folder)


def _sizes(config: dict[str, Any], key: str, folder: Path) -> Iterator[Finding]:
    """Sizes in which the folder's model differs from the configuration."""
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8")).get("model", {})
    except (ValueError, AttributeError):
        yield error(f"config: '{key}' names {folder}, whose config.json is damaged; copy or import it again")
        return
    for name in _SIZES:
        if name in theirs and theirs[name] != config["model"][name]:
            yield error(
                f"config: '{key}' names {folder}, whose weights have '{name}' {json.dumps(theirs[name])}, but "
                f"'model.{name}' is {json.dumps(config['model'][name])}; set it to theirs, or name other weights"
            )
