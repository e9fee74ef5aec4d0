"""Predictions of a trained system for another cohort, in the files that the evaluation reads.

    python -m vita.elsewhere.predict_cohort --models other/results/models --task sa_phenotypes --model vita
        --shards results/images/shards/*.npz --split results/cohort/split.parquet
        --targets workflow/resources/targets.tsv --phenotypes results/images/phenotypes.parquet
        --predictions results/predictions/sa_phenotypes/vita.parquet

Statistics, thresholds, calibration and sizes are those of the trained model; nothing is fitted here. All participants
of the split `test` get predictions, except those without a view that the model always saw in training and for targets
that are not in the cohort's tables; a column `note` says why. `mean_guess` gives the means of the training.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from vita.apply.records import Decisions
    from vita.training.recorded import Recorded
    from vita.training.session import Session
    from vita.training.task import Task

log = logging.getLogger(__name__)
NO_COLUMN = "the cohort's tables do not have it"


@dataclass(frozen=True)
class Job:
    """What to predict, with which models and from which files.

    Attributes:
        models: folder results/models of the training.
        task, system: of it.
        shards, split, targets: of the cohort; `fields`, `phenotypes` and `labels` for a task that needs them.
        threads: CPU threads.
    """

    models: Path
    task: str
    system: str
    shards: list[Path]
    split: Path
    targets: Path
    fields: Path | None
    phenotypes: Path | None
    labels: Path | None
    threads: int


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--models", type=Path, required=True, help="results/models of the run that trained")
    parser.add_argument("--task", required=True, help="task of targets.tsv, or segmentation")
    parser.add_argument("--model", required=True, help="system")
    cli.add_samples(parser)
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet, for a task that needs it")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, for a task that needs it")
    parser.add_argument("--labels", type=Path, help="labels of the task's disease, for a task of one")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--predictions", type=Path, required=True, help="output: predictions, parquet")
    parser.add_argument("--masks", type=Path, help="output: masks, npz (segmentation)")
    args = parser.parse_args(arguments)
    import numpy as np
    import pandas as pd

    from vita.runtime.atomic import replacing

    given = {key: value for key, value in vars(args).items() if key not in ("model", "predictions", "masks")}
    job = Job(system=args.model, **given)
    if args.task == "segmentation":
        if args.masks is None:
            raise UserError("segmentation needs --masks")
        masks, table = predict_masks(job)
        with replacing(args.masks) as path:
            np.savez_compressed(path, allow_pickle=False, **masks)
    else:
        table = pd.concat([predict_folder(job, folder) for folder in folders_of(job)], ignore_index=True)
    with replacing(args.predictions) as path:
        table.to_parquet(path, index=False)


def folders_of(job: Job) -> list[Path]:
    """Folders of the system's models of the task: one, or one for each target.

    Raises:
        UserError: there is none.
    """
    from vita.names import MAIN_SYSTEM, MEAN_GUESS

    system = MAIN_SYSTEM if job.system == MEAN_GUESS else job.system
    found = system_folders(job.models, job.task, system)
    if not found:
        whole = job.models / job.task / system
        raise UserError(f"{whole}: no such folder; these models have no {job.task} by {system}")
    return found


def system_folders(models: Path, task: str, system: str) -> list[Path]:
    """Folders of a system's models of a task: one, or one for each target; none if it was not trained."""
    whole = models / task / system
    return [whole] if whole.is_dir() else sorted((models / task).glob(f"{system}-*"))


def predict_folder(job: Job, folder: Path) -> "pd.DataFrame":
    """Long table of predictions by the model of a folder, with a column `note`."""
    import pandas as pd

    from vita.names import MEAN_GUESS
    from vita.training.long_table import COLUMNS
    from vita.training.recorded import read_recorded

    config = read_recorded(folder)
    if not config["targets"]:  # a target without any known value in training
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in (COLUMNS | {"note": "object"}).items()})
    task = trained_task(job, config)
    if job.system == MEAN_GUESS:
        return _mean_guess(job, task)
    session, lacking = _session(job, config)
    parts = [_without(task, lacking, "lacks a view that this model needs")] if len(lacking) else []
    if len(session.split):
        parts.append(_predicted(session, folder, config, task).assign(note=None))
    table = pd.concat(parts, ignore_index=True)
    unknown = task.truth.columns[task.truth.isna().all()]
    table.loc[table["target"].isin(unknown), "note"] = NO_COLUMN
    return table


def trained_task(job: Job, config: "Recorded") -> "Task":
    """Targets and statistics of the trained model, with the truth in the cohort; NaN if a column is missing from its
    tables.

    Raises:
        UserError: the model has a target that is not in targets.tsv, or that has other classes there.
    """
    import numpy as np
    import pandas as pd

    from vita.cohort.split_table import read_split
    from vita.tabular.targets import read_targets
    from vita.tabular.truth import NoColumnError, load_targets
    from vita.training.task import Statistics, Task

    stored = config["targets"]
    targets = tuple(target for target in read_targets(job.targets, job.task) if target.name in stored)
    for name in stored:
        same = [t for t in targets if t.name == name and t.kind == stored[name]["kind"]]
        if not same or (same[0].classes and len(stored[name]["shares"]) != max(same[0].classes, 2)):
            raise UserError(f"the model of {job.task} has the target {name}, of which {job.targets} says otherwise")
    try:
        values = load_targets(job.targets, job.task, job.fields, job.phenotypes, job.labels)[0]
    except NoColumnError as error:
        log.warning("%s", error)
        values = pd.DataFrame(index=read_split(job.split).index)
    statistics = tuple(
        Statistics(stored[t.name]["mean"], stored[t.name]["std"], tuple(stored[t.name]["shares"])) for t in targets
    )
    names = [target.name for target in targets]
    return Task(targets, values.reindex(columns=names, fill_value=np.nan).astype(float), statistics)


def required_views(decisions: "Decisions") -> tuple[str, ...]:
    """Views that every participant of the training had."""
    from vita.images.settings import ImageSettings

    return tuple(ImageSettings.from_dict({"images": decisions["images"]}).required_views)


def _session(job: Job, config: "Recorded") -> "tuple[Session, pd.Index]":
    """The cohort opened with the trained model's settings, for people who have its views; and those who do not."""
    from dataclasses import replace

    import numpy as np

    from vita.apply.decisions import read_decisions
    from vita.images.layout import PLANE_OF_VIEW, PLANES
    from vita.models.settings import ModelSettings
    from vita.training.data import planes_seen
    from vita.training.session import open_session
    from vita.training.settings import recorded_stage

    own = {"device": "auto", "workers": 0, "devices": 1, "nodes": 1, "threads": job.threads, "precision": "32"}
    blocks = {"seed": config["seed"], "training": {**config["training"], **own}}
    blocks |= {"model": ModelSettings.recorded(config).to_dict(), "stage": recorded_stage(config)}
    session = open_session("stage3", job.shards, job.split, blocks)
    required = required_views(read_decisions(job.models))
    needed = [PLANE_OF_VIEW[view] for view in required if view in PLANE_OF_VIEW]
    needed += range(len(PLANE_OF_VIEW), len(PLANES)) if "sa" in required else []
    seen = range(len(PLANES))[planes_seen(session.model)]
    tested = session.split[session.split == "test"]
    present = session.reader.table.set_index("eid")["planes_present"].reindex(tested.index)
    complete = np.array([all(planes[each] for each in needed if each in seen) for planes in present], bool)
    return replace(session, split=tested[complete]), tested.index[~complete]


def _predicted(session: "Session", folder: Path, config: "Recorded", task: "Task") -> "pd.DataFrame":
    """Predictions as after a training, with its calibration and thresholds."""
    from vita.apply.models import Trained, predictor
    from vita.training.calibration import of_record
    from vita.training.long_table import long_table, predict
    from vita.training.predictor import PredictionLearner

    model = predictor(Trained(folder, config, {}), task.outputs)
    samples = session.samples(["test"], "predict", cached=False)
    found = predict(PredictionLearner(model, session.settings, task), samples, session.device)
    lines = {name: of_record(line) for name, line in config["calibration"].items()}
    calibrated = [lines[t.name].apply(v) if t.name in lines else v for t, v in zip(task.targets, found, strict=True)]
    return long_table(task, samples, calibrated, config["thresholds"])


def _without(task: "Task", eids: "pd.Index", why: str) -> "pd.DataFrame":
    """Rows of participants without a prediction; they have no truth either, so that no metric uses them."""
    import numpy as np
    import pandas as pd

    rows = [
        {"eid": eids, "split": "test", "target": target.name, "truth": np.nan, "prediction": np.nan, "class": place}
        for target in task.targets
        for place in (range(target.classes) if target.kind == "categorical" else [-1])
    ]
    return pd.concat([pd.DataFrame(row) for row in rows], ignore_index=True).assign(threshold=np.nan, note=why)


def _mean_guess(job: Job, task: "Task") -> "pd.DataFrame":
    """The means and shares of the training for all participants."""
    import numpy as np

    from vita.cohort.split_table import read_split
    from vita.training.long_table import long_table

    split = read_split(job.split)
    tested = split[split == "test"]

    class Everybody:
        """Participants without images."""

        eids, split = tested.index.to_numpy(np.int64), tested

        def __len__(self) -> int:
            return len(self.eids)

    guesses = [np.tile(known.shares or (known.mean,), (len(tested), 1)) for known in task.statistics]
    guesses = [g[:, 1:] if t.kind == "binary" else g for t, g in zip(task.targets, guesses, strict=True)]
    return long_table(task, Everybody(), guesses, {}).assign(note=None)


def predict_masks(job: Job) -> "tuple[dict[str, np.ndarray], pd.DataFrame]":
    """Masks of everybody who has reference masks and the model's views, and their areas.

    Raises:
        UserError: nobody has both.
    """
    from dataclasses import replace

    from vita.apply.models import Trained, segmenter
    from vita.training.recorded import read_recorded
    from vita.training.segmentation import SegmentationLearner, area_table, segment

    (folder,) = folders_of(job)
    config = read_recorded(folder)
    session, _ = _session(job, config)
    drawn = session.reader.table.set_index("eid")["has_masks"].reindex(session.split.index)
    session = replace(session, split=session.split[drawn.eq(True).to_numpy()])
    if not len(session.split):
        raise UserError(f"segmentation by {job.system}: nobody has a reference mask and all views that it needs")
    learner = SegmentationLearner(segmenter(Trained(folder, config, {})), session.settings, False)
    samples = session.whole_cycles("test")
    masks = segment(learner, samples, session.device)
    return masks, area_table(masks, samples.split, samples.frames)


if __name__ == "__main__":
    cli.run(main)
