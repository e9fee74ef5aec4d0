"""Mistakes in configurations, data and commands: each is one line that names the key or file and what to do.

`vita check` reports them all and so does the workflow before its first job, since it runs the same checks.
"""

import gzip
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from safetensors.numpy import save_file

import filled
from check import cohort
from cohort import world
from vita import command
from vita.apply.decisions import VERSION
from vita.check.command import main as check
from vita.names import SYSTEMS as _SYSTEMS

SYSTEMS = [each.name for each in _SYSTEMS if each.name != "nnunet"]
MOST_S = 10.0  # of the processor, so that a busy machine is no mistake

PHANTOM: list[tuple[dict[str, Any], list[str]]] = [
    ({"stage1": {"lrr": 0.1}}, ["'stage1.lrr'", "did you mean 'stage1.lr'?"]),
    ({"stage4": {}}, ["'stage4'", "did you mean"]),
    ({"stage1": {"epoch": 3}}, ["unknown key 'stage1.epoch'; did you mean 'stage1.epochs'?"]),
    (
        {"split": {"val": "two"}},
        ["'split.val' is \"two\", which is not allowed; it must be a number of at least 0"],
    ),
    (
        {"phantom": {"labelled": 0}},
        ["'phantom.labelled' is 0, which is not allowed; it must be a number above 0 and at most 1"],
    ),
    ({"seed": "one"}, ["'seed'", "it must be a whole number"]),
    ({"stage1": {"epochs": 0}}, ["'stage1.epochs' is 0", "at least 1"]),
    ({"labels": {"timing": "incidents"}}, ["'labels.timing'", "did you mean incident?"]),
    ({"stage1": {"lr": float("nan")}}, ["'stage1.lr' is nan", "not a finite number; write one"]),
    ({"stage2": {"weight_decay": float("inf")}}, ["'stage2.weight_decay' is inf", "write one"]),
    ({"evaluation": {"significance": float("nan")}}, ["'evaluation.significance' is nan", "write one"]),
    ({"tabular": {"exclude": ["diagnosis"]}}, ["'tabular.exclude' names diagnosis", "did you mean diagnoses?"]),
    ({"tabular": {"exclude": ["xyz"]}}, ["'tabular.exclude' names xyz", "groups are activity, alcohol"]),
    (
        {"tabular": {"exclude": {"diseases": ["medications"]}}},
        ["'tabular.exclude.diseases' names medications", "did you mean medication?"],
    ),
    ({"tabular": {"exclude": {"disease": ["medication"]}}}, ["'tabular.exclude.disease'", "did you mean"]),
    (
        {"systems": {"resnet50": {"tasks": ["segmentation"]}}},
        ["'systems.resnet50.tasks' names segmentation", "leave it out there"],
    ),
    (
        {"systems": {"brightness": {"tasks": ["segmentation"]}}},
        ["'systems.brightness.tasks' names segmentation", "leave it out there"],
    ),
    (
        {"systems": {"mean_guess": {"tasks": ["diseases"]}}},
        ["'systems.mean_guess.tasks' names disease_cad", "keep only sa_phenotypes"],
    ),
    ({"systems": {"nnunet": {"tasks": ["diseases"]}}}, ["'systems.nnunet.tasks'", "only segmentation"]),
    (
        {"images": {"masks": {"source": "model", "command": "no_such_program {scan} {mask}"}}},
        ["'images.masks.command' names no_such_program, which is not on this machine", "give its whole path"],
    ),
    (
        {"images": {"masks": {"source": "model", "command": "python3 {scan}"}}},
        ["'images.masks.command' names {scan}", "{frames} and {masks}"],
    ),
    (
        {"images": {"masks": {"command": "python3 {scan} {mask}"}}},
        ["'images.masks.command' is set, but 'images.masks.source' is files", "model or both"],
    ),
    ({"systems": {"vita_sa": {"view": "la"}}}, ["'systems.vita_sa.view'", "set that"]),
    ({"systems": {"vita": {"individual": True}}}, ["'systems.vita.individual'", "set it to false"]),
    (
        {"stage1": {"init": "/nowhere"}, "ablations": {"run": False}},
        ["'stage1.init' names /nowhere", "set it to null"],
    ),
    ({"stage2": {"init": "/nowhere"}}, ["'stage2.init' names /nowhere", "set it to null"]),
    ({"stage3": {"init": "/nowhere"}}, ["'stage3.init' names /nowhere", "set it to null"]),
    ({"split": {"test": 5000}}, ["'split.test' is 5000", "865 participants", "lower it"]),
    ({"split": {"val": 700, "test": 300}}, ["'split.val' is 700", "lower it"]),
    ({"split": {"test": 0.9}}, ["'split.test'", "lower one of them"]),
    ({"split": {"val": 0}}, ["'split.val' is 0", "raise it"]),
    ({"stage1": {"batch": 1300}}, ["'stage1.batch' is 1300", "leaves 1,190 participants", "lower it"]),
    ({"stage2": {"batch": 2000}}, ["'stage2.batch' is 2000", "lower it"]),
    ({"stage2": {"batch": 1}}, ["'stage2.batch' is 1", "at least 2"]),
    (
        {"stage3": {"tasks": {"segmentation": {"batch": 900}}}},
        ["'stage3.tasks.segmentation.batch' is 900", "lower it"],
    ),
    ({"systems": {"resnet50": {"stage": {"batch": 900}}}}, ["'systems.resnet50.stage.batch' is 900", "lower it"]),
    ({"model": {"heads": 4}}, ["'model.heads'", "change one of them"]),
    ({"model": {"width": 110}}, ["'model.width' is 110", "it must be 1 (view) more"]),
    ({"images": {"size": 50}}, ["'images.size' is 50", "change one of them"]),
    ({"images": {"size": 36}}, ["'images.size' is 36", "a multiple of 8", "set 'model.segmenter_frames' to 0"]),
    ({"model": {"frames": 40}}, ["'model.frames' is 40", "lower the first"]),
    ({"labels": {"incident_years": 5}}, ["'labels.incident_years' is 5", "set the first to null"]),
    ({"labels": {"follow_up_end": "31/12/2020"}}, ["labels.follow_up_end: '31/12/2020'", "'2022-10-31', in quotes"]),
    (
        {"labels": {"timing": "incident", "follow_up_end": {"england": "2022-10-31"}}},
        ["labels.follow_up_end", "one each for"],
    ),
    ({"input": {"tables": ["/x.csv"]}}, ["'input.tables' is set", "'input.source' is phantom", "to files"]),
    ({"input": {"source": "phantom", "scans": "/scans"}}, ["'input.scans' is set", "take the first out"]),
    ({"stage1": {"mask_ratio": 1.0}}, ["'stage1.mask_ratio' is 1.0", "below 1"]),
    ({"extensions": ["survial"]}, ["'extensions.0'", "did you mean survival?"]),
    ({"extensions": "survival"}, ["'extensions' is \"survival\"", "it must be a list"]),
    ({"seeds": [1, 1]}, ["'seeds' is [1, 1]", "must not repeat an entry"]),
    ({"seeds": [-1]}, ["'seeds.0' is -1", "from 0"]),
    ({"seed": 10**20}, ["'seed' is 1000", "from 0 to 2147483647"]),
    ({"split": {"test": "10%"}}, ["'split.test' is \"10%\"", "write a fraction: 0.1"]),
    ({"stage1": {"lr": "0,001"}}, ["'stage1.lr' is \"0,001\"", "write a point: 0.001"]),
    ({"stage1": {"lr": True}}, ["'stage1.lr' is true", "it must be a number"]),
    ({"model": {"patch": [5, 8.5, 8]}}, ["'model.patch.1' is 8.5", "it must be a whole number"]),
    ({"input": {"source": "files", "scans": "s", "tables": ["a", "a"]}}, ["'input.tables'", "must not repeat"]),
    ({"input": {"source": "files", "scans": "s", "tables": [None]}}, ["'input.tables.0' is null", "must be text"]),
    (
        {"apply": {"models": "/nowhere"}, "ablations": {"run": False}},
        ["'apply.models' names /nowhere", "set it to null"],
    ),
    ({"systems": {"vitta": {}}}, ["'systems.vitta'", "did you mean 'systems.vita'?"]),
    ({"systems": None}, ["'systems' is null", "a block of keys"]),
    ({"evaluation": {"bootstrap": -5}}, ["'evaluation.bootstrap' is -5", "at least 100"]),
    ({"ablations": {"positions": ["5d"]}}, ["'ablations.positions.0'", "choose block or"]),
    ({"images": {"required_views": ["sax"]}}, ["'images.required_views.0'", "did you mean sa?"]),
    ({"resources": {"drw": {"mem_mb": 100}}}, ["'resources.drw'", "did you mean 'resources.rules.draw'?"]),
    ({"optimizer": "muon"}, ["unknown key 'optimizer'", "'stage1.optimizer'"]),
    ({"privacy": {"cell": 1}}, ["'privacy.cell' is 1", "at least 10"]),
    ({"phantom": {"participants": 12}}, ["'phantom.participants' is 12", "from 20"]),
    ({"cohort": {"ethnicity": "klingon"}}, ["'cohort.ethnicity'", "it must be a list"]),
    ({"labels": {"codes": {"infarct": ["I299"]}}}, ["'labels.codes.infarct'", "I299"]),
    ({"training": {"precision": "fp16", "device": "cpu"}}, ["'training.precision' is fp16", "32 or bf16"]),
    ({"training": {"device": "cuda"}}, ["'training.device' is cuda", "auto or cpu"]),
    ({"training": {"cache_mb": 10**9}}, ["'training.cache_mb'", "MB of memory; lower it"]),
    ({"stage3": {"defaults": {"loss": "dice"}}}, ["'stage3.defaults.loss' is dice", "set it under"]),
    (
        {"stage1": {"init": "/nowhere"}, "ablations": {"run": True}},
        ["'ablations.run' trains", "but 'stage1.init' names a start", "switch one of them off"],
    ),
    ({"input": {"source": "files", "scans": "s"}}, ["'products' is all", "name the table, or set 'products' to scans"]),
    (
        {"input": {"source": "files", "scans": "s"}, "products": "scans", "phenotypes": {"source": "fields"}},
        ["'phenotypes.source' is fields, but 'input.tables' is empty", "or set it to masks"],
    ),
    (
        {"stage3": {"tasks": {"segmentation": {"loss": "mse"}}}},
        ["'stage3.tasks.segmentation.loss' is mse, a loss of numbers", "set it to dice_ce or dice"],
    ),
    (
        {
            "stage3": {
                "tasks": {"sa_phenotypes": {"start": "la_phenotypes"}, "la_phenotypes": {"start": "sa_phenotypes"}}
            }
        },
        ["waits for the other; set 'stage3.tasks.la_phenotypes.start' to null"],
    ),
    ({"phantom": {"broken_scans": 400}}, ["'phantom.broken_scans' is 400", "lower the first"]),
    ({"phantom": {"broken_scans": 900, "withdrawn": 900}}, ["'phantom.withdrawn' sum to 1800", "lower the first two"]),
    ({"phantom": {"matrix": [30, 80]}}, ["'images.size' is 48", "'phantom.matrix' has 30", "enlarge the second"]),
    (
        {"images": {"write_nifti": "/etc/passwd/here"}},
        ["'images.write_nifti' names /etc/passwd/here", "name another folder"],
    ),
    ({"stage1": {"optimizer": "AdamW"}}, ["'stage1.optimizer'", "did you mean adamw?"]),
    ({"Stage1": {"lr": 0.1}}, ["unknown key 'Stage1'", "did you mean 'stage1'?"]),
    ({"stage3": {"tasks": {"segmentation": {"loss": "mse"}}}}, ["'stage3.tasks.segmentation.loss' is mse", "dice_ce"]),
    (
        {"stage3": {"tasks": {"diseases": {"start": "segmentation"}}}},
        ["'stage3.tasks.diseases.start'", "choose sa_phenotypes or la_phenotypes or physiological or null"],
    ),
    (
        {
            "stage3": {
                "tasks": {"sa_phenotypes": {"start": "la_phenotypes"}, "la_phenotypes": {"start": "physiological"}}
            }
        },
        ["the 'start' of sa_phenotypes is la_phenotypes", "set 'stage3.tasks.la_phenotypes.start' to null"],
    ),
    ({"images": {"quality": {"pixel_mm": 1.0}}}, ["'phantom.pixel_mm' is 3.6, above", "change one of them"]),
    (
        {"images": {"quality": {"few_frames": 25, "exclude": ["few_frames"]}}},
        ["'phantom.frames' is 20, below 'images.quality.few_frames' (25)", "change one of them"],
    ),
    (
        {"images": {"quality": {"slice_gap_mm": 5, "exclude": ["slice_gap_mm"]}}},
        ["'phantom.sa_spacing_mm' is 10, above 'images.quality.slice_gap_mm' (5)", "change one of them"],
    ),
    (
        {"phantom": {"frames": 10}, "images": {"time": "refuse"}},
        ["'images.time' is refuse", "'phantom.frames' is 10", "make the numbers equal"],
    ),
    ({"phantom": {"batches": 10000}}, ["'phantom.batches' is 10000", "1500 participants", "lower it"]),
    ({"images": {"masks": {"labels": {"LV": 1}}}}, ["'images.masks.labels' has LV: 1", "it numbers LVBP, LVMYO, RVBP"]),
    (
        {"images": {"masks": {"labels": {"LVBP": 1, "LVMYO": 1}}}},
        ["'images.masks.labels' gives two structures the same number"],
    ),
    ({"images": {"write_nifti": ""}}, ["'images.write_nifti'", "must not be empty; use null for none"]),
    (
        {"input": {"source": "files", "scans": "s", "withdrawals": ""}},
        ["'input.withdrawals'", "must not be empty; use null for none"],
    ),
    ({"input": {"source": "files", "scans": "s", "tables": [""]}}, ["'input.tables.0'", "must not be empty"]),
    ({"cohort": {"ethnicity": [9999]}}, ["'cohort.ethnicity.0' is 9999", "choose 1 or 1001"]),
    (
        {"labels": {"timing": "incident", "follow_up_end": "2202-10-31"}},
        [
            "'labels.follow_up_end' is 2202-10-31, which is in the future",
            "the last day that the hospital records cover",
        ],
    ),
    (
        {"labels": {"timing": "incident", "follow_up_end": "1922-10-31"}},
        ["'labels.follow_up_end' is 1922-10-31, which is before any participant was scanned"],
    ),
    ({"split": {"test": 0}}, ["'split.test' is 0, which is none of 865 participants", "raise it"]),
    ({"split": {"test": 1}}, ["'split.test' is 1, which is 1 of 865 participants", "give a fraction below 1"]),
    ({"split": {"test": 1.5}}, ["split.test: 1.5 is neither a fraction", "write either"]),
    ({"split": {"held_out": 0.1}}, ["split.held_out: 0.1 is less than split.test", "raise the first"]),
    ({"training": {"nodes": 4}}, ["'training.nodes' is 4, but this run is on one machine", "set the key to 1"]),
    ({"learning_rate": 0.1}, ["unknown key 'learning_rate'; did you mean 'stage1.lr' or 'stage2.lr'"]),
    ({"resources": {"rules": {"train_stage1": {"mem_mb": "4GB"}}}}, ["'resources.rules.train_stage1.mem_mb'", "(MB)"]),
    ({"input": {"source": "files"}}, ["'input.scans' names no folder", "set it"]),
    ({"systems": {name: {"tasks": []} for name in SYSTEMS}}, ["'systems' has no task", "set 'products' to scans"]),
    ({"systems": {"vita": {"stage": {"learning_rate": 0.1}}}}, ["did you mean 'systems.vita.stage.lr'?"]),
    ({"stage1": {"batch_size": 8}}, ["unknown key 'stage1.batch_size'; did you mean 'stage1.batch'?"]),
    ({"resources": {"default": {"memory": 3}}}, ["did you mean 'resources.default.mem_mb'?"]),
    ({"stage3": {"tasks": {"diseases": {"epoch": 3}}}}, ["did you mean 'stage3.tasks.diseases.epochs'?"]),
    ({"images": {"quality": {"pixelmm": 3}}}, ["did you mean 'images.quality.pixel_mm'?"]),
    ({"images": {"masks": {"adapt": {"step": 3}}}}, ["did you mean 'images.masks.adapt.steps'?"]),
    ({"masks": {"source": "model"}}, ["unknown key 'masks'; did you mean 'images.masks'?"]),
    ({"resources": {"rules": {"draw": {"mem_mb": -5}}}}, ["'resources.rules.draw.mem_mb' is -5", "at least 1 (MB)"]),
    ({"systems": {"vita": {"tasks": ["disease"]}}}, ["'systems.vita.tasks.0'", "did you mean diseases?"]),
    ({"systems": {"vita": {"tasks": "diseases"}}}, ["'systems.vita.tasks' is \"diseases\"", "it must be a list"]),
    ({"systems": {"vita": {"init": "stage3"}}}, ["'systems.vita.init'", "choose null or stage1 or stage2"]),
    ({"systems": {"nnunet": {}}}, ["'systems.nnunet.tasks' is not set"]),
    ({"ablations": {"run": "yes"}}, ["'ablations.run' is \"yes\"", "true or false"]),
    ({"ablations": {"frames": [7]}}, ["'ablations.frames[0]' is 7, not a multiple of 5 in 'model.patch'"]),
    ({"ablations": {"mask_ratios": [1.0]}}, ["'ablations.mask_ratios.0' is 1.0", "below 1"]),
    ({"model": {"patch": [12, 12]}}, ["'model.patch' is [12, 12]", "a list of length 3"]),
    ({"images": {"required_views": []}}, ["'images.required_views' is []", "at least one entry"]),
    ({"images": {"masks": {"adapt": {"steps": 100}}}}, ["'images.masks.adapt.steps' is 100", "or this to 0"]),
    ({"labels": {"codes": {"cancer": ["C50"]}}}, ["unknown key 'labels.codes.cancer'; known here: cad"]),
    ({"labels": {"codes": {"infarct": ["I25-I20"]}}}, ["'labels.codes.infarct'", "'I25-I20'"]),
    ({"cohort": {"instance": 1}}, ["'cohort.instance' is 1", "choose 2 or 3"]),
    ({"input": ["a.csv"]}, ["'input' is [\"a.csv\"]", "a block of keys"]),
    ({"training": {"device": "cuda:0"}}, ["'training.device'", "did you mean cuda?"]),
    (
        {"stage3": {"defaults": {"dp": {"noise": 0, "clip": 1, "delta": "1e-5"}}}},
        ["dp.noise' is 0", "above 0"],
    ),
    ({"stage3": {"defaults": {"through": ["sa_phenotype"]}}}, ["through.0'", "did you mean sa_phenotypes?"]),
    ({"nnunet": {"planner": "ResEncM"}}, ["'nnunet.planner'", "choose ExperimentPlanner"]),
    ({"privacy": {"membership_auc": 0.4}}, ["'privacy.membership_auc' is 0.4", "from 0.5 to 1"]),
    ({"apply": {"people": "held out"}}, ["'apply.people'", "did you mean held_out?"]),
    ({"phantom": {"labelled": 0.01}}, ["'systems.resnet50.stage.batch' is 16", "leaves 10 participants", "lower it"]),
]

# what a run can use, but what probably does not do what it was written for
WARNED: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"stage1": {"warmup_epochs": 50}},
        ["the 'warmup_epochs' of 'stage1' are 50", "still rises when it ends", "lower the first"],
    ),
    (
        {"stage3": {"tasks": {"diseases": {"warmup_epochs": 3}}}},
        ["the 'warmup_epochs' of diseases ('stage3', system vita) are 3, but its 'epochs' only 2"],
    ),
    ({"seeds": [2026, 2027]}, ["'seeds' names 2026, which is 'seed' itself", "name additional ones"]),
    (
        {"images": {"masks": {"source": "model"}}, "systems": {"nnunet": {"tasks": ["segmentation"]}}},
        ["'systems.nnunet.tasks' names segmentation", "only learn what the network draws; set the first to []"],
    ),
    ({"images": {"shard_count": 5000}}, ["'images.shard_count' is 5,000", "1,492 participants", "lower it"]),
    ({"training": {"workers": 5000}}, ["'training.workers' is 5000, but this machine has", "lower it"]),
]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    cohort.write(folder)
    return folder


@pytest.fixture
def own(whole: Path, tmp_path: Path) -> Path:
    """A copy of the cohort, to be spoilt; scans are links until a test replaces them."""
    shutil.copytree(whole, tmp_path / "own", copy_function=os.link)
    return tmp_path / "own"


def told(run: Callable[[list[str]], None], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines of errors that a command ends with; a mistake that is found at once is the command's own line."""
    started = time.process_time()  # whatever else the machine does
    with pytest.raises((SystemExit, command.UserError)) as ended:
        run(arguments)
    assert time.process_time() - started < MOST_S
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    text = str(ended.value)
    assert "Traceback" not in text
    return lines or [text]


def spoil(whole: Path, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line about a change of the cohort's configuration."""
    path = cohort.configure(whole, changed)
    lines = told(check, ["--quick", "--directory", str(whole), "--configfile", str(path)], capsys)
    assert len(lines) == 1, lines
    return lines[0]


def has(line: str, words: list[str]) -> None:
    assert "\n" not in line.strip()
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(("changed", "words"), PHANTOM, ids=lambda value: str(value)[:50])
def test_of_the_configuration(
    changed: dict[str, Any], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(cohort.yaml.safe_dump(changed))
    lines = told(check, ["--quick", "--configfile", str(path)], capsys)
    assert len(lines) == 1, lines
    has(lines[0], words)


@pytest.mark.parametrize(("changed", "words"), WARNED, ids=lambda value: str(value)[:50])
def test_doubtful_values_are_a_warning(
    changed: dict[str, Any], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(cohort.yaml.safe_dump(changed))
    check(["--quick", "--configfile", str(path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ")
    has(line, words)


def test_caps_on_requests_below_what_rules_ask_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("resources: {max_mem_mb: 3500, max_runtime_min: 300}\n")
    check(["--quick", "--cluster", "--configfile", str(path)])
    memory, runtime = capsys.readouterr().err.splitlines()
    has(memory, ["'resources.max_mem_mb' is 3,500, but 3 of the rules ask for more (most: predict_cohort, 4,000)"])
    has(runtime, ["'resources.max_runtime_min' is 300, but 1 of the rules asks for more (most: train_nnunet, 600)"])


def test_a_cohort_without_a_mistake_can_start(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(["--quick", "--directory", str(own), "--configfile", str(own / "own.yaml")])
    out, err = capsys.readouterr()
    assert err == ""
    assert "left out because they withdrew (withdrawals.csv): 1 of those with scans" in out
    assert out.endswith("vita check: the run can start\n")
    assert "9 participants" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "seed: 2026\nstage1: {lr: 0.1}\nseed: 2027\n",
            ["line 3: 'seed' is already in line 1", "remove one"],
        ),
        ("stage1: {epochs: 5\n", ["own.yaml, line 2: not valid YAML", "',' or '}'"]),
        ("stage1:\n\tlr: 0.1\n", ["own.yaml, line 2: a tab", "spaces only"]),
        ("", ["own.yaml", "empty"]),
        ("stage1: &all\n  lr: *all\n", ["own.yaml, line 1: this block holds itself", "write its values out"]),
        ("stage1: {lr: *all}\n", ["own.yaml, line 1: not valid YAML", "alias"]),
        ("seed: 1\nseeds: [2, 010]\n", ["own.yaml, line 2: YAML takes 010 for an octal number", "leave out the 0"]),
        ("stage1: {epochs: 1:30}\n", ["own.yaml, line 1: YAML takes 1:30 for", "write the number in base 10"]),
        ("stage1:\n  lr:0.1\n", ["'stage1' is \"lr:0.1\"", "write a space after the colon: 'lr: 0.1'"]),
        ("stage1: {lr: 0,001}\n", ["'stage1.1'", "write that with a point, such as 0.001"]),
        ("seed: 1\n---\nseed: 2\n", ["own.yaml, line 2: not valid YAML", "another document"]),
        ("seed: !number 1\n", ["own.yaml, line 1: not valid YAML", "!number"]),
        ("\u00fcber: 1\n", ["unknown key '\u00fcber'"]),
    ],
)
def test_of_the_file_of_the_configuration(
    text: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    (line,) = told(check, ["--quick", "--configfile", str(path)], capsys)
    has(line, words)


@pytest.mark.parametrize("key", ["tables", "scans", "withdrawals"])
def test_files_that_are_not_there(key: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = {"input": {key: ["nothing.csv"] if key == "tables" else "nothing.csv"}}
    has(spoil(own, source, capsys), [f"'input.{key}' names nothing.csv, which does not exist"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"tables": ["scans"]}, ["'input.tables' names scans, which is a folder", "name the file itself"]),
        ({"withdrawals": "scans"}, ["'input.withdrawals' names scans, which is a folder", "name the file itself"]),
        ({"scans": "table.csv"}, ["'input.scans' names table.csv, which is a file", "name the folder that holds"]),
        ({"scans": "~/scans"}, ["'input.scans' names ~/scans, which does not exist", "write the whole path"]),
        ({"scans": "$HOME/scans"}, ["'input.scans' names $HOME/scans", "~ and $ are not replaced"]),
    ],
)
def test_files_and_folders_in_each_others_place(
    source: dict[str, Any], words: list[str], own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    has(spoil(own, {"input": source}, capsys), words)


def test_a_pipe_in_place_of_a_table(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "table.csv").unlink()
    os.mkfifo(own / "table.csv")
    has(spoil(own, {}, capsys), ["'input.tables' names table.csv, which is no ordinary file", "write its content to a"])


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ('{"input": {"source": "phantom"}}', ['results holds a run on "phantom"', "--config replace_results=true"]),
        ("{", ["results/config.json is damaged", "move the folder away"]),
    ],
)
def test_results_of_another_run(record: str, words: list[str], own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "results").mkdir()
    (own / "results" / "config.json").write_text(record)
    has(spoil(own, {}, capsys), words)


def test_results_that_lead_nowhere(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "results").symlink_to("/nowhere/results")
    has(spoil(own, {}, capsys), ["results is a link to a folder that does not exist", "--directory"])


def test_the_folder_of_one_participant(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = min((own / "scans").iterdir())
    line = spoil(own, {"input": {"scans": str(one)}}, capsys)
    has(line, [f"'input.scans' names {one}, which holds the files of one participant", "name the folder above it"])


def test_dates_need_no_quotes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """YAML makes a date of what the schema wants as text."""
    days = ("2022-10-31", "{england: 2022-10-31, scotland: 2022-08-31, wales: 2022-05-31}")
    for day in days:
        (tmp_path / "own.yaml").write_text(f"labels: {{timing: incident, follow_up_end: {day}}}\n")
        check(["--quick", "--configfile", str(tmp_path / "own.yaml")])
        assert "the run can start" in capsys.readouterr().out


def _male(own: Path) -> None:
    columns = world.make_world()
    _table(own, columns | {"31-0.0": ["Male", *columns["31-0.0"][1:]]})


def _table(own: Path, columns: world.Columns) -> None:
    (own / "table.csv").unlink()
    world.classic(own / "table.csv", columns)


def _without(field: str) -> Callable[[Path], None]:
    def spoil(own: Path) -> None:
        columns = world.make_world()
        _table(own, {name: cells for name, cells in columns.items() if not name.startswith(f"{field}-")})

    return spoil


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(own: Path) -> None:
        before = (own / "table.csv").read_bytes()
        (own / "table.csv").unlink()
        (own / "table.csv").write_bytes(change(before))

    return spoil


def _other_people(own: Path) -> None:
    columns = world.make_world()
    _table(own, columns | {"eid": [str(4_000_000 + number) for number in range(len(columns["eid"]))]})


def _header_alone(own: Path) -> None:
    _table(own, {name: [] for name in world.make_world()})


def _bad_withdrawals(own: Path) -> None:
    (own / "withdrawals.csv").unlink()
    (own / "withdrawals.csv").write_text("1000003\nJane\n")


def _everybody_withdrew(own: Path) -> None:
    (own / "withdrawals.csv").unlink()
    (own / "withdrawals.csv").write_text("\n".join(world.make_world()["eid"]) + "\n")


def _packed_withdrawals(own: Path) -> None:
    (own / "withdrawals.csv").unlink()
    (own / "withdrawals.csv").write_bytes(gzip.compress(b"1000003\n"))


def _column(name: str, cell: str) -> Callable[[Path], None]:
    def spoil(own: Path) -> None:
        columns = world.make_world()
        _table(own, columns | {name: [cell for _ in columns[name]]})

    return spoil


def _results_are_a_file(own: Path) -> None:
    (own / "results").write_text("")


TABLES: list[tuple[Callable[[Path], None], list[str]]] = [
    (_male, ["table.csv", "31-0.0 (Sex): a cell of the form 'Aa'", "RAW, not REPLACE"]),
    (_without("31"), ["31 (Sex), needed by sex", "Add the table that has them"]),
    (_without("41270"), ["41270", "add the table that has"]),
    (_without("53"), ["53 (Date of attending assessment centre)", "add the table that has them"]),
    (_bytes(lambda text: b"PK\x03\x04" + text), ["table.csv", "zip archive; unpack it first"]),
    (_bytes(lambda text: b"\xff\xfe" + text), ["table.csv", "UTF-16; save it as UTF-8"]),
    (_bytes(lambda text: gzip.compress(text)[:-500]), ["table.csv", "damaged or cut short"]),
    (_bytes(lambda text: b""), ["table.csv", "empty; its first line must name the columns"]),
    (
        _other_people,
        ["'input.tables' has a scan under 'input.scans'", "by eid alone, and take both from the same application"],
    ),
    (_header_alone, ["table.csv", "a header and no rows; deliver it again"]),
    (_bad_withdrawals, ["withdrawals.csv, line 2", "one id per line"]),
    (_everybody_withdrew, ["'input.withdrawals' (withdrawals.csv) lists all 10 participants", "who withdrew"]),
    (_packed_withdrawals, ["withdrawals.csv", "must be UTF-8 text, unpacked, with one id per line"]),
    (
        _column("53-2.0", "31/12/2016"),
        ["table.csv, column 53-2.0: a cell of the form '9/9/9' is not a date of the form 2019-05-31"],
    ),
    (
        _column("21001-2.0", "27,5"),
        ["table.csv, column 21001-2.0", "has a comma; write the table with decimal points"],
    ),
    (_column("eid", "P1"), ["table.csv, row 1: the participant id is not a positive whole number"]),
    (_bytes(lambda text: text.replace(b"\n", b"\r")), ["table.csv: lines end in carriage returns alone", "tr"]),
    (_bytes(lambda text: b"<html>Please log in</html>\n"), ["table.csv: this is a web page, not a table", "download"]),
    (_bytes(lambda text: text.replace(b"eid", b"id", 1)), ["table.csv: needs one column 'eid'", "rename the column"]),
    (_results_are_a_file, ["results is a file; move it away"]),
]


@pytest.mark.parametrize(("change", "words"), TABLES, ids=range(len(TABLES)))
def test_of_tables(
    change: Callable[[Path], None], words: list[str], own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(own)
    has(spoil(own, {}, capsys), words)


def test_a_day_of_the_scan_that_nobody_has(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _column("53-2.0", "")(own)
    check(["--quick", "--directory", str(own), "--configfile", str(own / "own.yaml")])
    (line,) = capsys.readouterr().err.splitlines()
    has(line, ["warning: table.csv, column 53-2.0", "empty for all of the first 60 participants"])


def _voxels(change: Callable[[np.ndarray], np.ndarray], name: str = "sa") -> Callable[[Path], None]:
    """Every participant's file of a view or mask with other voxels."""

    def spoil(own: Path) -> None:
        for path in (own / "scans").rglob(f"{name}.nii.gz"):
            image = nib.load(path)
            changed = nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine)
            path.unlink()
            nib.save(changed, path)

    return spoil


def _cut_short(own: Path) -> None:
    for path in (own / "scans").rglob("sa.nii.gz"):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:300])


CONTENTS: list[tuple[Callable[[Path], None], list[str]]] = [
    (_voxels(np.zeros_like), ["none of 3 participants whose files were read whole can be used", "image is constant"]),
    (_voxels(lambda voxels: np.full(voxels.shape, np.nan, np.float32)), ["voxels are not finite numbers"]),
    (_cut_short, ["the file is cut short", "deliver or convert the scans again"]),
    (_voxels(lambda mask: mask[:-2], "seg_sa"), ["can sa_phenotypes be measured", "the mask's shape differs"]),
    (_voxels(lambda mask: mask + 7, "seg_sa"), ["labels other than [1, 2, 3]", "look at 'images.masks.labels'"]),
    (
        _voxels(np.zeros_like, "seg_sa"),
        ["can sa_phenotypes be measured", "the mask is empty", "deliver the masks again"],
    ),
]


@pytest.mark.parametrize(("change", "words"), CONTENTS, ids=range(len(CONTENTS)))
def test_of_what_is_in_the_scans(
    change: Callable[[Path], None], words: list[str], own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Headers are right here: only reading the voxels shows it."""
    change(own)
    has(spoil(own, {}, capsys), words)


def test_of_the_visit(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    has(spoil(own, {"cohort": {"instance": 3}}, capsys), ["'cohort.instance' is 3", "set the visit of your scans"])


def test_phenotypes_from_fields_that_lack(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = world.make_world()
    _table(own, {name: cells for name, cells in columns.items() if not name.startswith("2411")})
    line = spoil(own, {"phenotypes": {"source": "fields"}, "cohort": {"missing_fields": "drop"}}, capsys)
    has(line, ["'phenotypes.source' is fields", "24110 to 24117", "set it to masks, or leave la_phenotypes out"])


def _without_masks(own: Path) -> None:
    for path in (own / "scans").rglob("seg*"):
        path.unlink()


NO_SEGMENTATION = {
    name: {"tasks": ["sa_phenotypes"], "stage": {"batch": 2}} for name in ("vit", "mae", "vita", "resnet50")
}  # of all systems that segment or are trained


def test_scans_without_masks_and_phenotypes_of_masks(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _without_masks(own)
    systems = {name: {"tasks": []} for name in ("mean_guess", "demographics", "brightness", "random_encoder")}
    systems |= {name: {"tasks": []} for name in ("probe_mae", "probe_vita", "vita_sa", "vita_la")}
    line = spoil(own, {"systems": systems | NO_SEGMENTATION}, capsys)
    has(line, ["'phenotypes.source' is masks", "set it to fields", "leave sa_phenotypes out of 'systems' (resnet50"])


def test_segmentation_without_masks(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _without_masks(own)
    line = spoil(own, {"phenotypes": {"source": "fields"}}, capsys)
    has(line, ["'systems.vit.tasks' names segmentation", "leave segmentation out of 'systems' (vit, mae, vita,"])


@pytest.mark.parametrize(("key", "other"), [("crop", "center"), ("slices", "even")])
def test_crops_by_masks_that_are_not_there(key: str, other: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _without_masks(own)
    changed = {"images": {key: "mask"}, "phenotypes": {"source": "fields"}}
    changed["systems"] = NO_SEGMENTATION | {"vita_sa": {"tasks": []}, "vita_la": {"tasks": []}}
    has(spoil(own, changed, capsys), [f"'images.{key}' is mask", f"set it to {other}"])


def test_a_folder_without_scans(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "empty").mkdir()
    line = spoil(own, {"input": {"scans": "empty"}}, capsys)
    has(line, ["'input.scans' names empty, in which there is no scan", "it must hold <eid>/sa.nii.gz"])


def test_zips_of_another_visit(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "zips").mkdir()
    (own / "zips" / "1000003_20209_3_0.zip").write_bytes(b"")
    has(spoil(own, {"input": {"scans": "zips"}}, capsys), ["'input.scans' names zips", "visit 2", "'cohort.instance'"])


def test_views_that_lack(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (own / "scans").rglob("la_3ch.nii.gz"):
        path.unlink()
    changed = {"images": {"max_excluded": 0.5}}
    lines = told(
        check, ["--quick", "--directory", str(own), "--configfile", str(cohort.configure(own, changed))], capsys
    )
    has(lines[0], ["lack a required view, most often la_3ch", "take la_3ch out of 'images.required_views'"])


def test_frames_that_are_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = spoil(own, {"images": {"time": "refuse", "frames": 12}}, capsys)
    has(line, ["8 frames instead of 12 (images.time is refuse)", "'images.max_excluded'", "mend the scans or the"])


def test_a_crop_larger_than_the_images(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    has(spoil(own, {"images": {"size": 64}}, capsys), ["'images.size' is 64", "36 or fewer on a side", "lower the"])


def test_too_few_participants_for_a_split_in_numbers(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    has(spoil(own, {"split": {"test": 20}}, capsys), ["'split.test' is 20", "there are 9 participants", "lower it"])


def test_weights_that_cannot_be_used(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own / "weights"
    folder.mkdir()
    given = {"stage2": {"init": "weights"}}
    (folder / "model.safetensors").write_bytes(b"nonsense")
    has(spoil(own, given, capsys), ["'stage2.init' names weights", "cannot be read", "copy or import it again"])
    save_file({"decoder.weight": np.zeros(2, np.float32)}, folder / "model.safetensors")
    has(spoil(own, given, capsys), ["'stage2.init' names weights", "no image encoder", "set it to null"])
    save_file({"encoder.weight": np.zeros(2, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model": {"width": 33}}')
    has(spoil(own, given, capsys), ["'width' 33, but 'model.width' is 105", "set it to theirs"])


def test_a_disk_that_is_too_small(own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("vita.check.machine.shutil.disk_usage", lambda path: usage)
    has(spoil(own, {}, capsys), ["shards of 9 participants take about", "free some space"])


NEW = ["--scan", "scan", "--model", "run/models", "--out", "new"]  # the later of two equal options counts
TO = ["--models", "run/models", "--out", "new"]
COMMANDS: list[tuple[list[str], list[str]]] = [
    (["chek"], ["no command 'chek'", "did you mean check?"]),
    (["check", "--configfile", "nothing.yaml"], ["nothing.yaml, which is not there", "look at its spelling"]),
    (["check", "--configfile", "brokn.yaml"], ["brokn.yaml, which is not there", "did you mean broken.yaml?"]),
    (["check", "--configfile", "smoke.yaml"], ["smoke.yaml, which is not there; did you mean workflow/presets/smoke"]),
    (["check", "--config", "input.source=files"], ["'input.source'", "'input={source: ...}'"]),
    (["check", "--configfile", "a.yaml", "--configfile", "b.yaml"], ["--configfile is there 2 times; write it once"]),
    (["check", "--config", "seed="], ["'seed' is null", "a whole number"]),
    (["check", "--config", "=5"], ["--config got '=5'; write KEY=VALUE"]),
    (["check", "--directory", "list.yaml"], ["--directory names list.yaml, which is not a folder"]),
    (["check", "-n"], ["-n", "`vita check --help` lists the arguments"]),
    (["Check"], ["no command 'Check'; did you mean check?"]),
    (["--verison"], ["no command '--verison'; did you mean --version?"]),
    (["list", "scan"], ["scan holds no folder models; name the results folder of a run"]),
    (["describe", "list.yaml"], ["list.yaml holds no folder models"]),
    (["predict", *NEW, "--scan", "empty"], ["--scan empty: no scan found; expected sa.nii.gz"]),
    (["release", "--check", "scan", "--cell", "ten"], ["--cell: invalid int value: 'ten'", "`vita release --help`"]),
    (["audit", "scan", "--ids", "nope"], ["--ids nope: no table with a column eid"]),
    (["check", "--configfile", "broken.yaml"], ["broken.yaml, line 2: not valid YAML"]),
    (["check", "--configfile", "list.yaml"], ["list.yaml, line 1", "such as 'seed: 1'"]),
    (["check", "--config", "seed"], ["--config got 'seed'", "write KEY=VALUE"]),
    (["check", "--config", "stage1={lr: [}"], ["--config stage1: the value is not YAML"]),
    (["check", "--directory", "nowhere"], ["--directory names nowhere", "make it, or name another one"]),
    (["check", "--config", "stage1={lr:0.1}"], ["'stage1.lr:0.1'", "write a space after the colon: 'lr: 0.1'"]),
    (["check", "--config", "stage1.lr=0.1"], ["'stage1.lr'", "'stage1={lr: ...}'"]),
    (["check", "own.yaml"], ["vita check own.yaml: write --configfile before the names of files"]),
    (["check", "--configfile"], ["--configfile: expected at least one argument", "`vita check --help`"]),
    (["check", "--cores", "8"], ["unknown option --cores", "`vita check --help`"]),
    (["check", "--configfile", "."], [".: the configuration cannot be read: Is a directory"]),
    (["predict"], ["--model, --scan, --out", "`vita predict --help`"]),
    (["predict", "--models", "m", "--scan", ".", "--out", "o"], ["unknown option --models; did you mean --model?"]),
    (["predict", *NEW, "--model", "nowhere"], ["nowhere is not a folder; name results/models of a finished run"]),
    (["predict", *NEW, "--model", "run"], ["run is a whole results folder; name its models: run/models"]),
    (["predict", *NEW, "--model", "models"], ["models holds no decisions.json", "or make the file"]),
    (["predict", *NEW, "--out", "list.yaml"], ["--out list.yaml is a file; name a folder"]),
    (["predict", *NEW, "--out", "list.yaml/new"], ["--out list.yaml/new: the folder cannot be made (Not a directory)"]),
    (["predict", *NEW, "--out", "."], ["--out . is not empty; name a new folder, or add --overwrite"]),
    (["predict", *NEW, "--scan", "list.yaml"], ["--scan list.yaml: neither a folder nor a zip"]),
    (["predict", *NEW, "--device", "cuda"], ["--device cuda: there is no GPU", "write auto or cpu"]),
    (["predict", *NEW, "--device", "gpu"], ["--device: invalid choice: 'gpu'", "'auto', 'cpu', 'cuda'"]),
    (["predict", *NEW, "--instance", "-1"], ["--instance -1: imaging visits", "write 2 or 3"]),
    (["predict", *NEW, "--series", "sax=3"], ["'sax=3' is not VIEW=SERIES", "views are sa, la_2ch"]),
    (["evaluate", "--cohort", "c.yaml", *TO, "--models", "nowhere"], ["nowhere is not a folder; name results/models"]),
    (["evaluate", "--cohort", "c.yaml", *TO], ["--cohort names c.yaml, which is not there"]),
    (["evaluate", "--cohort", "list.yaml", *TO], ["list.yaml, line 1", "such as 'seed: 1'"]),
    (["evaluate", "--cohort", "model.yaml", *TO], ["model.yaml: 'model' comes from the trained models; remove it"]),
    (["release"], ["vita release --check DIR", "name one"]),
    (["release", "--check", "nowhere"], ["nowhere: no such file or folder"]),
    (["release", "--check", "scan", "--cell", "3"], ["--cell 3: the smallest allowed is 10"]),
    (["release", "--check", "scan"], ["scan is not in a results folder; use --cohort"]),
    (["release", "--check", "scan", "--cohort", "list.yaml"], ["--cohort list.yaml: no column eid"]),
    (["audit"], ["paths", "`vita audit --help`"]),
    (["audit", "nowhere"], ["nowhere: no such file or folder"]),
    (["list", "nowhere"], ["nowhere"]),
    (["describe", "nowhere"], ["nowhere"]),
    (["validate", "nowhere"], ["nowhere"]),
]


@pytest.mark.parametrize(("arguments", "words"), COMMANDS, ids=lambda value: " ".join(value)[:40])
def test_of_commands(
    arguments: list[str],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "broken.yaml").write_text("stage1: {lr: 0.1\nstage2: }\n")
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "model.yaml").write_text("model: {width: 105}\n")
    (tmp_path / "workflow/presets").mkdir(parents=True)
    (tmp_path / "workflow/presets/smoke.yaml").write_text("seed: 1\n")
    for name in ("scan", "models", "run/models", "empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "scan" / "sa.nii.gz").touch()
    record = {"version": VERSION, "images": filled.image_block()["images"], "tasks": {}}
    (tmp_path / "run" / "models" / "decisions.json").write_text(json.dumps(record))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["vita", *arguments])
    lines = told(lambda _: command.main(), [], capsys)
    assert len(lines) == 1
    has(lines[0], words)
