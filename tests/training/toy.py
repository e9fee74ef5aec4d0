"""A toy cohort in the project's own files: hearts are discs whose radius is the target, a feature and a disease."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vita.config.blocks import block
from vita.images.build_shard import SCHEMA
from vita.images.shards import ShardWriter, write_table
from vita.tabular.encoder import main as encode

PLANES, FRAMES, SIZE = 9, 10, 16
FIRST_EID = 5_000_001
MODEL = {"frames": 5, "size": SIZE, "patch": [5, 8, 8], "width": 33, "heads": 3, "depth": 1, "decoder_depth": 1}
MODEL |= {"tabular_depth": 1, "projection": 8, "head_width": 16, "segmenter_hidden": 18, "segmenter_feature": 4}
MODEL |= {"segmenter_frames": 4, "sampling": "cycle", "positions": "block", "checkpointing": False}
STAGE = {"epochs": 3, "batch": 8, "lr": 2e-3, "warmup_epochs": 0.5, "weight_decay": 1e-4, "optimizer": "adamw"}
STAGE |= {"encoder_lr_scale": 1.0, "clip": 1.0, "patience": 0, "select": "loss", "schedule": "cosine", "loss": ""}
STAGE |= {"augment": False, "rotation_degrees": 15.0, "contrast": 0.2, "flip": True, "autocontrast": False}
STAGE |= {"mask_ratio": 0.7, "tau": 0.1, "lambda": 0.5, "denominator": "row", "class_token": False, "chunk": 0}
STAGE |= {"projector": "plain", "pooling": "mean", "head": "mlp", "sections": "one", "rectify": False}
STAGE |= {"imbalance": "weights", "probe_epochs": 0, "through": [], "dp": None, "budget_s": None}
TARGETS = "task\ttarget\tsource\tcolumn\ttitle\tunit\tkind\tin_table\tdecimals\n"
FEATURES = (
    "name\ttitle\trole\tkind\tgroup\tfield_ids\tinstance\trule\tcoding\tvalid_codes\trecode\tmissing_codes\t"
    "special_values\tunit\tlow\thigh\tdate_field\tpaper_missing\trequired\tfield_titles\n"
)


@dataclass(frozen=True)
class Toy:
    """Paths of a toy cohort."""

    folder: Path
    shards: list[Path]
    split: Path

    def arguments(self, stage: str, output: Path, **settings: Any) -> list[str]:
        """Arguments of a stage's module."""
        common = ["--shards", *map(str, self.shards), "--split", str(self.split), "--output", str(output)]
        common += ["--settings", json.dumps(blocks(**settings))]
        if stage == "stage2":
            common += [
                "--encoded",
                str(self.folder / "encoded.parquet"),
                "--encoder",
                str(self.folder / "encoder.json"),
            ]
        return common

    def stage3(self, task: str, system: str, output: Path, **settings: Any) -> list[str]:
        """Arguments of Stage III."""
        tables = [
            x
            for name in ("fields", "phenotypes", "labels")
            for x in (f"--{name}", str(self.folder / f"{name}.parquet"))
        ]
        own = ["--task", task, "--model", system, "--targets", str(self.folder / "targets.tsv")]
        own += ["--predictions", str(output / "predictions.parquet")]
        own += ["--masks", str(output / "masks.npz")] if task == "segmentation" else []
        return [*own, *tables, *self.arguments("stage3", output, **settings)]


def blocks(training: dict[str, Any] | None = None, model: dict[str, Any] | None = None, **stage: Any) -> dict[str, Any]:
    """Settings with changes."""
    own = block("training", {"threads": 1, "devices": 1, "device": "cpu", "tensorboard": False})
    return {"seed": 7, "model": MODEL | (model or {}), "training": own | (training or {}), "stage": STAGE | stage}


def make(folder: Path, participants: int = 48) -> Toy:
    """Write the toy cohort."""
    generator = np.random.default_rng(1)
    eids = FIRST_EID + np.arange(participants)
    radius = generator.uniform(2, 6, participants)
    folder.mkdir(parents=True, exist_ok=True)
    shards = [folder / f"{k:05d}.npz" for k in range(2)]
    for shard, rows in zip(shards, np.array_split(np.arange(participants), 2), strict=True):
        _shard(shard, eids[rows], radius[rows], generator)
    names = np.array(["train", "train", "train", "val", "test", "train"])[np.arange(participants) % 6]
    pd.DataFrame({"eid": eids, "split": names}).to_parquet(folder / "split.parquet", index=False)
    _tables(folder, eids, radius, generator)
    return Toy(folder, shards, folder / "split.parquet")


def heart(radius: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Voxels int16 and classes uint8, (plane, time, row, column)."""
    distance = np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5))
    beat = radius * (1 - 0.2 * np.sin(np.pi * np.arange(FRAMES) / FRAMES))
    masks = (distance < beat[:, None, None]).astype(np.uint8) + 0
    masks = np.repeat(masks[None], PLANES, axis=0)
    voxels = masks * 200 + generator.integers(0, 40, masks.shape)
    masks[1] = 255
    return voxels.astype(np.int16), masks


def _shard(path: Path, eids: np.ndarray, radius: np.ndarray, generator: np.random.Generator) -> None:
    rows = []
    with ShardWriter(path) as writer:
        for row, (eid, size) in enumerate(zip(eids, radius, strict=True)):
            voxels, masks = heart(size, generator)
            rows.append(shard_row(int(eid), row) | writer.add(row, voxels, masks))
    write_table(rows, SCHEMA, path.with_suffix(".parquet"), {})


def shard_row(eid: int, row: int) -> dict[str, Any]:
    """A participant's row of a shard's table, without checksums."""
    record = {"eid": eid, "row": row, "usable": True, "has_masks": True}
    record |= {"planes_present": [True] * PLANES, "range_low": [0.0] * PLANES, "range_high": [240.0] * PLANES}
    return record | {"spacing_row_mm": [2.0] * PLANES, "spacing_column_mm": [1.5] * PLANES}


def _tables(folder: Path, eids: np.ndarray, radius: np.ndarray, generator: np.random.Generator) -> None:
    lvedv = pd.Series(radius**2 * 5).mask(eids % 10 == 0)  # unknown for some
    phenotypes = pd.DataFrame({"eid": eids, "LVEDV": lvedv, "LVESV": radius**2 * 3})
    phenotypes.to_parquet(folder / "phenotypes.parquet", index=False)
    sick = pd.array(radius > 4.8, dtype="boolean")
    pd.DataFrame({"eid": eids, "cad": sick}).to_parquet(folder / "labels.parquet", index=False)
    fields = {"eid": eids, "size": radius + generator.normal(0, 0.1, len(eids)), "big": (radius > 4).astype(int)}
    fields["group"] = np.digitize(radius, [3, 5])
    pd.DataFrame(fields).to_parquet(folder / "fields.parquet", index=False)
    _resources(folder)
    files = {"fields": "fields.parquet", "split": "split.parquet", "features": "features.tsv"}
    arguments = [x for name, file in files.items() for x in (f"--{name}", str(folder / file))]
    encode(
        [
            *arguments,
            "--encoder",
            str(folder / "encoder.json"),
            "--output",
            str(folder / "encoded.parquet"),
            "--settings",
            '{"tabular": {"impute": "mean", "exclude": []}}',
        ]
    )


def _resources(folder: Path) -> None:
    rows = [
        "sa_phenotypes\tLVEDV\tphenotypes\tLVEDV\tLVEDV\tmL\tnumerical\t1\t3",
        "sa_phenotypes\tLVESV\tphenotypes\tLVESV\tLVESV\tmL\tnumerical\t1\t3",
        "disease_cad\tcad\tlabels\tcad\tCAD\t\tbinary\t1\t3",
        "binary_features\tbig\tfields\tbig\tBig\t\tbinary\t1\t3",
        "categorical_features\tgroup\tfields\tgroup\tGroup\t\tcategorical\t1\t3",
    ]
    (folder / "targets.tsv").write_text(TARGETS + "\n".join(rows) + "\n")
    kinds = [("size", "numerical", ""), ("big", "binary", "0 1"), ("group", "categorical", "0 1 2")]
    lines = [
        f"{name}\t{name}\tinput\t{kind}\tother\t1\tscan\tvalue\t\t{codes}\t\t\t\t\t\t\t\t\tyes\t{name}"
        for name, kind, codes in kinds
    ]
    (folder / "features.tsv").write_text(FEATURES + "\n".join(lines) + "\n")
