"""The model card: what was trained, on what, how long, how well, and what it must not be used for (Markdown).

    python -m vita.report.model_card
        --configs results/models/stage1/vita/config.json results/models/sa_phenotypes/vita/config.json ...
        --tables results/tables/table1_sa_phenotypes.md results/tables/table4_diseases.md ...   (optional)
        --settings '{"input": {"source": "phantom"}}' --output results/model_card.md --html results/model_card.html

Stage or task and system are the two folders that a config.json lies in; the tables are taken over as they are.
"""

import json
from pathlib import Path
from typing import Any

from vita import names
from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH, number
from vita.printing.web import write_card
from vita.report.data_card import SOURCES
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count

PURPOSE = """Image encoders of cardiac cine MRI (long-axis and short-axis planes through time), pretrained by
reconstructing masked patches (Stage I) and by alignment with a participant's table (Stage II), and one model per task
fine-tuned from them (Stage III), after Zhang et al., *Towards cardiac MRI foundation models*. The systems beside ViTa
are baselines for comparison."""
LIMITS = """* Research software, not a medical device: no output may guide the care of a person.
* Trained and tested on one acquisition protocol; scanners, fields of view and populations other than those of the data
  card are untested.
* Disease labels come from hospital records: who was never in hospital may be mislabelled.
* Probabilities are only as calibrated as the calibration figure shows; subgroups differ (metrics/subgroups).
* Weights may hold traces of training participants: share them only as the data's terms allow."""
HEADER = ("Stage or task", "System", "Parameters", "Steps", "Best epoch", "Validation loss", "Time, s", "Memory, MB")


def read_config(path: Path) -> dict[str, Any]:
    """A model's config.json.

    Raises:
        UserError: it is missing or not JSON.
    """
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"no config.json at {path}: run the rule that trains this model") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON ({error}): train the model again") from error
    return config


def trainings(configs: dict[Path, dict[str, Any]]) -> Printed:
    """A row per model; what an older config does not hold is a dash."""
    out = Printed("Trained models", list(HEADER), words=2)
    for path, config in configs.items():
        row = [names.task_title(path.parent.parent.name), names.title(path.parent.name)]
        row += [f"{config['parameters']:,}" if "parameters" in config else DASH]
        row += [str(config.get(name, DASH)) for name in ("steps", "best_epoch")]
        row += [number(config.get("best_val_loss"), 4), number(config.get("seconds"), 0)]
        row += [number(config.get("peak_memory_mb"), 0)]
        out.rows.append([Cell(text) for text in row])
    return out


def setting(configs: dict[Path, dict[str, Any]]) -> list[str]:
    """What all models share: seed, split, participants, sizes, versions. Differences are listed one by one."""
    lines = []
    configs = {path: config | _shown(config) for path, config in configs.items()}
    for title, key in {
        "Seed": "seed",
        "Split (hash)": "split_hash",
        "Participants": "participants",
        "Sizes": "model",
        "Versions": "versions",
        "Code (git commit)": "git_commit",
        "Hardware": "hardware",
    }.items():
        values = dict.fromkeys(_words(config[key]) for config in configs.values() if config.get(key) is not None)
        lines += [f"* {title}: {value}" for value in values]
    return lines


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """The numbers of participants by split as they may be published."""
    counts = config.get("participants")
    if not isinstance(counts, dict):
        return {}
    return {"participants": {name: shown_count(count) for name, count in counts.items()}}


def _words(value: Any) -> str:
    """A setting in words: `name value, name value` for a mapping."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--configs", nargs="+", required=True, type=Path, help="config.json of each model")
    parser.add_argument("--tables", nargs="*", default=[], type=Path, help="Markdown tables of results")
    parser.add_argument("--output", required=True, type=Path, help="Markdown to write")
    parser.add_argument("--html", required=True, type=Path, help="page to write")
    cli.add_settings(parser, "the block `input`")
    args = parser.parse_args(arguments)
    configs = {path: read_config(path) for path in args.configs}
    missing = [str(path) for path in args.tables if not path.is_file()]
    if missing:
        raise UserError(f"no table {', '.join(missing)}: run the rule make_table")
    sections = ["# Model card", "## Purpose", PURPOSE, "## Data"]
    sections += [SOURCES[args.settings.get("input", {}).get("source", "files")] + " See the data card."]
    sections += ["## Training", markdown(trainings(configs)), "\n".join(setting(configs)), "## Results"]
    sections += [path.read_text(encoding="utf-8") for path in args.tables] + ["## Limits", LIMITS]
    write_card(sections, args.output, args.html)


if __name__ == "__main__":
    cli.run(main)
