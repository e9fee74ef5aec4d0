"""What a run costs: trainings as the workflow plans them, operations as theory counts them, the table from files."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.stage1_step import PAPER, step_flops
from vita.costs.__main__ import main, read_configs
from vita.costs.operations import Operations, operations
from vita.costs.trainings import Training, split_sizes, trainings
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError
from workflow.test_dry_runs import ROOT, measured_plan

RESOURCES = ROOT / "workflow" / "resources"
PRESETS = {name: ROOT / "workflow" / "presets" / f"{name}.yaml" for name in ("paper", "smoke", "rap")}
KINDS = {"stage1": "train_stage1", "stage2": "train_stage2", "segmenter": "train_segmentation"}


def configured(*presets: str) -> list[Path]:
    return [ROOT / "config.yaml", *(PRESETS[name] for name in presets)]


def counted(training: Training) -> Operations:
    return operations(training, RESOURCES / "features.tsv")


@pytest.mark.workflow
@pytest.mark.parametrize("presets", [(), ("smoke",), ("paper", "rap")], ids="-".join)
def test_trainings_are_those_that_the_workflow_plans(presets: tuple[str, ...], tmp_path: Path) -> None:
    shards = tmp_path / "shards.yaml"
    shards.write_text("images: {shard_count: 1}\n")
    plan = measured_plan(tmp_path, "--configfile", *(str(PRESETS[name]) for name in presets), str(shards)).jobs
    found = dict.fromkeys((*KINDS.values(), "train_stage3", "train_few_labels"), 0)
    for training in trainings(read_configs(configured(*presets)), RESOURCES):
        rule = "train_stage3" if training.share == 1 else "train_few_labels"
        found[KINDS.get(training.kind, rule)] += training.models
    assert found == {rule: plan.get(rule, 0) for rule in found}


@pytest.fixture(scope="module")
def paper() -> dict[str, Training]:
    """One training of each kind of the paper's run."""
    found = trainings(read_configs(configured("paper")), RESOURCES)
    return {training.kind: training for training in reversed(found)}


def test_operations_of_stage_i_are_those_of_theory(paper: dict[str, Training]) -> None:
    assert counted(paper["stage1"]).training_flop == pytest.approx(step_flops(PAPER, 1), rel=0.02)


def test_a_backward_pass_costs_two_forward_passes_and_a_chunk_one_more(paper: dict[str, Training]) -> None:
    unmasked = paper["predictor"]
    ratio = counted(unmasked).training_flop / counted(unmasked).validation_flop
    assert ratio == pytest.approx(3, rel=0.05)
    stage2 = paper["stage2"]
    whole = Training(
        **vars(stage2) | {"stage": stage2.stage | {"chunk": 0}, "model": stage2.model | {"checkpointing": False}}
    )
    assert stage2.stage["chunk"]
    assert stage2.model["checkpointing"]
    # forward, again for the chunk, again for each block (but for its last product), and two for the backward pass
    assert 4.5 / 3 < counted(stage2).training_flop / counted(whole).training_flop < 5 / 3


def convolutions_of_a_frame(size: int, fine: int, inputs: int, outputs: int) -> int:
    """Products of the frame decoder at full resolution, a half, a quarter and an eighth, and its weights as well if
    the size is 0: each layer's extent, inputs, outputs and kernel.
    """
    full, half, quarter, eighth = ((size // scale) ** 2 or 1 for scale in (1, 2, 4, 8))
    layers = [
        *((half, inputs, fine, 9), (half, fine, fine, 9)),  # down
        *((quarter, fine, 2 * fine, 9), (quarter, 2 * fine, 2 * fine, 9)),
        *((eighth, 4 * fine, 4 * fine, 9), (eighth, 4 * fine, 4 * fine, 9)),
        (quarter, 4 * fine, 2 * fine, 1 if size else 4),  # up: a pixel comes from one of four weights
        *((quarter, 4 * fine, 2 * fine, 9), (quarter, 2 * fine, 2 * fine, 9)),
        (half, 2 * fine, fine, 1 if size else 4),
        *((half, 2 * fine, fine, 9), (half, fine, fine, 9)),
        (half, fine, 4 * 8, 1),  # to 8 channels at full resolution, where the image joins them
        *((full, 8 + 1, 8, 9), (full, 8, outputs, 9)),
    ]
    return sum(extent * given * wanted * kernel for extent, given, wanted, kernel in layers)


@pytest.mark.parametrize(("system", "planes"), [("vita", 9), ("vita_sa", 6), ("vita_la", 3)])
def test_the_frame_decoder_costs_what_its_layers_do(system: str, planes: int) -> None:
    """Of the default run: 5 frames of 48 x 48 pixels, one of which a training step draws, 4 x 4 patches of 12 x 12, 16
    channels, 6 classes.
    """
    found = trainings(read_configs(configured()), RESOURCES)
    (training,) = (each for each in found if each.step == f"Segmentation, {system}")
    sizes = training.model
    assert (sizes["frames"], sizes["size"], sizes["segmenter_frames"]) == (5, 48, 16)
    assert sizes["patch"] == [5, 12, 12]
    width, depth, tokens = sizes["width"], sizes["depth"], 1 + planes * 16
    blocks = depth * (12 * tokens * width**2 + 2 * tokens**2 * width)  # attention and an MLP four times as wide
    encoder = blocks + (tokens - 1) * 720 * width
    context, frame = (tokens - 1) * width * 32, planes * convolutions_of_a_frame(48, 16, 4 + 4, 6)
    cost = counted(training)
    assert cost.validation_flop == pytest.approx(2 * (encoder + context + 5 * frame), rel=0.002)
    assert cost.training_flop == pytest.approx(6 * (encoder + context + frame), rel=0.02)
    weights = convolutions_of_a_frame(0, 16, 4 + 4, 6) + 32 + 8 + 6 + width * 32 + 32 + planes * 4
    with torch.device("meta"):
        encoder_weights = sum(part.numel() for part in ImageEncoder(ModelSettings.from_dict(sizes)).parameters())
    assert cost.parameters == weights + encoder_weights


def test_weights_are_counted(paper: dict[str, Training]) -> None:
    assert counted(paper["resnet50"]).parameters == pytest.approx(23.6e6, rel=0.02)  # 45 channels instead of 3


def test_the_split_of_the_paper() -> None:
    sizes = split_sizes(read_configs(configured("paper")), 42_000)
    assert sizes == {
        "train": 36_750,
        "labelled": 36_750,
        "val": 4_250,
        "test": 1_000,
    }  # an eighth is held out of training


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run of 100 participants and the benchmarks' tables, as far as costs look at them."""
    folder = tmp_path / "results"
    for name in ("cohort", "benchmarks/build_shard", "images/shards", "tables"):
        (folder / name).mkdir(parents=True)
    pd.DataFrame({"eid": range(100), "split": "train"}).to_parquet(folder / "cohort" / "split.parquet")
    for path, seconds in {"build_shard/00000": 50, "make_table": 36}.items():
        job = pd.DataFrame({"s": [seconds], "cpu_time": [seconds], "max_rss": [100]})
        job.to_csv(folder / "benchmarks" / f"{path}.tsv", sep="\t", index=False)
    (folder / "images" / "shards" / "00000.npz").write_bytes(bytes(1_000_000))
    step = {"implementation": "project", "precision": "fp32", "threads": 2, "tflop": 1.0, "seconds": 10.0}
    tables = {"stage1_step": step, "shard": {"shard_s": 0.18, "shard_mb": 15}, "index": {"index_s": 0.001}}
    for name, row in tables.items():
        pd.DataFrame([row]).to_csv(folder / "benchmarks" / f"{name}.csv", index=False)
    return folder


def printed(results: Path, participants: int, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, list[str]]:
    configs = [str(path) for path in configured("paper")]
    where = ["--results", str(results), "--resources", str(RESOURCES), "--config", *configs]
    main([*where, "--participants", str(participants), *more])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows}


def test_the_table_from_files(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once, twice = (printed(results, people, capsys) for people in (20_000, 40_000))
    assert once["Shards"] == ["20,000 participants", "–", "1", "–", "300"]
    assert twice["Shards"] == ["40,000 participants", "–", "2", "–", "600"]
    assert once["All else"][2] == "2"  # 36 s of 100 participants; its shards stand in a line of their own
    assert once["Stage I"][0] == "6 models"
    more = printed(results, 20_000, capsys, "--gpu-use", "0.6")
    assert float(more["Stage I"][3].replace(",", "")) < float(once["Stage I"][3].replace(",", ""))


def test_scans_alone_cost_one_stage_i_and_no_embeddings(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = results.with_name("scans.yaml")
    scans.write_text("products: scans\n")
    rows = printed(results, 20_000, capsys, "--config", *map(str, configured("paper")), str(scans))
    assert rows["Stage I"][0] == "1 model"
    assert not any(step.startswith(("Stage II", "Stage III", "Segmentation")) for step in rows)
    assert rows["Embeddings, reconstructions"][4] == "–"


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("benchmarks/shard.csv", "tests/benchmarks/test_images.py"),
        ("cohort/split.parquet", "is not the folder of a finished run"),
    ],
)
def test_what_is_not_there_is_told(gone: str, message: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / gone).unlink()
    with pytest.raises(UserError, match=message):
        printed(results, 10, capsys)
