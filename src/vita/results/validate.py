"""Whether a results folder is complete and its parts fit together: `vita validate [RESULTS]`.

It checks every model's files, that its weights can be read and are finite, that all models were trained on one split,
which is the one in cohort/, that each Stage III began with weights that are beside it, that the decisions for new scans
fit the models, and that predictions are finite and of participants of the validation and test splits only. The exit
code is 1 if there are problems, each with a line that says what to do.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from vita.names import REGRESSION_TASKS
from vita.results.models import FILES, Model, find_models, results_folder
from vita.runtime import cli
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita validate"
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"), help="folder of a run")
    results = results_folder(parser.parse_args(arguments).results)
    models = find_models(results)
    problems = list(problems_of(results, models))
    for problem in problems:
        print(problem)
    if problems:
        raise UserError(f"{results}: {len(problems)} problems; each line above says what to do")
    print(f"{results}: {len(models)} models and their predictions are complete and fit together")


def problems_of(results: Path, models: list[Model]) -> Iterator[str]:
    """A line for everything that is wrong."""
    if not models:
        yield "models/ holds no model; run the workflow"
    for model in models:
        yield from _of_model(model)
    yield from _of_split(results, models)
    yield from _of_starts(results, models)
    yield from _of_decisions(results)
    for path in sorted([*results.glob("predictions/*/*.parquet"), *results.glob("seeds/*/predictions/*/*.parquet")]):
        if path.parent.name != "reconstruction":
            yield from _of_predictions(results, path)


def _of_model(model: Model) -> Iterator[str]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    name = model.name
    missing = [file for file in FILES if not (model.folder / file).is_file()]
    if missing:
        yield f"{name}: {', '.join(missing)} is missing; {_again(model)}"
        return
    if not model.config:
        yield f"{name}: config.json is damaged; {_again(model)}"
        return
    try:
        weights = load_file(model.folder / FILES[0])
    except SafetensorError as error:
        yield f"{name}: the weights are truncated or damaged ({error}); {_again(model)}"
        return
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
        yield f"{name}: weights are not finite; train with a lower learning rate, or {_again(model)}"
    with (model.folder / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = sum(1 for _ in csv.DictReader(file))
    if rows < model.config["best_epoch"]:
        epoch = model.config["best_epoch"]
        yield f"{name}: history.csv has {rows} epochs, the weights are of epoch {epoch}; {_again(model)}"


def _again(model: Model) -> str:
    """The command that remakes a model's files, since Snakemake does not check the content of existing files."""
    file = f"results/{model.name}/{FILES[0]}"
    return f"make it again: snakemake --cores all --forcerun {file}"


def _of_split(results: Path, models: list[Model]) -> Iterator[str]:
    from vita.cohort.split_table import read_split, split_hash

    path = results / "cohort" / "split.parquet"
    if not path.is_file():
        yield "cohort/split.parquet is missing; copy it back, or run the workflow again"
        return
    # what needs labels has the split of those who have them, if not everybody does
    found = [read_split(each) for each in (path, path.with_name("labelled.parquet")) if each.is_file()]
    everybody, *labelled = [split_hash(split.index, split) for split in found]
    for model in models:
        pretrained = model.name.rpartition("models/")[2].startswith(("stage1/", "stage2/"))
        own = everybody if pretrained or not labelled else labelled[0]
        if model.config and model.config.get("split_hash") != own:
            yield f"{model.name}: was trained on a split other than that in cohort/; run the workflow again"


def _of_starts(results: Path, models: list[Model]) -> Iterator[str]:
    starts = {model.name: start for model in models if (start := model.config.get("data", {}).get("init"))}
    stages = _digests([*_weights(results, "stage*"), *_imported(results)])
    if set(starts.values()) <= stages:
        return
    # of the key `start`; only now, since reading all weights takes long
    tasks = _digests(path for task in REGRESSION_TASKS for path in _weights(results, task))
    for name, start in starts.items():
        if start not in stages | tasks:
            yield (
                f"{name}: began with weights that are no longer there; bring them back, or run the workflow again, "
                "which trains it from those of now"
            )


def _weights(results: Path, kind: str) -> list[Path]:
    """Weights of a stage or task, with every seed."""
    return [path for place in ("models", "seeds/*/models") for path in results.glob(f"{place}/{kind}/*/{FILES[0]}")]


def _digests(paths: Iterable[Path]) -> set[str]:
    from vita.training.session import file_digest

    return {file_digest(path) for path in paths}


def _imported(results: Path) -> list[Path]:
    """Weights from elsewhere that the run was configured to start from (`stage1.init` and so on)."""
    path = results / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    folders = [config.get(stage, {}).get("init") for stage in ("stage1", "stage2", "stage3")]
    # relative paths start from the workflow's folder, the one that holds results/
    files = [results.absolute().parent / folder / "model.safetensors" for folder in folders if folder]
    return [file for file in files if file.is_file()]


def _of_decisions(results: Path) -> Iterator[str]:
    from vita.apply.decisions import FILE, read_decisions
    from vita.apply.models import open_model

    models = results / "models"
    if not (models / FILE).is_file():
        return  # as in a run from scans alone
    try:
        decisions = read_decisions(models)
        for task in decisions["tasks"]:
            open_model(models, task, decisions)
    except UserError as error:
        yield str(error)


def _of_predictions(results: Path, path: Path) -> Iterator[str]:
    import numpy as np
    import pandas as pd

    from vita.cohort.split_table import read_split

    name, table = path.relative_to(results), pd.read_parquet(path)
    if missing := {"eid", "split", "target", "truth", "prediction"} - set(table.columns):
        yield f"{name}: has no column {', '.join(sorted(missing))}; remove the file, and run the workflow again"
        return
    if not np.isfinite(table["prediction"].to_numpy(float)).all():
        yield f"{name}: predictions are not finite; train its model with a lower learning rate"
    split = results / "cohort" / "split.parquet"
    if split.is_file():
        known = read_split(split).reindex(table["eid"]).to_numpy()
        if (known != table["split"].to_numpy()).any() or set(table["split"]) - {"val", "test"}:
            yield (
                f"{name}: participants are not in the split that cohort/split.parquet gives; remove the file, and run "
                "the workflow again"
            )


if __name__ == "__main__":
    cli.run(main)
