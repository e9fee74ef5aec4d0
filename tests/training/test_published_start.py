"""Every stage starts from a checkpoint in the published format, imported by its command, and trains on."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from models.published_file import write_published
from training import toy
from vita.models.settings import ModelSettings
from vita.training import stage1, stage2, stage3

QKV = "encoder_imaging.encoder.0.attn.qkv.weight"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """Folder that the import wrote, and the published weights."""
    folder = tmp_path_factory.mktemp("published")
    state = write_published(folder / "published.ckpt", ModelSettings.from_dict(toy.MODEL))
    command = [sys.executable, "-m", "vita.models.import_published", "--heads", str(toy.MODEL["heads"])]
    files = ["--checkpoint", str(folder / "published.ckpt"), "--output", str(folder / "weights")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return folder / "weights", state


def trained(folder: Path, name: str) -> Tensor:
    """A weight of the model in the folder, whose history shows that it was trained."""
    assert pd.read_csv(folder / "history.csv")["train_loss"].notna().all()
    return load_file(folder / "model.safetensors")[name]


def test_stage1(cohort, imported, tmp_path):
    folder, state = imported
    stage1.main([*cohort.arguments("stage1", tmp_path / "m", epochs=1, lr=1e-7), "--init", str(folder)])
    assert torch.allclose(trained(tmp_path / "m", "encoder.blocks.0.qkv.weight"), state[QKV], atol=1e-5)


def test_stage2(cohort, imported, tmp_path):
    folder, state = imported
    own = cohort.arguments("stage2", tmp_path / "m", epochs=1, encoder_lr_scale=0.0)
    stage2.main([*own, "--init", str(folder)])
    assert torch.equal(trained(tmp_path / "m", "image_encoder.blocks.0.qkv.weight"), state[QKV])


@pytest.mark.parametrize("task", ["sa_phenotypes", "segmentation"])
def test_stage3(cohort, imported, tmp_path, task):
    folder, state = imported
    own = cohort.stage3(task, "vita", tmp_path / "m", epochs=1, encoder_lr_scale=0.0)
    stage3.main([*own, "--init", str(folder)])
    assert torch.equal(trained(tmp_path / "m", "encoder.blocks.0.qkv.weight"), state[QKV])
    convolution = state["encoder_imaging.patch_embed.proj.weight"]
    assert torch.equal(trained(tmp_path / "m", "encoder.embed.weight"), convolution.flatten(1))
    assert set(pd.read_parquet(tmp_path / "m/predictions.parquet")["split"]) == {"val", "test"}
    assert json.loads((tmp_path / "m/config.json").read_text())["data"]["init"]


def unmoved(cohort, folder: Path, init: Path, stage: str, **settings) -> dict[str, Tensor]:
    """Weights of a training that starts from a folder and moves nothing."""
    module = {"stage1": stage1, "stage2": stage2}[stage]
    still = {"epochs": 1, "lr": 1e-12, "weight_decay": 0.0} | settings
    module.main([*cohort.arguments(stage, folder, **still), "--init", str(init)])
    return load_file(folder / "model.safetensors")


def test_stage1_takes_the_decoder(cohort, imported, tmp_path, caplog):
    folder, state = imported
    weights = unmoved(cohort, tmp_path / "m", folder, "stage1")
    assert torch.allclose(weights["decoder.embed.weight"], state["decoder_imaging.decoder_embed.weight"], atol=1e-6)
    assert json.loads((tmp_path / "m/config.json").read_text())["started"] == ["image_encoder", "decoder"]
    weights = unmoved(cohort, tmp_path / "deep", folder, "stage1", model={"decoder_depth": 2})
    assert not torch.allclose(weights["decoder.embed.weight"], state["decoder_imaging.decoder_embed.weight"], atol=1e-2)
    assert json.loads((tmp_path / "deep/config.json").read_text())["started"] == ["image_encoder"]
    assert "its decoder does not fit and starts from scratch" in caplog.text


def test_stage2_takes_the_table_side_of_the_same_features(cohort, pretrained, imported, tmp_path, caplog):
    first = load_file(pretrained / "stage2/model.safetensors")
    again = unmoved(cohort, tmp_path / "m", pretrained / "stage2", "stage2")
    assert set(first) == set(again)
    assert all(torch.allclose(first[name], again[name], atol=1e-6) for name in first)
    parts = ["image_encoder", "tabular_encoder", "image_projector", "table_projector"]
    assert json.loads((tmp_path / "m/config.json").read_text())["started"] == parts
    other = tmp_path / "other"
    shutil.copytree(pretrained / "stage2", other)
    record = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(record | {"features": record["features"][::-1]}))
    for name, folder in (("of another order", other), ("of another number", imported[0])):
        unmoved(cohort, tmp_path / name, folder, "stage2")
        assert json.loads((tmp_path / name / "config.json").read_text())["started"] == ["image_encoder"]
    assert "was trained on other features" in caplog.text
    assert "its tabular_encoder does not fit" in caplog.text
