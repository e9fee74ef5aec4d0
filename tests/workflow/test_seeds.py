"""Several seeds are planned: what is trained again with each, from what, and what stays the same for all."""

from pathlib import Path

import pytest

from workflow.test_dry_runs import job_counts, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
CONFIG = """
seeds: [7, 8]
ablations: {run: false}
systems:
  mean_guess: {tasks: [la_phenotypes]}
  vita: {tasks: [la_phenotypes]}
  mae: {tasks: [la_phenotypes], individual: true}
"""
REST = (
    "demographics",
    "brightness",
    "random_encoder",
    "probe_mae",
    "probe_vita",
    "resnet50",
    "vit",
    "vita_sa",
    "vita_la",
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("seeds")
    (folder / "own.yaml").write_text(CONFIG + "".join(f"  {name}: {{tasks: []}}\n" for name in REST))
    table = "results/tables/table2_la_phenotypes.csv"
    run = snakemake(folder, "-n", "-p", "--configfile", str(folder / "own.yaml"), "--", table)
    assert run.returncode == 0, run.stderr
    return run.stdout


def commands(plan: str, module: str) -> list[str]:
    return [line for line in plan.splitlines() if f"python -m {module}" in line]


def test_trainings_are_repeated_and_all_else_is_made_once(plan: str) -> None:
    counts = job_counts(plan)
    trained = {"train_stage1": 3, "train_stage2": 3, "train_stage3": 3 * (1 + 8), "join_targets": 3}
    measured = {"measure_regression": 1 + 3 * 2, "average_seeds": 2, "make_table": 1}
    once = dict.fromkeys(("split_cohort", "encode_table", "measure_phenotypes", "guess_mean"), 1)
    wanted = trained | measured | once
    assert {rule: counts[rule] for rule in wanted} == wanted


def test_a_training_of_a_further_seed_has_that_seed_and_starts_from_its_own_stages(plan: str) -> None:
    trainings = commands(plan, "vita.training.stage")
    again = [command for command in trainings if "results/seeds/7/" in command]
    assert len(again) == 1 + 1 + 9
    assert all('"seed": 7' in command for command in again)
    for command in again:
        people = "labelled" if "training.stage3" in command else "split"
        assert f"--split results/cohort/{people}.parquet" in command
    (second,) = [command for command in again if "vita.training.stage2" in command]
    assert "--init results/seeds/7/models/stage1/vita " in second
    assert "--encoded results/tabular/encoded.parquet" in second
    third = [command for command in again if "vita.training.stage3" in command]
    starts = {command.partition("--init ")[2].split()[0] for command in third}
    assert starts == {f"results/seeds/7/models/{stage}/vita" for stage in ("stage1", "stage2")}
    own = [command for command in trainings if "results/seeds/" not in command]
    assert len(own) == 11
    assert not any('"seed": 7' in command or '"seed": 8' in command for command in own)


def test_tests_against_baselines_are_of_the_runs_own_seed(plan: str) -> None:
    measured = [command for command in commands(plan, "vita.evaluation.regression") if "--model vita " in command]
    assert sorted("--baselines" in command for command in measured) == [False, False, True]
    (table,) = commands(plan, "vita.report.tables")
    assert all(f"results/seeds/metrics/la_phenotypes/{name}.csv" in table for name in ("mae", "vita"))
