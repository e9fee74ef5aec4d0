"""Weights with a passport: those of models that do not reveal who was in their training."""

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vita import names
from vita.evaluation.membership import GATE, verdict
from vita.models.config_file import CONFIG, WEIGHTS, read_config
from vita.runtime.atomic import write_text
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)

FOLDER = "models"
PASSPORT = "passport.json"
# of a model's config.json: what is needed to use the model, and nothing that was derived from participants' rows or
# files
_KEPT = (
    *("name", "task", "system", "model", "settings", "parameters", "steps"),
    *("targets", "features", "versions", "seed", "privacy"),
)
_DIGITS = 3


@dataclass(frozen=True)
class Judged:
    """A model and whether its weights are in the release.

    Attributes:
        title: of stage or task and system.
        folder: its path in the release; "" if the weights stay inside.
        words: why.
    """

    title: str
    folder: str
    words: str


def add_weights(results: Path, target: Path, gate: float = GATE, phantom: bool = False) -> list[Judged]:
    """Copy the weights that pass the gate, each with its passport, and give the reason why the others stay inside.

    Args:
        results: folder of a run.
        target: the release that is being made.
        gate: `privacy.membership_auc`.
        phantom: participants are synthetic, so all weights that were measured are released.
    """
    table = results / "metrics" / "membership.csv"
    rows = pd.read_csv(table) if table.is_file() else pd.DataFrame({"model": []})
    found = []
    for path in sorted((results / "models").glob(f"*/*/{WEIGHTS}")):
        folder = path.parent.relative_to(results / "models").as_posix()
        own = rows[rows["model"] == folder]
        judged = verdict(own, gate)
        title = f"{names.task_title(path.parent.parent.name)}, {names.title(path.parent.name)}"
        leaves = judged.passes or (phantom and not own.empty)
        words = judged.words if judged.passes or not leaves else f"{judged.words}; all participants are synthetic"
        found.append(Judged(title, f"{FOLDER}/{folder}" if leaves else "", words))
        if leaves:
            _copy(path.parent, target / FOLDER / folder, own, gate, words)
        else:
            log.info("weights of %s stay inside: %s", folder, words)
    return found


def stays(judged: list[Judged]) -> list[str]:
    """Sentences that say which weights stay inside and why, grouped by reason."""
    titles: dict[str, list[str]] = {}
    for each in judged:
        if not each.folder:
            titles.setdefault(each.words, []).append(each.title)
    return [f"Weights of {'; '.join(those)}: {words}." for words, those in titles.items()]


def _copy(source: Path, target: Path, rows: pd.DataFrame, gate: float, words: str) -> None:
    target.mkdir(parents=True)
    shutil.copyfile(source / WEIGHTS, target / WEIGHTS)
    config = read_config(source)
    kept = _short({key: config[key] for key in _KEPT if key in config})
    members = config.get("participants", {}).get("train", 0)
    for about in kept.get("targets", {}).values():
        if any(0 < share * members < SMALLEST_COUNT for share in about.get("shares", ())):
            about["shares"] = None  # a rare class: its share would reveal its number of people
    write_text(target / CONFIG, json.dumps(kept, indent=2, sort_keys=True) + "\n")
    attacks = [_attack(row) for _, row in rows.iterrows()]
    passport = {"membership_auc_allowed": gate, "verdict": words, "attacks": attacks}
    if "privacy" in kept:
        spent = {key: kept["privacy"][key] for key in ("epsilon", "delta", "noise", "clip")}
        passport["differential_privacy"] = spent | {"of": "the steps of Stage III, not of the weights it started from"}
    write_text(target / PASSPORT, json.dumps(passport, indent=2) + "\n")


def _attack(row: pd.Series) -> dict[str, Any]:
    """The numbers of an attack; counts of people are rounded down to tens."""
    tens = {name: int(row[name]) // SMALLEST_COUNT * SMALLEST_COUNT for name in ("members", "held_out")}
    rest = {name: row[name] for name in row.index if name not in {"model", *tens}}
    named: dict[str, Any] = _short({name: None if pd.isna(value) else value for name, value in rest.items()} | tens)
    return named


def _short(value: Any) -> Any:
    """Fractions with few digits; statistics of targets are over the whole training split."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
