"""Trained models on another cohort: `vita evaluate --models results/models --cohort hospital.yaml --out DIR`.

COHORT is a configuration that names the other cohort's scans and tables (another visit of UK Biobank, a hospital, or a
public data set that `python -m vita.elsewhere.public` has brought into the layout of `input.scans`). The workflow then
makes shards, phenotypes and labels of it as usual, but applies the models of the folder instead of training. Sizes,
crops, statistics, thresholds and calibration are those of the models; nothing is fitted to the new cohort. Writes into
DIR

    results/tables      Tables 1 to 4, features, segmentation, each as CSV, Markdown, LaTeX and HTML, and
                        calibration_drift, which compares predictions with the truth here and in training
    results/cohort      exclusions, and conventions.csv: units and labels, checked before anything is predicted
    evaluate.yaml       the whole configuration, with which Snakemake continues after an interruption

A system needs the views that it always saw in training; if this cohort does not have one, the tables show a dash and
say so. A cohort whose labels or units cannot be right is refused with the evidence.
"""

import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from vita.apply.records import Decisions
    from vita.config.typed import Configuration, Images, Network, System

log = logging.getLogger(__name__)
FILE = "evaluate.yaml"
OF_THE_COHORT = ("seed", "input", "phantom", "cohort", "labels", "phenotypes", "images", "evaluation", "apply",
                 "privacy", "replace_results", "training", "resources")  # fmt: skip
OF_ITS_IMAGES = ("masks", "required_views", "max_excluded", "shard_count", "max_file_mb", "resample_mm", "time",
                 "quality", "write_nifti")  # fmt: skip
SAME_SIZE = 1.05  # pixel sizes up to 5 % larger or smaller than those of the training are not resampled
LOOKED_AT = 200  # participants whose headers are read for views, masks and pixel sizes


@dataclass(frozen=True)
class Seen:
    """Information from the headers of a cohort's first participants.

    Attributes:
        views: that at least one has.
        masks: whether at least one has a mask.
        pixels_mm: smallest, middle and largest pixel; None if no header has them, as in zips.
    """

    views: frozenset[str]
    masks: bool
    pixels_mm: tuple[float, float, float] | None


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita evaluate"
    parser.add_argument("--models", type=Path, required=True, help="results/models of a finished run")
    parser.add_argument("--cohort", type=Path, required=True, help="configuration of the other cohort, YAML")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--cores", type=int, default=2, help="CPUs to use")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    args = parser.parse_args(arguments)
    import yaml

    from vita.runtime.atomic import write_text
    from vita.runtime.clone import clone

    config = configuration(args.models, args.cohort, clone())
    cli.make_folder(args.out, "--out")
    write_text(args.out / FILE, yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(clone() / "Snakefile"), "--cores", str(args.cores)]
    command += ["--directory", str(args.out), "--configfile", str(args.out / FILE)]
    ended = subprocess.run([*command, *(["-n", "--quiet", "rules"] if args.dry_run else [])], check=False)
    if ended.returncode:
        raise UserError(f"the workflow ended with an error, see above; its logs are in {args.out / 'results/logs'}")
    if not args.dry_run:
        log.info("tables are in %s", args.out / "results" / "tables")


def configuration(models: Path, cohort: Path, home: Path) -> "Configuration":
    """The whole configuration of the run that applies models to a cohort.

    Args:
        models: results/models.
        cohort: the cohort's configuration.
        home: folder of config.yaml and workflow.

    Raises:
        UserError: the models are incomplete, the cohort's file sets keys that come from them, or there is nothing to
            compare with.
    """
    from vita.apply.decisions import read_decisions
    from vita.plan.checking import check, merged, read_given

    decisions = read_decisions(models)
    _only_of_the_cohort(read_given(cohort, "--cohort"), cohort)
    config = _absolute(merged(home, [cohort], []))
    seen = look(config)
    found = {key: value for key, value in decisions["images"].items() if key not in OF_ITS_IMAGES}
    pixel_mm = _pixel_mm(config, decisions, seen)
    config["images"] = cast("Images", {**config["images"], **found, "resample_mm": pixel_mm})
    found_systems = systems(models, config, decisions, seen)
    config["model"] = cast("Network", {**config["model"], **_sizes(models, found_systems, config["model"])})
    # Snakemake merges them into those of config.yaml, which would otherwise remain
    config["systems"] = {name: block | {"tasks": []} for name, block in config["systems"].items()} | found_systems
    split = decisions.get("split", {})
    config["apply"] |= {"models": str(models.resolve()), "seed": split.get("seed"), "tested": split.get("tested")}
    config |= {"extensions": [], "products": "all", "ablations": config["ablations"] | {"run": False}}
    for stage in ("stage1", "stage2", "stage3"):
        config[stage]["init"] = None
    check(cast(dict[str, Any], config), home / "workflow" / "schemas" / "config.schema.yaml")
    return config


def _only_of_the_cohort(given: Mapping[str, Any], path: Path) -> None:
    """Check that a cohort's file does not set what the models determine.

    Raises:
        UserError: it does.
    """
    keys = [key for key in given if key not in OF_THE_COHORT]
    keys += [f"images.{key}" for key in given.get("images") or {} if key not in OF_ITS_IMAGES]
    if keys:
        raise UserError(
            f"{path}: '{keys[0]}' comes from the trained models; remove it, and keep only the cohort's own keys: "
            f"{', '.join(OF_THE_COHORT)} (of images: {', '.join(OF_ITS_IMAGES)})"
        )


def _absolute(config: "Configuration") -> "Configuration":
    """The configuration with paths that do not depend on where Snakemake runs."""
    source = config["input"]
    source["tables"] = [str(Path(path).resolve()) for path in source["tables"]]
    for key in ("withdrawals", "scans"):
        if path := source[key]:
            source[key] = str(Path(path).resolve())
    return config


def look(config: "Configuration") -> Seen:
    """Views, masks and pixel sizes of a cohort's first participants, from the headers of their files.

    Raises:
        UserError: the folder of scans cannot be read, or holds no scan.
    """
    import pandas as pd

    from vita.images.folders import find_participants
    from vita.images.index import index_participant
    from vita.images.layout import VIEWS
    from vita.images.settings import ImageSettings

    if config["input"]["source"] == "phantom":
        return Seen(frozenset(VIEWS), True, (config["phantom"]["pixel_mm"],) * 3)
    scans = config["input"]["scans"]
    if scans is None:
        raise UserError("config: 'input.scans' is null; name the folder of the cohort's scans")
    settings = ImageSettings.from_dict({"images": config["images"]})
    found = find_participants(Path(scans), set(), config["cohort"]["instance"])
    first = list(found.items())[:LOOKED_AT]
    rows = pd.DataFrame([row for eid, each in first for row in index_participant(eid, each, settings)])
    usable = rows[rows["usable"].astype(bool)] if len(rows) else rows
    if not len(usable):
        raise UserError(f"{scans}: no usable scan; `vita check` says why")
    pixels = pd.concat([usable["spacing_row_mm"], usable["spacing_column_mm"]]).dropna().astype(float)
    sizes = (float(pixels.min()), float(pixels.median()), float(pixels.max())) if len(pixels) else None
    masks = bool(usable[["seg_path", "seg4_path"]].notna().any(axis=None))
    return Seen(frozenset(usable["view"]), masks, sizes)


def _pixel_mm(config: "Configuration", decisions: "Decisions", seen: Seen) -> float | None:
    """The pixel size to resample to, one that the models know; None if the cohort's own pixel sizes are known to
    them.
    """
    own: float | None = config["images"]["resample_mm"]
    trained: float | None = decisions["images"].get("resample_mm")
    if own or trained:
        return own or trained
    low, high = decisions["seen"]["pixel_mm"]
    if seen.pixels_mm and low / SAME_SIZE <= seen.pixels_mm[0] <= seen.pixels_mm[2] <= high * SAME_SIZE:
        return None
    middle = seen.pixels_mm[1] if seen.pixels_mm else (low + high) / 2
    wanted: float = round(min(max(middle, low), high), 4)
    log.info("pixels are resampled to %.2f mm, which the models know; images.resample_mm sets another size", wanted)
    return wanted


def systems(models: Path, config: "Configuration", decisions: "Decisions", seen: Seen) -> "dict[str, System]":
    """The block `systems`: the models of the folder that can be evaluated in the cohort.

    Raises:
        UserError: nothing is left.
    """
    from vita.names import MAIN_SYSTEM, MEAN_GUESS, REGRESSION_TASKS
    from vita.plan.systems import NAMED_VIEWS
    from vita.training.stage3 import MODELS

    asked = _askable(config, seen)
    found: dict[str, System] = {}
    for path in sorted(models.glob("*/*/config.json")):
        task, system = path.parent.parent.name, path.parent.name.split("-")[0]
        if task not in asked or system not in MODELS:
            continue
        if task == "segmentation" and (lacks := _lacking(path, decisions, seen)):
            log.warning("segmentation by %s is left out: this cohort has no %s", system, ", ".join(lacks))
            continue
        block = found.setdefault(system, {"tasks": []})
        block["tasks"] += [task] if task not in block["tasks"] else []
        block |= {"view": NAMED_VIEWS[system]} if system in NAMED_VIEWS else {}
    if not found:
        raise UserError(
            f"{models}: none of these models can be compared with anything in this cohort, which has neither masks nor "
            "tables that they need; `vita predict` predicts without"
        )
    guessed = [task for task in found.get(MAIN_SYSTEM, {"tasks": []})["tasks"] if task in REGRESSION_TASKS]
    guess: dict[str, System] = {MEAN_GUESS: {"tasks": guessed}} if guessed else {}
    return guess | found


def _askable(config: "Configuration", seen: Seen) -> set[str]:
    """Tasks whose truth this cohort may hold."""
    from vita.names import PHENOTYPE_TASKS, TASKS

    tables = config["input"]["source"] == "phantom" or bool(config["input"]["tables"])
    measured = set(PHENOTYPE_TASKS) if seen.masks or (tables and config["phenotypes"]["source"] == "fields") else set()
    named = {task.name for task in TASKS if not task.name.startswith("stage")}
    others = named - set(PHENOTYPE_TASKS) - {"segmentation"} if tables else set()
    return measured | others | ({"segmentation"} if seen.masks else set())


def _lacking(path: Path, decisions: "Decisions", seen: Seen) -> list[str]:
    """Views that a model always saw in training but that nobody in the cohort has."""
    from vita.elsewhere.predict_cohort import required_views
    from vita.models.settings import LONG_AXIS, SHORT_AXIS
    from vita.training.recorded import read_recorded

    planes = read_recorded(path.parent)["model"]["view_of_plane"]
    kinds = {"sa": SHORT_AXIS}
    return sorted(
        view for view in required_views(decisions) if kinds.get(view, LONG_AXIS) in planes and view not in seen.views
    )


def _sizes(models: Path, found: "Mapping[str, System]", block: "Network") -> dict[str, object]:
    """Sizes of the trained networks, for the configuration's own checks; each model is loaded by its config.json."""
    from vita.elsewhere.predict_cohort import system_folders
    from vita.training.recorded import read_recorded

    system, task = next((name, each["tasks"][0]) for name, each in reversed(list(found.items())) if each["tasks"])
    stored: Mapping[str, object] = read_recorded(system_folders(models, task, system)[0])["model"]
    return {key: stored[key] for key in block if key in stored}


if __name__ == "__main__":
    cli.run(main)
