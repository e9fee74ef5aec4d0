"""What `vita predict` needs besides the weights: crops, units, thresholds, errors, and what is typical of a scan.

Thresholds, calibration and intervals come from the validation split, what is typical of a scan from training and
validation, and the errors to be shown from the test split, which decides nothing. It is written as one JSON file into
results/models, so that this folder is sufficient for new scans. It holds no data of single participants and no counts,
only means, spreads and limits over at least 10 participants.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from vita.apply.records import Decisions, Kind, OfSplit, TargetDecision, TaskDecision, TypicalScans
from vita.config.blocks import needed
from vita.runtime import cli, fingerprint
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from vita.images.shards import ShardReader
    from vita.training.recorded import Calibration

FILE = "decisions.json"
VERSION = 5
_COMPARED = 1000  # largest number of training participants, and of validation participants, for fitting what is typical


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="system, such as vita")
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.json of its Stage III models")
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="its predictions, a file per task")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="tables of all shards")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument(
        "--embedder", type=Path, help="folder of its aligned image encoder, by which new scans are judged"
    )
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv and codes.tsv beside it")
    parser.add_argument("--output", type=Path, required=True, help="decisions.json in the folder of the models")
    cli.add_settings(parser, "the blocks images and phenotypes")
    args = parser.parse_args(arguments)
    from vita.runtime.atomic import replacing

    predictions = {path.parent.name: path for path in args.predictions}
    record: Decisions = {
        "version": VERSION,
        "system": args.model,
        "images": needed(args.settings, "images"),
        "phenotypes": needed(args.settings, "phenotypes"),
        "seen": seen(args.shards),
        "split": of_split(args.split, needed(args.settings, "seed")),
        "typical": typical(args.shards, args.split, args.embedder),
        "tasks": {
            path.parent.parent.name: task_record(path, predictions[path.parent.parent.name], args.targets)
            for path in args.configs
        },
    }
    with replacing(args.output) as path:
        # not sorted: the order of targets is that of the network's outputs
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def of_split(split: Path, seed: int) -> OfSplit:
    """The split's seed, and the share of people who were certainly in its test split: for another cohort of the
    same people.
    """
    from vita.cohort.elsewhere import surely_tested
    from vita.cohort.split_table import read_split

    return {"seed": seed, "tested": surely_tested(read_split(split).to_dict(), seed)}


def seen(shards: Sequence[Path]) -> dict[str, list[float]]:
    """Smallest and largest pixel size, slice distance and number of frames of the scans of the run."""
    from vita.images.shards import read_tables

    table = read_tables(shards)
    table = table[table["usable"]]
    pixels = pd.concat([table[f"spacing_{axis}_mm"].explode() for axis in ("row", "column")]).astype(float)
    values = {"pixel_mm": pixels[pixels > 0], "slice_mm": table["sa_spacing_mm"], "frames": table["frames_sa"]}
    return {name: [float(part.min()), float(part.max())] for name, part in values.items() if part.notna().any()}


def typical(shards: Sequence[Path], split: Path, embedder: Path | None) -> TypicalScans:
    """Records of `typical.Typical` by kind, fitted to training participants, and as "upright" what `upright.fit` found.

    Their limits are chosen together, on validation participants. Kinds and views of too few participants are left out.

    Args:
        shards: tables of all shards, voxels beside them.
        split: split.parquet.
        embedder: folder of the aligned image encoder; None judges by intensity and geometry alone.
    """
    from vita.apply import upright
    from vita.apply.tolerance import limits
    from vita.apply.typical import ORDER, fit
    from vita.cohort.split_table import read_split
    from vita.images.shards import ShardReader
    from vita.runtime.privacy import SMALLEST_COUNT

    reader, members = ShardReader([path.with_suffix(".npz") for path in shards]), read_split(split)
    vectors = {name: _vectors(reader, members[members == name].index, embedder) for name in ("train", "val")}
    maps = [found.pop("upright", np.empty(0)) for found in vectors.values()]
    if min(len(part) for part in maps) < SMALLEST_COUNT:
        return {}
    train = vectors["train"]
    fitted = {kind: found for kind in ORDER if kind in train and (found := fit(train[kind])) is not None}
    ways = upright.fit(*maps)
    scores = []
    for part, images in zip(vectors.values(), maps, strict=True):
        distances = [found.distance(part[kind]) for kind, found in fitted.items()]
        scores.append(np.stack([*distances, *([upright.highest(ways, images)] if ways else [])], axis=1))
    found_limits = [float(each) for each in limits(*scores)]
    records: TypicalScans = {}
    for (kind, found), limit in zip(fitted.items(), found_limits, strict=False):
        records[kind] = replace(found, limit=limit).record()
    if ways:  # something else must at least be likelier
        records["upright"] = {"groups": ways["groups"], "limit": round(max(found_limits[-1], 0.0), 4)}
    return records


def _vectors(reader: "ShardReader", eids: pd.Index, embedder: Path | None) -> dict[str, np.ndarray]:
    """Vectors (participants, size) by kind, of a limited number of participants, evenly chosen from all."""
    import torch

    from vita.apply.models import BATCH, image_vectors, load_embedder
    from vita.apply.typical import geometry_vector, intensity_vector
    from vita.apply.upright import maps
    from vita.training.sections import even_frames

    known = [int(eid) for eid in eids if int(eid) in reader]
    chosen = [known[place] for place in np.linspace(0, len(known) - 1, min(len(known), _COMPARED)).astype(int)]
    encoder, rows = load_embedder(embedder) if embedder else None, reader.table.set_index("eid")
    found: dict[str, list[np.ndarray]] = {"intensity": [], "geometry": [], "appearance": [], "upright": []}
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        cines = [reader.voxels(eid, range(reader.stored(eid).shape[1])) for eid in part]
        found["intensity"] += [intensity_vector(cine) for cine in cines]
        found["upright"] += [maps(cine) for cine in cines]
        found["geometry"] += [geometry_vector(rows.loc[eid].to_dict()) for eid in part]
        if encoder is not None:
            sizes = encoder.settings
            frames = even_frames(cines[0].shape[1], sizes.frames, sizes.sampling)
            images = torch.from_numpy(np.stack([cine[:, frames] for cine in cines]))
            found["appearance"] += list(image_vectors(encoder, images, torch.device("cpu")))
    return {kind: np.stack(each) for kind, each in found.items() if each}


def task_record(config: Path, predictions: Path, targets: Path) -> TaskDecision:
    """What is stored of a task: the digest of its model's config.json, and its targets or annotated planes."""
    from vita.training.recorded import read_recorded

    task = config.parent.parent.name
    everybody = pd.read_parquet(predictions)
    table = everybody[everybody["split"] == "val"]
    record: TaskDecision = {"config": config_digest(config)}
    if task == "segmentation":
        drawn = table[table["truth"] > 0].groupby("plane")["target"].unique()
        record["annotated"] = {plane: sorted(names) for plane, names in drawn.items()}
        return record
    lines = read_recorded(config.parent)["calibration"]
    record["targets"] = target_records(everybody, targets, task, lines)
    return record


def target_records(
    predictions: pd.DataFrame, targets: Path, task: str, lines: "Mapping[str, Calibration]"
) -> dict[str, TargetDecision]:
    """Title, unit, kind and errors of each target; calibration and meaning of classes, thresholds of binary targets."""
    from vita.apply.residuals import copy_errors, of_target
    from vita.cohort.features import load_features
    from vita.tabular.targets import read_targets

    features = {feature.name: feature for feature in load_features(targets.with_name("features.tsv"))}
    table = pd.read_csv(targets.with_name("features.tsv"), sep="\t", dtype=str, keep_default_na=False)
    codings = table.set_index("name")["coding"].str.split().str[0]  # of several fields, the first's
    meanings = read_meanings(targets.with_name("codes.tsv"))
    found: dict[str, TargetDecision] = {}
    for target in read_targets(targets, task):
        own = predictions[predictions["target"] == target.name]
        rows = own[own["split"] == "val"]
        kind = cast(Kind, target.kind)
        entry: TargetDecision = {
            "title": target.title,
            "unit": target.unit,
            "kind": kind,
            "decimals": target.decimals,
        }
        if target.kind == "binary" and len(rows):
            entry |= {"threshold": float(rows["threshold"].iloc[0]), "calibration": lines[target.name]}
        if target.kind == "categorical":
            entry |= {"calibration": lines[target.name]} if target.name in lines else {}
            feature = features[target.column]
            entry["classes"] = list(feature.classes)
            written = {feature.recode.get(code, code): code for code in feature.valid_codes}
            entry["meanings"] = [meanings.get((codings[feature.name], written[code])) for code in feature.classes]
        copy_errors(of_target(own, target.kind), entry)
        found[target.name] = entry
    return found


def read_meanings(path: Path) -> dict[tuple[str, int], str]:
    """Meaning of each code of a UK Biobank data-coding, by coding and code; empty where there is no such file."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, sep="\t", dtype={"coding": str, "code": int, "meaning": str})
    return {(row.coding, row.code): row.meaning for row in table.itertuples(index=False)}


def config_digest(config: Path) -> str:
    """Digest of a model's config.json, which is written anew with every training."""
    return fingerprint.of_bytes(config.read_bytes())


def read_decisions(models: Path) -> Decisions:
    """The record in a folder of models.

    Raises:
        UserError: it is missing or of another version.
    """
    path = models / FILE
    if (models / "models" / FILE).is_file():
        raise UserError(f"{models} is a whole results folder; name its models: {models / 'models'}")
    if not models.is_dir():
        raise UserError(f"{models} is not a folder; name results/models of a finished run")
    if not path.is_file():
        raise UserError(
            f"{models} holds no {FILE}; give the folder results/models of a run, or make the file: "
            "snakemake --cores 1 results/models/decisions.json"
        )
    try:
        record: Decisions = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); make it again with snakemake") from error
    if record.get("version") != VERSION:
        raise UserError(f"{path} is of version {record.get('version')}, this program reads {VERSION}; make it again")
    return record


if __name__ == "__main__":
    cli.run(main)
