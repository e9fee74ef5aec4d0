"""The configuration: merged as Snakemake merges it, and checked against its schema and what a schema cannot state.

An error names the key and what it may be.
"""

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import yaml

from vita.cohort.icd10 import expand_all
from vita.config.coercing import coerced
from vita.config.mistakes import describe
from vita.config.reading import read_config
from vita.config.schema import load_schema
from vita.config.typed import Configuration, FineTuning, Network, Stage1, Stage2
from vita.models.settings import check_frame_scale
from vita.plan.systems import NAMED_VIEWS, stage_settings, tasks_of
from vita.runtime.errors import UserError


def check(config: dict[str, object], schema_path: Path, files: Iterable[str | Path] = ()) -> None:
    """Check a merged configuration against the schema and the rules that a schema cannot state.

    Args:
        config: what Snakemake has merged from config.yaml, presets and `--config`; a value whose meaning is certain
            gets the type that the schema wants, in place.
        schema_path: workflow/schemas/config.schema.yaml.
        files: the user's configurations, checked for what merging hides, such as a repeated key.

    Raises:
        UserError: a mistake in a file, an unknown key, a value out of range, or blocks that contradict each other.
    """
    from jsonschema import Draft202012Validator

    for path in files:
        read_config(Path(path))
    schema = load_schema(schema_path)
    config.update(coerced(config, schema))
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise UserError(f"config: {describe(errors[0], schema)}")
    checked = cast(Configuration, config)
    for step in (
        _check_sizes,
        _check_systems,
        _check_views,
        _check_losses,
        _check_projector,
        _check_starts,
        _check_codes,
    ):
        step(checked)


def _check_sizes(config: Configuration) -> None:
    """Sizes that must fit each other across blocks."""
    kept, size, patch = config["images"]["frames"], config["images"]["size"], config["model"]["patch"]
    frames = _frames(config)
    for key, count in frames.items():
        if count > kept:
            raise UserError(f"config: '{key}' is {count}, but 'images.frames' keeps only {kept}; lower the first")
    extents = [(key, count, patch[0]) for key, count in frames.items()]
    for key, extent, part in [*extents, *(("images.size", size, part) for part in patch[1:])]:
        if extent % part:
            raise UserError(
                f"config: '{key}' is {extent}, not a multiple of {part} in 'model.patch'; change one of them"
            )
    check_frame_scale(size, config["model"]["segmenter_frames"])
    width, heads = config["model"]["width"], config["model"]["heads"]
    if width % heads:
        raise UserError(
            f"config: 'model.width' is {width}, not a multiple of {heads}, the 'model.heads'; change one of them"
        )
    if (width - 1) % 8:
        raise UserError(f"config: 'model.width' is {width}; it must be 1 (view) more than a multiple of 8 (positions)")


def _frames(config: Configuration) -> dict[str, int]:
    """Every number of frames that a model of this run takes, by its key."""
    blocks: dict[str, Network | Stage1 | Stage2 | FineTuning] = {
        "model": config["model"],
        "stage1": config["stage1"],
        "stage2": config["stage2"],
    }
    blocks["stage3.defaults"] = config["stage3"]["defaults"]
    blocks |= {f"stage3.tasks.{task}": block for task, block in config["stage3"]["tasks"].items()}
    blocks |= {f"systems.{name}.stage": system.get("stage", {}) for name, system in config["systems"].items()}
    ablated = {f"ablations.frames[{place}]": count for place, count in enumerate(config["ablations"]["frames"])}
    return {f"{name}.frames": count for name, block in blocks.items() if (count := block.get("frames"))} | ablated


def _check_systems(config: Configuration) -> None:
    """Inputs and systems that depend on each other."""
    source = config["input"]
    if source["source"] == "files" and not source["scans"]:
        raise UserError("config: 'input.source' is files, but 'input.scans' names no folder; set it")
    all_products = config["products"] == "all" and not config["apply"]["models"]
    if all_products and source["source"] == "files" and not source["tables"]:
        raise UserError(
            "config: 'products' is all, which needs a UK Biobank table, but 'input.tables' is empty; "
            "name the table, or set 'products' to scans"
        )
    if all_products and not any(tasks_of(config, name) for name in config["systems"]):
        raise UserError(
            "config: 'systems' has no task in any system's 'tasks', so that no table would have a number; give one to "
            "some system, or set 'products' to scans"
        )
    if config["phenotypes"]["source"] == "fields" and source["source"] == "files" and not source["tables"]:
        raise UserError(
            "config: 'phenotypes.source' is fields, but 'input.tables' is empty; name the table, or set it to masks"
        )
    if config["ablations"]["run"] and config["stage1"]["init"]:
        raise UserError(
            "config: 'ablations.run' trains Stage I's variants from scratch, but 'stage1.init' names a start for the "
            "one that they are compared with; switch one of them off"
        )
    if set(config["systems"].get("nnunet", {"tasks": []})["tasks"]) - {"segmentation"}:
        raise UserError("config: 'systems.nnunet.tasks' may name only segmentation, which is all that nnU-Net does")
    split = config["split"]
    if max(split["val"], split["test"]) < 1 <= split["val"] + split["test"]:
        raise UserError(
            f"config: 'split.val' and 'split.test' sum to {split['val'] + split['test']:g}, "
            "which leaves nobody to train on; lower one of them"
        )


def _check_views(config: Configuration) -> None:
    """The view that a system's name implies, and what `individual` excludes."""
    for name, block in config["systems"].items():
        view = block.get("view")
        if name in NAMED_VIEWS and view != NAMED_VIEWS[name]:
            right = json.dumps(NAMED_VIEWS[name])
            raise UserError(f"config: 'systems.{name}.view' is {json.dumps(view)}, but its name says {right}; set that")
        if name == "vita" and block.get("individual"):
            raise UserError(
                "config: 'systems.vita.individual' is true, but `vita predict` applies one model per task; "
                "set it to false"
            )


def _check_losses(config: Configuration) -> None:
    """Losses of masks are for segmentation alone, and those of numbers are not for it."""
    own = config["stage3"]["tasks"].get("segmentation", {}).get("loss", "dice")
    if own not in ("dice", "dice_ce"):
        raise UserError(
            f"config: 'stage3.tasks.segmentation.loss' is {own}, a loss of numbers; set it to dice_ce or dice"
        )
    blocks = {"stage3.defaults": config["stage3"]["defaults"]}
    blocks |= {f"stage3.tasks.{task}": b for task, b in config["stage3"]["tasks"].items() if task != "segmentation"}
    systems = config["systems"].items()
    blocks |= {f"systems.{name}.stage": s.get("stage", {}) for name, s in systems if s["tasks"] != ["segmentation"]}
    for name, block in blocks.items():
        if block.get("loss") in ("dice", "dice_ce"):
            raise UserError(
                f"config: '{name}.loss' is {block['loss']}, a loss of masks; set it under 'stage3.tasks.segmentation'"
            )


def _check_projector(config: Configuration) -> None:
    """Batch normalisation needs the whole batch: computed part by part, it would normalise by other statistics."""
    stage = config["stage2"]
    if stage["projector"] == "batchnorm" and 0 < stage["chunk"] < stage["batch"]:
        raise UserError(
            f"config: 'stage2.projector' is batchnorm, but 'stage2.chunk' is {stage['chunk']}, so that only so many of "
            f"the batch of {stage['batch']} would be normalised together; set the chunk to 0, or the projector to plain"
        )


def _check_starts(config: Configuration) -> None:
    """No two tasks of a system may each wait for the other's model."""
    for system in config["systems"]:
        tasks = tasks_of(config, system)
        starts = {task: stage_settings(config, task, system)["start"] for task in tasks if task != "segmentation"}
        for task, start in starts.items():
            if start in starts and starts[start] not in (None, start) and start != task:
                raise UserError(
                    f"config: the 'start' of {task} is {start}, whose own 'start' is {starts[start]}, so that one "
                    f"waits for the other; set 'stage3.tasks.{start}.start' to null (system {system})"
                )


def _check_codes(config: Configuration) -> None:
    """Code lists of the user's own, on UK Biobank's tree of codes."""
    for disease, entries in config["labels"]["codes"].items():
        try:
            expand_all(entries)
        except UserError as error:
            raise UserError(f"config: 'labels.codes.{disease}': {error}") from error


def missing_inputs(config: Configuration) -> list[str]:
    """A message for each of the user's files and folders that is not there; the phantom needs none."""
    source = config["input"]
    if source["source"] == "phantom":
        return []
    named = [("tables", path) for path in source["tables"]]
    single = {"withdrawals": source["withdrawals"], "scans": source["scans"]}
    named += [(key, path) for key, path in single.items() if path]
    wrong = [(key, path, _wrong_path(key, Path(path))) for key, path in named]
    return [f"config: 'input.{key}' names {path}, which {reason}" for key, path, reason in wrong if reason]


def _wrong_path(key: str, path: Path) -> str:
    """Why a path cannot be what its key says, and what to write; empty if it can."""
    if not path.exists():
        literal = str(path).startswith("~") or "$" in str(path)
        return "does not exist" + ("; write the whole path, since ~ and $ are not replaced here" if literal else "")
    if key == "scans":
        return "" if path.is_dir() else "is a file; name the folder that holds the scans"
    if path.is_dir():
        return "is a folder; name the file itself"
    return "" if path.is_file() else "is no ordinary file but a pipe or device; write its content to a file"


def merged(home: Path, files: list[Path], keys: list[str]) -> Configuration:
    """A whole configuration that its schema allows.

    Args:
        home: folder of config.yaml and workflow.
        files: files that override config.yaml; later ones override earlier ones.
        keys: `key=value` with a value in YAML, which overrides everything else.

    Raises:
        UserError: a file is missing or not YAML, a key is unknown, or a value is out of range.
    """
    from snakemake.utils import update_config

    config: dict[str, Any] = {}
    for path in (home / "config.yaml", *files):
        # the presets have the same names wherever the package lies
        update_config(config, read_given(path if path.exists() or not (home / path).exists() else home / path))
    for text in keys:
        update_config(config, read_key(text))
    check(config, home / "workflow" / "schemas" / "config.schema.yaml")
    return cast(Configuration, config)


def read_given(path: Path, option: str = "--configfile") -> dict[str, Any]:
    """A configuration file that an option of the command line names, as strictly as the workflow reads it.

    Raises:
        UserError: it is missing, is not YAML or not a block of keys, or repeats a key.
    """
    if not path.exists():
        raise UserError(f"{option} names {path}, which is not there; {_near_file(path)}")
    return read_config(path)


def _near_file(path: Path) -> str:
    """The file that was probably meant, in the same folder or among the presets."""
    for folder in (path.parent, Path("workflow/presets")):
        names = [each.stem for each in folder.glob("*.yaml")] if folder.is_dir() else []
        if near := difflib.get_close_matches(path.stem, names, n=1, cutoff=0.7):
            return f"did you mean {folder / near[0]}.yaml?"
    return "look at its spelling"


def _problem(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())


def read_key(text: str) -> dict[str, Any]:
    """A key of the configuration and its value, from `KEY=VALUE` with a value in YAML.

    Raises:
        UserError: it has another form, or the value is not YAML.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UserError(f"--config got {text!r}; write KEY=VALUE, such as seed=1 or 'input={{source: files}}'")
    try:
        return {name: yaml.safe_load(value)}
    except yaml.YAMLError as error:
        raise UserError(f"--config {name}: the value is not YAML ({_problem(error)})") from error
