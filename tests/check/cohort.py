"""A small cohort of a user's own, with a table and scans that belong together, and a configuration for it."""

from pathlib import Path
from typing import Any

import yaml

from cohort import world
from images import scans

PEOPLE = 10
FRAMES = 8
SIZES = {
    "images": {"frames": FRAMES, "size": 32, "shard_count": 2},
    "model": {"frames": 4, "patch": [4, 8, 8]},
    "stage1": {"batch": 2},
    "stage2": {"batch": 2},
    "stage3": {"defaults": {"batch": 2}},
    "systems": {"resnet50": {"stage": {"batch": 2}}},
}


def write(folder: Path) -> Path:
    """Write `table.csv`, `scans` and `withdrawals.csv`, and `own.yaml` that names them."""
    columns = world.make_world()
    world.classic(folder / "table.csv", columns)
    for eid in columns["eid"][:PEOPLE]:
        scans.write_participant(folder / "scans" / eid, frames=FRAMES)
    (folder / "withdrawals.csv").write_text(f"{columns['eid'][0]}\n")
    return configure(folder, {})


def configure(folder: Path, changed: dict[str, Any]) -> Path:
    """Write `own.yaml` with these blocks laid over the cohort's."""
    source = {"source": "files", "tables": ["table.csv"], "scans": "scans", "withdrawals": "withdrawals.csv"}
    own: dict[str, Any] = {"input": source, **SIZES}
    for key, value in changed.items():
        own[key] = {**own[key], **value} if isinstance(value, dict) and key in own else value
    (folder / "own.yaml").write_text(yaml.safe_dump(own))
    return folder / "own.yaml"
