"""What runs again after a change, and what does not: dry runs over results that are there as far as Snakemake knows.

The results are empty files of the right names. `snakemake --touch` gives them the records of a finished run (params,
inputs, checksums), which is all that a dry run looks at. The clone is a copy, so that its code can be changed.
"""

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from workflow.test_dry_runs import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
PARTS = ("Snakefile", "config.yaml", "envs", "src", "workflow", "profiles")
SMOKE = ("--configfile", "workflow/presets/smoke.yaml")
# made from the table alone, or from nothing
NO_IMAGES = {"phantom_people", "phantom_scans", "phantom_truth", "extract_fields", "collect_diagnoses"}
NO_IMAGES |= {"label_disease", "join_labels", "record_config"}
IMAGES = {"index_scans", "build_shard", "measure_phenotypes", "list_exclusions", "split_cohort"}
LAST = {"list_run_times", "report", "write_page", "audit", "release"}
LARGE = (".npz", ".safetensors")


def snakemake(clone: Path, *arguments: str, devices: str = "") -> str:
    """Snakemake in the clone, with the clone's own package, as a user calls it; returns what it prints.

    `devices` are the GPUs of the machine.
    """
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src"), "CUDA_VISIBLE_DEVICES": devices},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout + run.stderr


def planned(clone: Path, *arguments: str, devices: str = "") -> dict[str, int]:
    """Jobs by rule that a dry run plans."""
    return rules(snakemake(clone, "-n", "--quiet", "rules", *(arguments or SMOKE), devices=devices))


def rules(text: str) -> dict[str, int]:
    """Jobs by rule, from what a dry run prints."""
    counts = re.findall(r"^(\w+) +(\d+)$", snakemake_table(text), re.MULTILINE)
    return {rule: int(count) for rule, count in counts if rule not in ("all", "total")}


def messages(text: str) -> list[str]:
    """What a dry run says of each job, without the file of its log."""
    return re.findall(r"^Job \d+: (.*?)(?: \[results/logs/\S+\])?$", text, re.MULTILINE)


def snakemake_table(text: str) -> str:
    """The table of job counts; empty only where Snakemake says that nothing is to be done."""
    _, found, table = text.partition("Job stats:")
    assert found or "Nothing to be done" in text, text
    return table


def with_config(clone: Path, text: str) -> tuple[str, ...]:
    """Arguments of a run that lays a few keys over the smoke preset."""
    (clone / "change.yaml").write_text(text)
    return (*SMOKE, "change.yaml")


@contextmanager
def edited(path: Path, change: str) -> Iterator[None]:
    """The file with `change` as its last line, for as long as the block lasts."""
    before = path.read_text()
    path.write_text(f"{before}{change}\n")
    try:
        yield
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the results of a run, so far as Snakemake can tell."""
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part, follow_symlinks=False)
    summary = snakemake(folder, "--summary", *SMOKE)
    outputs = [line.split("\t")[0] for line in summary.splitlines() if line.startswith("results/")]
    assert len(outputs) > 150
    snakemake(folder, *SMOKE, "--", "results/config.json")  # a run looks into it before it starts
    for output in set(outputs) - {"results/config.json"}:
        path = folder / output
        path.parent.mkdir(parents=True, exist_ok=True)
        if output == "results/release":
            path.mkdir()
            continue
        with path.open("wb") as file:
            file.truncate(2_000_000 if path.suffix in LARGE else 0)  # large: compared by time alone
    snakemake(folder, "--touch", "--forceall", *SMOKE)
    return folder


@pytest.fixture(scope="module")
def everything(clone: Path) -> dict[str, int]:
    return planned(clone, "--forceall", *SMOKE)


def test_a_finished_run_has_nothing_to_do_with_any_number_of_cores(clone: Path) -> None:
    assert planned(clone, *SMOKE, "--cores", "8") == {}  # it was made with one


def test_everything_could_be_planned(everything: dict[str, int]) -> None:
    """So that the empty plans of the other tests mean something."""
    assert everything["train_stage1"] == 3  # of both views, with more masked, of the long axis
    assert everything["train_stage2"] == 2  # of both views, and of the long axis
    assert {"draw_fig5_phenotype_scatter", "build_shard", "train_stage3", "make_table", *LAST} <= set(everything)


def test_a_fresh_clone_with_the_same_results_reruns_nothing(clone: Path, tmp_path: Path) -> None:
    """Elsewhere, the repository's files as new as a checkout makes them, the results copied with their times."""
    fresh = tmp_path / "elsewhere"
    shutil.copytree(clone, fresh, symlinks=True)
    for path in (path for part in PARTS for path in (fresh / part).rglob("*")):
        path.touch()
    assert planned(fresh) == {}


def test_touching_files_reruns_nothing(clone: Path, tmp_path: Path) -> None:
    """In any order, those of at most 1 MB; a larger one counts as changed when it is newer."""
    touched = tmp_path / "touched"
    shutil.copytree(clone, touched, symlinks=True)
    files = [path for path in touched.rglob("*") if path.is_file() and ".snakemake" not in path.parts]
    small = [path for path in files if path.suffix not in LARGE]
    random.Random(1).shuffle(small)
    latest = max(path.stat().st_mtime for path in files)
    for order, path in enumerate(small, start=1):
        os.utime(path, (latest + order, latest + order))
    assert planned(touched) == {}


def test_comments_rerun_nothing(clone: Path) -> None:
    paths = ("src/vita/images/crop.py", "workflow/rules/images.smk", "workflow/rules/common.smk", "config.yaml")
    with ExitStack() as edits:
        for path in paths:
            edits.enter_context(edited(clone / path, "# why"))
        assert planned(clone) == {}


def test_a_figure_reruns_itself_and_the_report(clone: Path) -> None:
    with edited(clone / "src/vita/report/figures/calibration.py", "CHANGED = 1"):
        assert set(planned(clone)) == {"draw_calibration", *LAST}
    with edited(clone / "src/vita/report/figures/target_scatter.py", "CHANGED = 1"):
        assert set(planned(clone)) == {"draw_fig5_phenotype_scatter", "draw_fig6_physiological_scatter", *LAST}


def test_what_figures_share_reruns_figures_alone(clone: Path, everything: dict[str, int]) -> None:
    with edited(clone / "src/vita/report/figures/style.py", "CHANGED = 1"):
        assert set(planned(clone)) == {rule for rule in everything if rule.startswith("draw_")} | LAST


def test_the_crop_reruns_images_and_all_that_follows(clone: Path, everything: dict[str, int]) -> None:
    with edited(clone / "src/vita/images/crop.py", "CHANGED = 1"):
        after = planned(clone)
    assert set(everything) - set(after) <= NO_IMAGES | {"index_scans", "write_run_card", "make_acquisition_table"}
    assert not set(after) & NO_IMAGES
    assert after["build_shard"] == everything["build_shard"]
    assert after["train_stage3"] == everything["train_stage3"]


def test_a_stage_iii_rate_reruns_its_task_alone(clone: Path) -> None:
    arguments = with_config(clone, "stage3: {tasks: {physiological: {lr: 2.0e-3}}}\n")
    text = snakemake(clone, "-n", *arguments)
    trained = [message for message in messages(text) if message.startswith("Stage ")]
    assert trained
    assert {line.split(" with ")[0] for line in trained} == {"Stage III: physiological"}
    tables = [message.removeprefix("Table: ") for message in messages(text) if message.startswith("Table: ")]
    assert "table3_physiological" in tables
    assert not {"table1_sa_phenotypes", "table2_la_phenotypes", "table4_diseases", "segmentation"} & set(tables)
    assert not (NO_IMAGES - {"record_config"} | IMAGES) & set(rules(text))


def test_a_stage_i_setting_reruns_all_stages_and_no_images(clone: Path, everything: dict[str, int]) -> None:
    after = planned(clone, *with_config(clone, "stage1: {epochs: 3}\n"))
    assert {"train_stage1", "train_stage2", "train_stage3", "train_segmentation", "make_table"} <= set(after)
    assert not (NO_IMAGES - {"record_config"} | IMAGES) & set(after)
    assert after["train_stage3"] < everything["train_stage3"], "a baseline from scratch starts from no Stage I"


def about(jobs: list[str], kind: str) -> set[str]:
    """What the jobs of a kind are about, such as a task; a job's message is `<kind>: <what> by/with <system>`."""
    return {re.split(" by | with ", job.removeprefix(f"{kind}: "))[0] for job in jobs if job.startswith(f"{kind}: ")}


OF_DISEASES = (
    "incident_disease",
    "associations",
    "conformal",
    "label_efficiency",
    "any_part",
)  # tables beyond the paper


def test_a_code_list_reruns_its_disease_alone(clone: Path, everything: dict[str, int]) -> None:
    arguments = with_config(clone, "labels: {codes: {infarct: [I21, I22, I252]}}\n")
    text = snakemake(clone, "-n", *arguments)
    jobs = messages(text)
    assert about(jobs, "Labels") == {"infarct"}
    assert about(jobs, "Stage III") == about(jobs, "Metrics") == about(jobs, "Subgroups") == {"disease_infarct"}
    assert about(jobs, "Table") == {"table4_diseases", *OF_DISEASES}
    after = rules(text)
    reruns = {"label_disease", "join_labels", "train_stage3", "measure_classification", "measure_subgroups"}
    reruns |= {"fit_controls_disease_infarct", "make_table", "draw_calibration", "draw_learning_curves"}
    reruns |= {"record_decisions", "list_overlap", *(f"make_{table}_table" for table in OF_DISEASES)}
    reruns |= {
        "measure_membership",
        "join_membership",
        "measure_survival",
        "measure_associations",
        "measure_conformal",
        "measure_label_efficiency",
        "measure_any_part",
    }
    reruns |= {"draw_cumulative_incidence", "draw_association_map", "draw_conformal_coverage", "draw_label_curves"}
    reruns |= {"draw_availability_curves"}
    reruns |= {"record_config", "write_run_card", "write_data_card", "write_model_card", *LAST}
    assert set(after) == reruns
    assert after["train_stage3"] < everything["train_stage3"]


def test_the_same_codes_in_another_order_rerun_no_label(clone: Path) -> None:
    lists = dict(line.split("\t") for line in (clone / "workflow/resources/icd10.tsv").read_text().splitlines())
    codes = ", ".join(reversed(lists["infarct"].split()))
    after = planned(clone, *with_config(clone, f"labels: {{codes: {{infarct: [{codes}]}}}}\n"))
    assert set(after) == {"record_config", "write_run_card", *LAST}


def test_a_timing_of_labels_reruns_all_diseases_and_no_split(clone: Path, everything: dict[str, int]) -> None:
    after = planned(clone, *with_config(clone, "labels: {timing: prevalent}\n"))
    assert after["label_disease"] == everything["label_disease"] == 6
    assert not {"collect_diagnoses", "split_cohort", "train_stage1", "train_segmentation", "build_shard"} & set(after)


def test_the_papers_code_lists_balance_the_split(clone: Path, everything: dict[str, int]) -> None:
    lists = clone / "workflow/resources/icd10.tsv"
    before = lists.read_text()
    lists.write_text(before.replace("I638 I639", "I638 I639 I64"))
    try:
        after = planned(clone)
    finally:
        lists.write_text(before)
    assert after["label_disease"] == 1
    assert after["split_cohort"] == 1
    assert after["train_stage3"] == everything["train_stage3"]
    assert not {"extract_fields", "collect_diagnoses", "build_shard", "measure_phenotypes"} & set(after)


def test_a_gpu_that_comes_or_goes_reruns_nothing(clone: Path) -> None:
    assert planned(clone, devices="0,1") == {}


def test_a_gpu_that_comes_or_goes_draws_no_masks_anew(clone: Path) -> None:
    """Where the network for masks may have one, which it does not by default."""
    rows = "resources: {rules: {segment_scans: {gpus: 1}, adapt_contours: {gpus: 1}}}\n"
    masks = "images: {masks: {source: model, adapt: {steps: 10}}}\n"
    drawn = (*with_config(clone, rows + masks), "--", "results/masks/scores/00000.parquet")
    made = ("masks/scores/00000.parquet", "models/contours/contours.safetensors", "models/contours/MODEL_CARD.md")
    for path in (clone / "results" / each for each in made):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    snakemake(clone, "--touch", "--forcerun", "adapt_contours", "segment_scans", *drawn)
    assert planned(clone, *drawn, devices="0,1") == {}


def test_a_system_that_is_left_out_leaves_its_tables_and_nothing_is_trained(clone: Path) -> None:
    """No file of Table 2 is newer than the table: it follows from the list of its systems."""
    text = snakemake(clone, "-n", *with_config(clone, "systems: {vita_la: {tasks: []}}\n"))
    assert about(messages(text), "Table") == {"table2_la_phenotypes", "tableA6_masking_ratio"}
    assert about(messages(text), "Figure") == {"learning_curves", "figB9_reconstructions"}
    cards = {"record_config", "write_captions", "write_model_card", "write_run_card"}
    figures = {"draw_figB9_reconstructions", "draw_learning_curves"}
    assert set(rules(text)) == {"make_table", "make_ablation_table", *figures, *cards, *LAST}


def test_more_resamples_measure_anew_and_draw_only_what_is_drawn_from_that(clone: Path) -> None:
    text = snakemake(clone, "-n", *with_config(clone, "evaluation: {bootstrap: 200}\n"))
    assert {"measure_regression", "measure_classification", "measure_segmentation", "make_table"} <= set(rules(text))
    assert about(messages(text), "Figure") == {"fig7_segmentation", "cumulative_incidence"}
    assert not about(messages(text), "Stage III")


def test_another_command_reruns_its_rule(clone: Path) -> None:
    rules = clone / "workflow" / "rules" / "images.smk"
    before = rules.read_text()
    rules.write_text(before.replace('"python -m vita.images.phenotypes', '"python -W once -m vita.images.phenotypes'))
    try:
        assert "measure_phenotypes" in planned(clone)
    finally:
        rules.write_text(before)


def test_where_a_model_is_trained_reruns_no_model(clone: Path) -> None:
    """The run's configuration is recorded anew, and the report shows it."""
    after = planned(clone, *with_config(clone, "training: {device: cuda, cache_mb: 99}\n"))
    assert {"record_config", "report", "audit"} <= set(after)
    made = (
        "phantom_",
        "extract_",
        "collect_",
        "label_",
        "build_",
        "encode_",
        "train_",
        "measure_",
        "embed",
        "reconstruct",
    )
    assert not [rule for rule in after if rule.startswith(made)]
