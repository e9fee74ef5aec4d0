"""Every preset plans in seconds without any data, and mistakes in the config end in one line."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from presets import PRESETS, ROOT, layers
from vita.costs.operations import epoch_flop, operations
from vita.costs.trainings import split_sizes, trainings
from vita.plan.checking import merged
from vita.plan.plan import Plan
from vita.training.sections import wrapped_sections

pytestmark = pytest.mark.workflow
FEATURES = ROOT / "workflow" / "resources" / "features.tsv"


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake with this project's Snakefile in a folder of the test's own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return subprocess.run([*command, "--cores", "2", *arguments], capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Planned:
    """What a dry run plans, jobs by rule, and what it takes: by the clock, of the processor, and of memory at most."""

    jobs: dict[str, int]
    wall_s: float
    cpu_s: float
    peak_mb: float

    def numbers(self) -> dict[str, float]:
        return {"jobs": self.jobs["total"], "wall_s": self.wall_s, "cpu_s": self.cpu_s, "peak_mb": self.peak_mb}


# Runs a command and prints, as the last line, what it took apart from the tests' other child processes.
MEASURED = """
import resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
sys.exit(code)
"""


def measured_plan(folder: Path, *arguments: str) -> Planned:
    """A dry run of this project's Snakefile in a folder of the test's own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", "2", "-n", "--quiet", "rules", *arguments]
    run = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    *_, numbers = run.stdout.splitlines()
    return Planned(job_counts(run.stdout), *map(float, numbers.split()))


def job_counts(text: str) -> dict[str, int]:
    """Jobs by rule, and `total`, from the table that a dry run prints; empty where nothing is to be done."""
    table = text.partition("Job stats:")[2]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


def preset_arguments(preset: Path | None) -> list[str]:
    return ["--configfile", *map(str, layers(preset))] if preset else []


@pytest.fixture(scope="module")
def default_plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a dry run of the default configuration prints, commands too."""
    run = snakemake(tmp_path_factory.mktemp("default"), "-n", "-p")
    assert run.returncode == 0, run.stderr
    return run.stdout


def is_whole(jobs: dict[str, int], preset: str | None) -> None:
    """Assert that a plan goes from the scans to the report."""
    planned = {"train_stage1", "train_stage2", "train_stage3", "train_segmentation", "make_table", "report"}
    assert planned <= set(jobs)
    # nnU-Net would only learn what the network draws
    assert any("nnunet" in rule for rule in jobs) == (preset in ("paper", "published"))
    # the platform has no masks; the other presets' scans come with theirs
    assert ("segment_scans" in jobs) == (preset == "rap")
    assert ("phantom_scans" in jobs) == (preset in (None, "smoke", "seeds", "showcase"))


def test_the_default_plans_without_data(default_plan: str) -> None:
    is_whole(job_counts(default_plan), None)


# paper and showcase are planned by tests of their own
@pytest.mark.parametrize(
    "preset", [each for each in PRESETS if each.stem not in ("paper", "showcase")], ids=lambda path: path.stem
)
def test_presets_plan_without_data(preset: Path, tmp_path: Path) -> None:
    run = snakemake(tmp_path, "-n", "--quiet", "rules", *preset_arguments(preset))
    assert run.returncode == 0, run.stderr
    is_whole(job_counts(run.stdout), preset.stem)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "stage1={'epoch': 3}"], "unknown key 'stage1.epoch'; did you mean 'stage1.epochs'?"),
        (["--configfile", "nowhere.yaml"], "--configfile names nowhere.yaml, which is not there"),
    ],
)
def test_a_mistake_in_the_config_is_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    """The schema's, which our Snakefile checks, and one that Snakemake itself would meet; tests/plan has the others."""
    run = snakemake(tmp_path, "-n", *arguments)
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if not line.startswith("Using workflow specific profile")]
    assert line.startswith("error: ")
    assert message in line


def test_a_leakage_switch_per_task_plans_a_stage_ii_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "leak.yaml"
    config.write_text("tabular: {exclude: {diseases: [diagnoses], sa_phenotypes: [sa_phenotypes]}}\n")
    run = snakemake(tmp_path, "-n", "-p", "--configfile", str(config))
    assert run.returncode == 0, run.stderr
    counts = job_counts(run.stdout)
    assert (counts["train_stage2"], counts["encode_table"]) == (6, 3)  # three of the six see one view
    commands = re.findall(r"python -m vita\.training\.stage3 .*", run.stdout)
    for task, stage in {"disease_cad": "vita_without_diagnoses", "sa_phenotypes": "vita_without_sa_phenotypes"}.items():
        (command,) = [each for each in commands if f"--output results/models/{task}/vita " in each]
        assert f"--task {task} --model vita" in command
        assert f"--init results/models/stage2/{stage} " in command


def test_the_showcase_has_the_sizes_that_it_is_described_with(tmp_path: Path) -> None:
    """Ten sections of five frames, patches of 8, three seeds, a labelled part; the size that the cost model says."""
    showcase = next(preset for preset in PRESETS if preset.stem == "showcase")
    config = merged(ROOT, [showcase], [])
    model, images, phantom = config["model"], config["images"], config["phantom"]
    assert images["size"] >= 96
    assert model["patch"] == [5, 8, 8]
    assert phantom["participants"] >= 2000
    assert 0 < phantom["labelled"] < 1
    assert len({config["seed"], *config["seeds"]}) == 3
    frames = [frame for section in wrapped_sections(images["frames"], model["frames"]) for frame in section]
    assert sorted(frames) == list(range(50))
    # the crop must lie within the planes, at the scale of the default run
    assert min(phantom["matrix"]) > images["size"]
    default = merged(ROOT, [], [])
    view = [size * part["phantom"]["pixel_mm"] for part in (config, default) for size in part["phantom"]["matrix"]]
    assert view[:2] == pytest.approx(view[2:])
    sizes = split_sizes(config, phantom["participants"])
    found = trainings(config, ROOT / "workflow" / "resources")
    flop = sum(
        each.models * each.stage["epochs"] * epoch_flop(each, operations(each, FEATURES), sizes) for each in found
    )
    # a night of eight cores at half of 85 GFLOP a second, and not a quarter of that
    night = 8 * 3600 * 10 * 0.5 * 85e9
    assert 0.25 * night < flop < night
    plan = snakemake(tmp_path, "-n", "--quiet", "rules", "--configfile", str(showcase))
    assert plan.returncode == 0, plan.stderr
    jobs = job_counts(plan.stdout)
    is_whole(jobs, "showcase")
    assert jobs["phantom_scans"] == 30
    assert jobs["train_stage1"] >= 3  # of each seed one


# modules by the people that they read, where a part of the cohort has no labels
SEE_EVERYBODY = {"training.stage1", "training.stage2", "tabular.encoder", "evaluation.embeddings"}
SEE_EVERYBODY |= {"evaluation.reconstruction", "apply.decisions", "report.captions", "report.data_card"}
NEED_LABELS = {"training.stage3", "training.controls", "training.mean_guess", "training.freeze", "tabular.overlap"}
NEED_LABELS |= {"evaluation.measure_membership", "extensions.survival", "extensions.associations"}
NEED_LABELS |= {"extensions.any_part", "extensions.any_part_phenotypes", "extensions.directions"}
NEED_LABELS |= {"extensions.label_efficiency", "extensions.label_shares"}


def test_pretraining_sees_everybody_and_what_needs_labels_the_labelled(default_plan: str, tmp_path: Path) -> None:
    """By default, where a part of the phantom's people is labelled, and where all are."""
    commands = re.findall(r"python -m vita\.(\S+) ((?:(?!python -m).)*)", default_plan)
    splits = {(module, found) for module, rest in commands for found in re.findall(r"--split (\S+)", rest)}
    readers = {split: {module for module, found in splits if found == split} for _, split in splits}
    assert readers["results/cohort/split.parquet"] == SEE_EVERYBODY
    assert readers["results/cohort/labelled.parquet"] == NEED_LABELS
    told = {module for module, rest in commands if "--unlabelled results/phantom/unlabelled.csv" in rest}
    assert told == {"phantom.people", "cohort.labels", "cohort.exclusions"}
    whole = snakemake(tmp_path, "-n", "-p", "--config", "phantom={labelled: 1}").stdout
    assert "--split results/cohort/split.parquet" in whole
    assert "labelled.parquet" not in whole
    assert "--unlabelled" not in whole


def test_a_training_with_a_part_of_the_labels_differs_by_its_split_alone(tmp_path: Path) -> None:
    files = {
        "predictions": "results/label_efficiency/splits/10.parquet",
        "label_efficiency/predictions/10": "results/cohort/labelled.parquet",
    }
    commands = []
    for folder, split in files.items():
        plan = snakemake(tmp_path, "-n", "-p", f"results/{folder}/sa_phenotypes/mae.parquet").stdout
        commands += re.findall(r"python -m vita.training.stage3 .*", plan)
        assert split not in commands[-1]
        assert job_counts(plan)["train_stage1"] == 1  # whose weights it waits for
    whole, part = (re.sub(r" --(output|predictions) \S+| > .*", "", command) for command in commands)
    whole = whole.replace("results/cohort/labelled.parquet", "results/label_efficiency/splits/10.parquet")
    assert part.split() == [*whole.split()[:7], "--few-labels", *whole.split()[7:]]


def test_numbers_within_a_block_of_the_command_line_and_of_yaml_1_1_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("stage1: {lr: 1e-4}\ntraining: {precision: 32}\n")
    asked = ["--configfile", str(tmp_path / "own.yaml"), "--config", "stage1={epochs: 3, augment: true}"]
    run = snakemake(tmp_path, "-n", "-p", *asked, "--", "results/models/stage1/vita/model.safetensors")
    assert run.returncode == 0, run.stderr
    (command,) = [line for line in run.stdout.splitlines() if "-m vita.training.stage1" in line]
    assert all(text in command for text in ('"epochs": 3,', '"lr": 0.0001,', '"augment": true,', '"precision": "32"'))


def test_a_key_that_a_configuration_holds_twice_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("seed: 1\nstage1:\n  epochs: 3\nseed: 2\n")
    # without the profile, which reads the file before Snakemake does, our Snakefile says it
    run = snakemake(tmp_path, "-n", "--workflow-profile", "none", "--configfile", str(tmp_path / "own.yaml"))
    assert run.returncode == 1
    assert f"error: {tmp_path}/own.yaml, line 4: 'seed' is already in line 1" in run.stdout + run.stderr


def test_phenotypes_from_fields_are_planned_from_fields(tmp_path: Path) -> None:
    asked = ("-n", "-p", "--config", "phenotypes={'source': 'fields'}", "--", "results/images/phenotypes.parquet")
    assert "--fields results/cohort/fields.parquet" in snakemake(tmp_path, *asked).stdout


def test_the_paper_run_is_planned_in_ten_seconds_and_one_gigabyte(tmp_path: Path) -> None:
    """Without data; with UK Biobank's zips in tests/benchmarks/test_planning.py. Time is that of the processor: what
    else the machine does is no matter of the plan.
    """
    plan = measured_plan(tmp_path, *preset_arguments(ROOT / "workflow" / "presets" / "paper.yaml"))
    is_whole(plan.jobs, "paper")
    assert plan.cpu_s < 10
    assert plan.peak_mb < 1000


def test_every_stage_may_start_from_imported_weights(tmp_path: Path) -> None:
    for stage in ("stage1", "stage2", "stage3"):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "model.safetensors").touch()
    config = tmp_path / "init.yaml"
    starts = "".join(f"{stage}: {{init: {stage}}}\n" for stage in ("stage1", "stage2", "stage3"))
    config.write_text("ablations: {run: false}\n" + starts)
    asked = [f"results/models/{model}/vita/model.safetensors" for model in ("stage1", "stage2", "sa_phenotypes")]
    plan = snakemake(tmp_path, "-n", "-p", "--configfile", str(config), "--", *asked)
    assert plan.returncode == 0, plan.stderr
    commands = [line for line in plan.stdout.splitlines() if "python -m vita.training" in line]
    for stage in ("stage1", "stage2", "stage3"):
        assert any(f"vita.training.{stage} " in line and f"--init {stage} " in line for line in commands), stage
    assert "init" not in "".join(line.partition("--settings")[2] for line in commands)


def test_a_single_view_is_pretrained_once_and_alone(tmp_path: Path) -> None:
    """Of its own Stages I and II, shared with the ablations; never of weights that saw both views."""
    config = tmp_path / "views.yaml"
    config.write_text(
        "ablations: {run: true, mask_ratios: [], positions: [], views: [la, sa]}\n"
        "stage2: {init: elsewhere}\n"
        "tabular: {exclude: {la_phenotypes: [sa_phenotypes]}}\n"
        "systems: {vita_la: {tasks: [la_phenotypes, physiological]}, mae: {view: la, tasks: [la_phenotypes]}}\n"
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model.safetensors").touch()
    run = snakemake(tmp_path, "-n", "-p", "--configfile", str(config))
    assert run.returncode == 0, run.stderr
    counts = dict(
        line.split() for line in run.stdout.splitlines() if line.startswith(("train_stage1 ", "train_stage2 "))
    )
    assert counts == {"train_stage1": "3", "train_stage2": "5"}
    commands = [line for line in run.stdout.splitlines() if "-m vita.training.stage" in line]
    starts = {
        line.split("--output results/models/")[1].split()[0]: line.partition("--init ")[2].split()[:1]
        for line in commands
        if "[0, 0, 0]" in line
    }
    assert starts == {
        "stage1/view_la": [],
        "stage2/view_la": ["results/models/stage1/view_la"],
        "stage2/view_la_without_sa_phenotypes": ["results/models/stage1/view_la"],
        "la_phenotypes/mae": ["results/models/stage1/view_la"],
        "la_phenotypes/vita_la": ["results/models/stage2/view_la_without_sa_phenotypes"],
        "physiological/vita_la": ["results/models/stage2/view_la"],
    }


def test_a_system_may_learn_each_target_by_itself(tmp_path: Path) -> None:
    """A job for each target, with the same settings, and one that joins; a disease's task has one target anyway."""
    config = tmp_path / "individual.yaml"
    config.write_text("systems: {vit: {individual: true, tasks: [la_phenotypes, disease_cad]}}\n")
    asked = ["results/metrics/la_phenotypes/vit.csv", "results/metrics/disease_cad/vit.csv"]
    run = snakemake(tmp_path, "-n", "-p", "--configfile", str(config), "--", *asked)
    assert run.returncode == 0, run.stderr
    commands = [line for line in run.stdout.splitlines() if "-m vita.training.stage3" in line]
    starts = {line.split("--output results/models/")[1].split()[0]: line for line in commands}
    assert len(starts) == 9
    assert "--target 'LAV max'" in starts["la_phenotypes/vit-LAV_max"]
    assert "--predictions results/predictions/la_phenotypes/vit-LAV_max.parquet" in starts["la_phenotypes/vit-LAV_max"]
    assert "--target " not in starts["disease_cad/vit"]
    (joined,) = [line for line in run.stdout.splitlines() if "-m vita.training.join_targets" in line]
    assert joined.count("results/predictions/la_phenotypes/vit-") == 8
    assert "--output results/predictions/la_phenotypes/vit.parquet" in joined


def test_vita_is_tested_against_baselines_and_shown_beside_its_variants(tmp_path: Path) -> None:
    metrics = ["results/metrics/sa_phenotypes/vita.csv", "results/metrics/sa_phenotypes/vita_sa.csv"]
    run = snakemake(tmp_path, "-n", "-p", "--", *metrics, "results/tables/table1_sa_phenotypes.csv")
    assert run.returncode == 0, run.stderr
    measured = [line for line in run.stdout.splitlines() if "vita.evaluation.regression" in line]
    compared = {line.split("--model ")[1].split()[0]: line for line in measured}
    assert "--baselines" not in compared["vita_sa"]
    for system in ("mean_guess", "resnet50", "vit", "mae"):
        assert f"results/predictions/sa_phenotypes/{system}.parquet" in compared["vita"]
    assert "vita_sa" not in compared["vita"]
    table = next(line for line in run.stdout.splitlines() if "vita.report.tables" in line)
    assert all(name in table for name in metrics)


def test_ablations_are_planned_where_they_are_wanted(tmp_path: Path) -> None:
    """A Stage I or II for each variant, with its own settings, and their tables."""
    resources = ROOT / "workflow" / "resources"
    made, not_made = (
        [name for name in Plan.from_config(merged(ROOT, [], keys), resources).products.all() if "/tableA" in name]
        for keys in ([], ["ablations={run: false}"])
    )
    assert made
    assert not not_made
    config = tmp_path / "ablations.yaml"
    config.write_text(
        "ablations: {run: true, mask_ratios: [0.5, 0.7], positions: [4d], views: [sa], frames: [5, 10], taus: [0.2]}\n"
    )
    run = snakemake(tmp_path, "-n", "-p", "--configfile", str(config))
    assert run.returncode == 0, run.stderr
    counts = dict(
        line.split() for line in run.stdout.splitlines() if line.startswith(("train_stage1 ", "make_ab", "make_al"))
    )
    # 0.7 is the run's own ratio, 5 are its own frames
    assert counts == {"train_stage1": "6", "make_ablation_table": "3", "make_alignment_table": "1"}
    assert any('"tau": 0.2' in line and "stage2/tau_0_2 " in line for line in run.stdout.splitlines())
    commands = [line for line in run.stdout.splitlines() if "-m vita.training.stage1" in line]
    changed = {line.split("--output results/models/stage1/")[1].split()[0]: line for line in commands}
    assert '"mask_ratio": 0.5' in changed["mask_50"]
    assert '"frames": 10' in changed["frames_10"]
    assert '"positions": "4d"' in changed["positions_4d"]
    assert '"view_of_plane": [1, 1, 1, 1, 1, 1]' in changed["view_sa"]
    assert "view_of_plane" not in changed["vita"]


def test_the_readme_is_written_on_demand_alone(default_plan: str, tmp_path: Path) -> None:
    assert "update_readme" not in job_counts(default_plan)
    assert "vita.report.readme" in snakemake(tmp_path, "-n", "-p", "update_readme").stdout


def test_a_warning_does_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("seeds: [2026]\n")
    run = snakemake(tmp_path, "-n", "--configfile", str(tmp_path / "own.yaml"), "--", "results/cohort/split.parquet")
    assert run.returncode == 0, run.stderr
    assert "Job stats" in run.stdout
