"""What a results folder holds, as a page of text: `vita describe [RESULTS]`. Counts below 10 are not shown."""

from collections.abc import Iterator
from pathlib import Path

from vita.results.models import find_models, results_folder
from vita.runtime import cli
from vita.runtime.privacy import shown_count

# The metric that describes a task, and its name; the first of these in a file is taken.
_METRICS = {"mae": "mean absolute error", "auc": "AUC", "macro_auc": "macro AUC", "dice": "Dice"}


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita describe"
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"), help="folder of a run")
    results = results_folder(parser.parse_args(arguments).results)
    print("\n".join(describe(results)))


def describe(results: Path) -> Iterator[str]:
    """The page's lines."""
    yield f"{results}: results of research software, not for diagnosis or treatment"
    yield ""
    yield from _cohort(results / "cohort")
    models = find_models(results)
    trained = [model for model in models if model.config]
    seconds = sum(model.config["seconds"] for model in trained)
    minutes = max(1, round(seconds / 60))
    yield f"Models: {len(trained)} of {len(models)} trained, training took {minutes} min (vita list)"
    new = (results / "models" / "decisions.json").is_file()
    yield "New scans: " + ("vita predict --model " + str(results / "models") if new else "no decisions.json yet")
    yield ""
    yield from _metrics(results / "metrics")
    for kind in ("tables", "figures"):
        names = sorted({path.stem for path in (results / kind).glob("*.csv")})
        if names:
            yield f"{kind.capitalize()}: {', '.join(names)}"


def _cohort(folder: Path) -> Iterator[str]:
    import pandas as pd

    if (folder / "split.parquet").is_file():
        counts = pd.read_parquet(folder / "split.parquet", columns=["split"])["split"].value_counts()
        parts = ", ".join(f"{name} {shown_count(int(counts.get(name, 0)))}" for name in ("train", "val", "test"))
        yield f"Participants: {shown_count(int(counts.sum()))} ({parts})"
    if (folder / "exclusions.parquet").is_file():
        steps = pd.read_parquet(folder / "exclusions.parquet", columns=["step"])["step"].value_counts()
        parts = ", ".join(f"{name} {shown_count(int(count))}" for name, count in steps.items())
        yield f"Excluded: {parts or 'nobody'}"


def _metrics(folder: Path) -> Iterator[str]:
    """A line per task: its metric of each system, averaged over the targets that the task's table prints."""
    import pandas as pd

    for task in sorted(path for path in folder.glob("*") if path.is_dir()):
        found, named = [], ""
        for path in sorted(task.glob("*.csv")):
            table = pd.read_csv(path)
            if "in_table" in table and (table["in_table"] == 1).any():
                table = table[table["in_table"] == 1]  # the average that Tables 1 to 3 print
            column = next((name for name in _METRICS if name in table and table[name].notna().any()), None)
            if column:
                named = _METRICS[column]
                found.append(f"{path.stem} {table[column].mean():.3f}")
        if found:
            yield f"{task.name}, {named}: {', '.join(found)}"
    yield ""


if __name__ == "__main__":
    cli.run(main)
