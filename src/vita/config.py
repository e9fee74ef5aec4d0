"""The configuration: checked against its schema, with errors that name the key and what it may be."""

import difflib
import json
from pathlib import Path
from typing import Any

from vita.errors import UserError

# keys of a stage that say what its network is: they go to the block `model` of its settings
_OF_MODEL = ("frames", "checkpointing")
DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes", "high_blood_pressure")


def check(config: dict[str, Any], schema_path: Path) -> None:
    """Check a merged configuration against the schema and the rules that a schema cannot state.

    Args:
        config: what Snakemake has merged from config.yaml, presets and `--config`.
        schema_path: workflow/schemas/config.schema.yaml.

    Raises:
        UserError: an unknown key, a value out of range, or blocks that contradict each other.
    """
    import yaml
    from jsonschema import Draft202012Validator

    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise UserError(_describe(errors[0]))
    _check_sizes(config)
    _check_systems(config)


def _describe(error: Any) -> str:
    """One line for a schema error: the key's dotted path, its value, what is allowed."""
    where = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))[0]
        key = f"{where}.{unknown}" if where else unknown
        near = difflib.get_close_matches(unknown, known, n=1)
        prefix = f"{where}." if where else ""
        hint = f"did you mean '{prefix}{near[0]}'?" if near else f"known here: {', '.join(known)}"
        return f"config: unknown key '{key}'; {hint}"
    if error.validator == "required":
        return f"config: '{where}' lacks a key: {error.message}"
    value = json.dumps(error.instance)
    return f"config: '{where}' is {value}, which is not allowed; {_allowed(error)}"


def _allowed(error: Any) -> str:
    rule = error.validator_value
    several = " or ".join(map(str, rule)) if isinstance(rule, list) else rule
    words = {
        "minimum": f"it must be at least {rule}",
        "exclusiveMinimum": f"it must be above {rule}",
        "maximum": f"it must be at most {rule}",
        "exclusiveMaximum": f"it must be below {rule}",
        "enum": f"choose {several}",
        "type": f"it must be of type {several}",
    }
    return words.get(error.validator) or error.message


def _check_sizes(config: dict[str, Any]) -> None:
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
    width, heads = config["model"]["width"], config["model"]["heads"]
    if width % heads:
        raise UserError(
            f"config: 'model.width' is {width}, not a multiple of {heads}, the 'model.heads'; change one of them"
        )
    if (width - 1) % 8:
        raise UserError(f"config: 'model.width' is {width}; it must be 1 (view) more than a multiple of 8 (positions)")


def _frames(config: dict[str, Any]) -> dict[str, int]:
    """Every number of frames that a model of this run takes, by its key."""
    blocks = {name: config[name] for name in ("model", "stage1", "stage2")}
    blocks["stage3.defaults"] = config["stage3"]["defaults"]
    blocks |= {f"stage3.tasks.{task}": block for task, block in config["stage3"]["tasks"].items()}
    blocks |= {f"systems.{name}.stage": system.get("stage", {}) for name, system in config["systems"].items()}
    return {f"{name}.frames": block["frames"] for name, block in blocks.items() if block.get("frames")}


def _check_systems(config: dict[str, Any]) -> None:
    """Inputs and systems that need each other."""
    source = config["input"]
    if source["source"] == "files" and not source["scans"]:
        raise UserError("config: 'input.source' is files, but 'input.scans' names no folder; set it")
    if config["products"] == "all" and source["source"] == "files" and not source["tables"]:
        raise UserError(
            "config: 'products' is all, which needs a UK Biobank table, but 'input.tables' is empty; "
            "name the table, or set 'products' to scans"
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
    split = config["split"]
    if max(split.values()) < 1 <= sum(split.values()):
        raise UserError(
            f"config: 'split.val' and 'split.test' sum to {split['val'] + split['test']:g}, "
            "which leaves nobody to train on; lower one of them"
        )


def missing_inputs(config: dict[str, Any]) -> list[str]:
    """A message for each of the user's files and folders that is not there; the phantom needs none."""
    source = config["input"]
    if source["source"] == "phantom":
        return []
    named = [("tables", path) for path in source["tables"]]
    named += [(key, source[key]) for key in ("withdrawals", "scans") if source[key]]
    return [f"config: 'input.{key}' names {path}, which is not there" for key, path in named if not Path(path).exists()]


def tasks_of(config: dict[str, Any], system: str) -> list[str]:
    """The tasks of a system, with `diseases` spelt out as its six tasks."""
    tasks: list[str] = []
    for task in config["systems"].get(system, {}).get("tasks", []):
        tasks.extend([f"disease_{name}" for name in DISEASES] if task == "diseases" else [task])
    return tasks


def stage_settings(config: dict[str, Any], task: str, system: str) -> dict[str, Any]:
    """Stage III settings of a task for a system: defaults, then the task's, then the system's."""
    tasks = config["stage3"]["tasks"]
    group = "diseases" if task.startswith("disease_") else task
    layers = [
        config["stage3"]["defaults"],
        tasks.get(group, {}),
        tasks.get(task, {}),
        config["systems"][system].get("stage", {}),
    ]
    return {key: value for layer in layers for key, value in layer.items()}


def training_blocks(config: dict[str, Any], stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks `model` and `stage` of a training's settings.

    Args:
        config: the whole configuration.
        stage: `stage1`, `stage2`, or what `stage_settings` gives; its own number of frames replaces that of `model`.
    """
    own = {key: stage[key] for key in _OF_MODEL if stage.get(key) is not None}
    rest = {key: value for key, value in stage.items() if key not in ("init", *_OF_MODEL)}
    return {"model": config["model"] | {"size": config["images"]["size"]} | own, "stage": rest}
