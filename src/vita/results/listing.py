"""The models of a results folder, a line each: `vita list [RESULTS]`."""

from pathlib import Path

from vita.results.models import Model, find_models, results_folder
from vita.runtime import cli

_LINE = "{:<28} {:<12} {:>12} {:>6} {:>10} {:>9}"


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita list"
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"), help="folder of a run")
    models = find_models(results_folder(parser.parse_args(arguments).results))
    print(_LINE.format("stage or task", "system", "parameters", "epoch", "val. loss", "minutes"))
    for model in models:
        print(_line(model))


def _line(model: Model) -> str:
    config = model.config
    task = model.name.rpartition("/")[0].replace("models/", "")  # with its seed, if it is a further one
    if not config:
        return f"{task:<28} {model.system:<12} not trained yet, or its config.json is damaged"
    best, minutes = config["best_val_loss"], _minutes(config["seconds"])
    loss = "none" if best is None else f"{best:.4g}"  # none: the target is unknown for everybody in training
    return _LINE.format(task, model.system, f"{config['parameters']:,}", config["best_epoch"], loss, minutes)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}" if seconds >= 3 else "<0.1"


if __name__ == "__main__":
    cli.run(main)
