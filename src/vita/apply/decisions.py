"""What `vita predict` must know beside the weights: how scans were cut, units, thresholds and calibration.

All of it comes from the validation split and the settings of the run. Written as one JSON file into results/models, so
that this folder alone is enough for new scans. It holds no participant and no count.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vita.runtime import cli, fingerprint
from vita.runtime.errors import UserError

FILE = "decisions.json"
VERSION = 2


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="system, such as vita")
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.json of its Stage III models")
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="its predictions, a file per task")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="tables of all shards")
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--output", type=Path, required=True, help="decisions.json in the folder of the models")
    cli.add_settings(parser, "the blocks images and phenotypes")
    args = parser.parse_args(arguments)
    from vita.runtime.atomic import replacing

    predictions = {path.parent.name: path for path in args.predictions}
    record: dict[str, Any] = {"version": VERSION, "system": args.model}
    record |= {"images": args.settings["images"], "phenotypes": args.settings.get("phenotypes", {})}
    record["seen"] = seen(args.shards)
    record["tasks"] = {
        path.parent.parent.name: task_record(path, predictions[path.parent.parent.name], args.targets)
        for path in args.configs
    }
    with replacing(args.output) as path:
        # unsorted: the order of targets is that of the network's outputs
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def seen(shards: Sequence[Path]) -> dict[str, list[float]]:
    """Smallest and largest pixel size, slice distance and number of frames of the scans of the run."""
    from vita.images.shards import read_tables

    table = read_tables(shards)
    table = table[table["usable"]]
    pixels = pd.concat([table[f"spacing_{axis}_mm"].explode() for axis in ("row", "column")]).astype(float)
    values = {"pixel_mm": pixels[pixels > 0], "slice_mm": table["sa_spacing_mm"], "frames": table["frames_sa"]}
    return {name: [float(part.min()), float(part.max())] for name, part in values.items() if part.notna().any()}


def task_record(config: Path, predictions: Path, targets: Path) -> dict[str, Any]:
    """What is stored of a task: the digest of its model's config.json, and its targets or annotated planes."""
    task = config.parent.parent.name
    table = pd.read_parquet(predictions)
    table = table[table["split"] == "val"]
    record: dict[str, Any] = {"config": config_digest(config)}
    if task == "segmentation":
        drawn = table[table["truth"] > 0].groupby("plane")["target"].unique()
        return record | {"annotated": {plane: sorted(names) for plane, names in drawn.items()}}
    lines = json.loads(config.read_text(encoding="utf-8"))["calibration"]
    return record | {"targets": target_records(table, targets, task, lines)}


def target_records(
    validation: pd.DataFrame, targets: Path, task: str, lines: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """Title, unit and kind of each target; calibration of binary ones, threshold of what is calibrated; codes."""
    from vita.cohort.features import load_features
    from vita.tabular.targets import read_targets

    codes = {feature.name: list(feature.classes) for feature in load_features(targets.with_name("features.tsv"))}
    found = {}
    for target in read_targets(targets, task):
        rows = validation[validation["target"] == target.name]
        entry: dict[str, Any] = {"title": target.title, "unit": target.unit, "kind": target.kind}
        entry["decimals"] = target.decimals
        if target.kind == "binary" and len(rows):
            entry |= {"threshold": float(rows["threshold"].iloc[0]), "calibration": lines[target.name]}
        if target.kind == "categorical":
            entry["classes"] = codes[target.column]
        found[target.name] = entry
    return found


def config_digest(config: Path) -> str:
    """Digest of a model's config.json, which is written anew with every training."""
    return fingerprint.of_bytes(config.read_bytes())


def read_decisions(models: Path) -> Mapping[str, Any]:
    """The record in a folder of models.

    Raises:
        UserError: it is missing or of another version.
    """
    path = models / FILE
    if not path.is_file():
        raise UserError(
            f"{models} holds no {FILE}; give the folder results/models of a run, or make the file: "
            "snakemake --cores 1 results/models/decisions.json"
        )
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); make it again with snakemake") from error
    if record.get("version") != VERSION:
        raise UserError(f"{path} is of version {record.get('version')}, this program reads {VERSION}; make it again")
    return record


if __name__ == "__main__":
    cli.run(main)
