"""Variants of trainings: ablations, systems with one view, further seeds; what each changes, and where it is found.

A further seed changes the weights at the start, the order of batches and all that is drawn in training. Cohort, split,
shards and table stay those of `seed`, so that results of different seeds differ by training alone.
"""

import re
from dataclasses import dataclass, field

from vita.config.typed import Configuration
from vita.names import ABLATION_TABLES, ALIGNMENT_TABLE, FRAMES_TABLE, POSITIONS

# what a single view sees: planes of one view, as `model.view_of_plane`
VIEWS = {"la": ([0] * 3, "long axis alone"), "sa": ([1] * 6, "short axis alone")}
SEED_PATTERN = r"|seeds/\d+/"  # of the wildcard: nothing for `seed` itself


@dataclass(frozen=True)
class Variant:
    """A Stage I of its own.

    Attributes:
        title: as figures print it.
        rows: its row in each table that has one.
        model: keys of the block `model` that it changes; `stage`: of the block `stage1`.
    """

    title: str
    rows: dict[str, str]
    model: dict[str, object] = field(default_factory=dict)
    stage: dict[str, object] = field(default_factory=dict)


def variants(config: Configuration) -> dict[str, Variant]:
    """All variants by name: `vita`, the run's own Stage I, first.

    Ablations are included if `ablations.run` is true, and a single view also if a system has that view. A value that
    the run's own Stage I already has is not a variant.
    """
    wanted, ratio, positions = config["ablations"], config["stage1"]["mask_ratio"], config["model"]["positions"]
    encoding, masking = ABLATION_TABLES
    found = {"vita": Variant(f"Both views, {100 * ratio:g} %", {encoding: POSITIONS[positions], masking: f"{ratio:g}"})}
    if not wanted["run"]:
        wanted = {**wanted, "mask_ratios": [], "positions": [], "views": [], "frames": []}
    own = config["stage1"]["frames"] or config["model"]["frames"]
    for frames in wanted["frames"]:
        found["vita"].rows[FRAMES_TABLE] = f"{own}"
        if frames != own:
            title = f"{frames} frames, {100 * ratio:g} %"
            found[f"frames_{frames}"] = Variant(title, {FRAMES_TABLE: f"{frames}"}, model={"frames": frames})
    for value in wanted["mask_ratios"]:
        if value != ratio:
            name = f"mask_{100 * value:g}".replace(".", "_")
            found[name] = Variant(
                f"Both views, {100 * value:g} %", {masking: f"{value:g}"}, stage={"mask_ratio": value}
            )
    for code in wanted["positions"]:
        if code != positions:
            title = POSITIONS[code]
            found[f"positions_{code}"] = Variant(f"{title} positions", {encoding: title}, model={"positions": code})
    started = {block.get("view") for block in config["systems"].values() if block.get("init") and block["tasks"]}
    for view, (_, words) in VIEWS.items():
        if view in started or view in wanted["views"]:
            row = {masking: f"{ratio:g}, {words}"}
            found[pretrained(view)] = Variant(words.capitalize(), row, model={**seen(view)})
    return found


def seen(view: str | None) -> dict[str, list[int]]:
    """What a view changes in the block `model`; None sees both views."""
    return {"view_of_plane": VIEWS[view][0]} if view else {}


def pretrained(view: str | None) -> str:
    """The variant of Stage I, and of Stage II, that a system with this view starts from; None sees both views."""
    return f"view_{view}" if view else "vita"


def alignments(config: Configuration) -> dict[str, Variant]:
    """Variants of Stage II by name, the run's own first; empty unless `ablations.run` names a tau or a lambda."""
    wanted, stage = config["ablations"], config["stage2"]
    lists = {"tau": wanted["taus"], "lambda": wanted["lambdas"]}
    own = {"tau": stage["tau"], "lambda": stage["lambda"]}
    if not wanted["run"] or not any(lists.values()):
        return {}

    def variant(changed: dict[str, float]) -> Variant:
        values = own | changed
        title = ", ".join(f"{key} {value:g}" for key, value in values.items())
        return Variant(title, {ALIGNMENT_TABLE: title}, stage={**changed})

    found = {"vita": variant({})}
    for key, values in lists.items():
        for value in values:
            if value != own[key]:
                found[f"{key}_{value:g}".replace(".", "_").replace("-", "_")] = variant({key: value})
    return found


def further_seeds(config: Configuration) -> list[int]:
    """The seeds of `seeds` that are not `seed` itself."""
    return [seed for seed in config["seeds"] if seed != config["seed"]]


def seed_place(seed: int) -> str:
    """The part between `results/` and `models/`, `predictions/` or `metrics/` in the paths of a further seed."""
    return f"seeds/{seed}/"


def seed_at(repeat: str, config: Configuration) -> int:
    """The seed of a place; that of the run where there is none."""
    found = re.fullmatch(r"seeds/(\d+)/", repeat)
    return int(found[1]) if found else int(config["seed"])
