"""The model card: what was trained, on which data, for how long, with what results, and what it must not be used for
(Markdown).

    python -m vita.report.model_card
        --configs results/models/stage1/vita/config.json results/models/sa_phenotypes/vita/config.json ...
        --tables results/tables/table1_sa_phenotypes.md results/tables/table4_diseases.md ...   (optional)
        --membership results/metrics/membership.csv   (optional)
        --settings '{"input": {"source": "phantom"}}' --output results/model_card.md --html results/model_card.html

The two folders around a config.json are its stage or task and its system; the tables are included unchanged.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation.membership import CANARIES, verdict
from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH, number
from vita.printing.web import write_card
from vita.report.data_card import SOURCES
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT, shown_count
from vita.training.recorded import Recorded, read_recorded

PURPOSE = """Image encoders of cardiac cine MRI (long-axis and short-axis planes through time), pretrained by
reconstructing masked patches (Stage I) and by alignment with a participant's table (Stage II), and one model per task
fine-tuned from them (Stage III), after Zhang et al., *Towards cardiac MRI foundation models*. The systems beside ViTa
are baselines for comparison."""
LIMITS = """* Research software, not a medical device: no output may guide the care of a person.
* Trained and tested on one acquisition protocol; scanners, fields of view and populations other than those of the data
  card are untested.
* Disease labels come from hospital records: people who were never in hospital may be mislabelled. * Probabilities are
only as calibrated as the calibration figure shows; subgroups differ (metrics/subgroups). * Weights may contain traces
of training participants (see Membership): share them only as the terms of the data allow."""
MEMBERSHIP = """How well each model's losses distinguish people of its training from others (validation and test):
the AUC of guessing by the loss, of guessing by the loss relative to that of other people who are equally difficult
(calibrated), and of the likelihood ratio over shadow trainings of the head (shadow models), with 95 % bootstrap
intervals; 0.5 is chance. TPR is the share of members who are recognised if the given share of the others (FPR) is
mistaken for members. The control is the same guess with an untrained model, or with a shadow model: it shows how the
splits differ. Numbers of people are rounded down to tens.
"""
CANARY = """Canaries are people with the targets of others, planted in shadow trainings of the head; AUC and exposure
compare them with canaries that were not planted. Without memory the AUC is 0.5 and the exposure about 1.4 bits. They
show how closely the head is fitted, and do not decide about weights.
"""
PRIVATE = """Stage III was trained with DP-SGD: epsilon and delta bound what the training of a model reveals about any
one participant. They hold for its steps, not for the weights that it started from, nor for the means, SDs and shares of
its targets.
"""
_GUESSES = {"loss": "", "calibrated": ", calibrated", "shadow": ", shadow models"}
WAIVED = "All participants are synthetic, so the weights may be released whatever the attacks find."
HEADER = ("Stage or task", "System", "Parameters", "Steps", "Best epoch", "Validation loss", "Time, s", "Memory, MB")


def trainings(configs: Mapping[Path, Recorded]) -> Printed:
    """One row per model; values that an older config does not hold are dashes."""
    out = Printed("Trained models", list(HEADER), words=2)
    for path, config in configs.items():
        row = [names.task_title(path.parent.parent.name), names.title(path.parent.name)]
        row += [f"{config['parameters']:,}" if "parameters" in config else DASH]
        row += [str(config.get(name, DASH)) for name in ("steps", "best_epoch")]
        row += [number(config.get("best_val_loss"), 4), number(config.get("seconds"), 0)]
        row += [number(config.get("peak_memory_mb"), 0)]
        out.rows.append([Cell(text) for text in row])
    return out


def membership(rows: pd.DataFrame, gate: float) -> Printed:
    """One row per model and guess, with the numbers and whether the model's weights pass the gate, which its worst
    guess decides.
    """
    head = ["Stage or task", "System", "Guessed by", "Members", "Held out", "AUC", "TPR", "FPR", "Untrained AUC"]
    out = Printed("Membership in the training", [*head, "Weights"], words=3)
    for model, found in rows[rows["attack"] != CANARIES].groupby("model", sort=False):
        judged = verdict(found, gate)
        task, _, system = str(model).partition("/")
        for place, (_, row) in enumerate(found.iterrows()):
            guess = row["signal"] + _GUESSES[row["attack"]]
            cells = [names.task_title(task), names.title(system), guess]
            cells += [str(int(row[name]) // SMALLEST_COUNT * SMALLEST_COUNT) for name in ("members", "held_out")]
            cells += [_bounded(row, "auc", ""), number(row["tpr"], 3), number(row["fpr"], 3)]
            cells += [
                _bounded(row, "untrained_auc", "untrained_"),
                "" if place else "pass" if judged.passes else "stay inside",
            ]
            out.rows.append([Cell(text) for text in cells])
    out.remarks.append(f"Weights pass if no interval of the model reaches above {gate:g} (privacy.membership_auc).")
    return out


def sung(rows: pd.DataFrame) -> Printed:
    """One row per model about the canaries in shadow trainings of its head."""
    out = Printed("Canaries", ["Stage or task", "System", "Canaries", "AUC", "Exposure, bits"], words=2)
    for _, row in rows[rows["attack"] == CANARIES].iterrows():
        task, _, system = str(row["model"]).partition("/")
        count = str(int(row["members"]) // SMALLEST_COUNT * SMALLEST_COUNT)
        cells = [names.task_title(task), names.title(system), count, _bounded(row, "auc", "")]
        cells.append(_bounded(row, "exposure_bits", "exposure_"))
        out.rows.append([Cell(text) for text in cells])
    return out


def _private(configs: Mapping[Path, Recorded]) -> list[str]:
    """The section on differential privacy; nothing without a model that was trained with it."""
    out = Printed("Differential privacy", ["Stage or task", "System", "Epsilon", "Delta", "Noise", "Clip"], words=2)
    for path, config in configs.items():
        if "privacy" in config:
            spent = config["privacy"]
            cells = [names.task_title(path.parent.parent.name), names.title(path.parent.name)]
            cells += [f"{spent['epsilon']:.2f}", *(f"{spent[key]:g}" for key in ("delta", "noise", "clip"))]
            out.rows.append([Cell(text) for text in cells])
    return ["## Differential privacy", PRIVATE, markdown(out)] if out.rows else []


def _bounded(row: pd.Series, name: str, prefix: str) -> str:
    if pd.isna(row[name]):
        return DASH
    return f"{row[name]:.3f} ({row[f'{prefix}low']:.3f} to {row[f'{prefix}high']:.3f})"


def _memory(path: Path | None, settings: Mapping[str, object]) -> list[str]:
    """The section on membership; nothing without its table."""
    if path is None:
        return []
    table = membership(pd.read_csv(path), needed(settings, "privacy.membership_auc"))
    waived = [WAIVED] if needed(settings, "input.source") == "phantom" else []
    canaries = sung(pd.read_csv(path))
    about_canaries = [CANARY, markdown(canaries)] if canaries.rows else []
    return ["## Membership", MEMBERSHIP, markdown(table), *about_canaries, *waived]


def setting(configs: Mapping[Path, Recorded]) -> list[str]:
    """What all models have in common: seed, split, participants, sizes, versions. Differences are listed one by one."""
    lines = []
    shown: list[Mapping[str, object]] = [{**config, **_shown(config)} for config in configs.values()]
    for title, key in {
        "Seed": "seed",
        "Split (hash)": "split_hash",
        "Participants": "participants",
        "Sizes": "model",
        "Versions": "versions",
        "Code (git commit)": "git_commit",
        "Hardware": "hardware",
    }.items():
        values = dict.fromkeys(_words(config[key]) for config in shown if config.get(key) is not None)
        lines += [f"* {title}: {value}" for value in values]
    return lines


def _shown(config: Recorded) -> dict[str, dict[str, str]]:
    """The numbers of participants by split as they may be published."""
    counts = config.get("participants")
    if not isinstance(counts, dict):
        return {}
    return {"participants": {name: shown_count(count) for name, count in counts.items()}}


def _words(value: object) -> str:
    """A setting in words: `name value, name value` for a mapping."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--configs", nargs="+", required=True, type=Path, help="config.json of each model")
    parser.add_argument("--tables", nargs="*", default=[], type=Path, help="Markdown tables of results")
    parser.add_argument("--membership", type=Path, help="membership.csv")
    parser.add_argument("--output", required=True, type=Path, help="Markdown to write")
    parser.add_argument("--html", required=True, type=Path, help="page to write")
    cli.add_settings(parser, "the blocks `input` and `privacy`")
    args = parser.parse_args(arguments)
    configs = {path: read_recorded(path.parent) for path in args.configs}
    missing = [str(path) for path in args.tables if not path.is_file()]
    if missing:
        raise UserError(f"no table {', '.join(missing)}: run the rule make_table")
    sections = ["# Model card", "## Purpose", PURPOSE, "## Data"]
    sections += [SOURCES[needed(args.settings, "input.source")] + " See the data card."]
    sections += ["## Training", markdown(trainings(configs)), "\n".join(setting(configs)), "## Results"]
    sections += [path.read_text(encoding="utf-8") for path in args.tables]
    sections += _private(configs)
    sections += [*_memory(args.membership, args.settings), "## Limits", LIMITS]
    write_card(sections, args.output, args.html)


if __name__ == "__main__":
    cli.run(main)
