"""Small made-up inputs in the shape of the files that training writes."""

from pathlib import Path

import numpy as np
import pandas as pd


def regression(path: Path, targets: list[str], noise: float, n: int = 160, seed: int = 0) -> pd.DataFrame:
    truth_draw, noise_draw = np.random.default_rng(seed), np.random.default_rng(seed + int(noise * 1000) + 1)
    rows = []
    for target in targets:
        truth = truth_draw.normal(150, 30, n)
        prediction = truth + noise_draw.normal(0, 30 * noise, n)
        rows.append(
            pd.DataFrame(
                {"eid": np.arange(n) + 1000000, "split": "test", "target": target, "truth": truth}
                | {"prediction": prediction}
            )
        )
    table = pd.concat(rows, ignore_index=True)
    table = pd.concat([table, table.assign(split="val", eid=table["eid"] + 500000)], ignore_index=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    return table


def disease(path: Path, target: str, strength: float, n: int = 160, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    truth = draw.random(n) < 0.2
    score = 1 / (1 + np.exp(-(draw.normal(0, 1, n) + strength * truth - 1)))
    table = pd.DataFrame(
        {"eid": np.arange(n) + 1000000, "split": "test", "target": target, "truth": truth.astype(float)}
        | {"prediction": score, "threshold": 0.4}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    return table


def categorical(path: Path, targets: list[str], classes: int = 3, n: int = 160, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    rows = []
    for target in targets:
        truth = draw.integers(0, classes, n)
        logits = draw.normal(0, 1, (n, classes)) + 1.5 * np.eye(classes)[truth]
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        for label in range(classes):
            rows.append(
                pd.DataFrame(
                    {"eid": np.arange(n) + 1000000, "split": "test", "target": target, "truth": truth * 1.0}
                    | {"class": label, "prediction": probability[:, label]}
                )
            )
    table = pd.concat(rows, ignore_index=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    return table


def _disc(size: int, row: float, column: float, radius: float) -> np.ndarray:
    r, c = np.mgrid[:size, :size]
    return (r - row) ** 2 + (c - column) ** 2 <= radius**2


def _heart(size: int, plane: int, beat: float, shift: float) -> np.ndarray:
    """One labelled frame; plane numbers as in the shards."""
    mask = np.zeros((size, size), np.uint8)
    middle = size / 2 + shift
    cavity = 7 * beat
    if plane == 1:
        mask[:] = 255
    elif plane == 0:
        mask[_disc(size, middle + 14, middle, 8 / beat**0.5)] = 4
    else:
        mask[_disc(size, middle, middle - 10, 8 * beat)] = 3
        mask[_disc(size, middle, middle, cavity + 4)] = 2
        mask[_disc(size, middle, middle, cavity)] = 1
        if plane == 2:
            mask[_disc(size, middle + 18, middle + 2, 7)] = 4
            mask[_disc(size, middle + 18, middle - 14, 7)] = 5
    return mask


def masks(path: Path, shift: float = 1.0, n: int = 8, frames: int = 5, size: int = 64, seed: int = 0) -> None:
    draw = np.random.default_rng(seed)
    truth = np.zeros((n, 9, frames, size, size), np.uint8)
    prediction = truth.copy()
    for person in range(n):
        place, own = draw.normal(0, 2), draw.normal(0, shift)
        for plane in range(9):
            for frame in range(frames):
                beat = 1 - 0.3 * np.sin(np.pi * frame / frames)
                truth[person, plane, frame] = _heart(size, plane, beat, place)
                prediction[person, plane, frame] = _heart(size, plane, beat * (1 + 0.02 * own), place + own)
    prediction[prediction == 255] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        eid=np.arange(n) + 1000000,
        truth=truth,
        prediction=prediction,
        spacing_mm=np.full((n, 9, 2), 3.6),
    )


def targets(path: Path) -> Path:
    """A short targets.tsv: three phenotypes, two diseases, a binary and a categorical feature."""
    rows = [
        ("sa_phenotypes", "LVEDV", "LVEDV", "mL", "numerical", 1),
        ("sa_phenotypes", "LVESV", "LVESV", "mL", "numerical", 0),
        ("sa_phenotypes", "LVM", "LVM", "g", "numerical", 1),
        ("la_phenotypes", "LAV max", "LAV max", "mL", "numerical", 1),
        ("physiological", "age", "Age", "years", "numerical", 1),
        ("physiological", "bmi", "Body mass index", "kg/m2", "numerical", 1),
        ("binary_features", "sex", "Sex", "", "binary", 1),
        ("categorical_features", "walking_pace", "Usual walking pace", "", "categorical", 1),
        ("disease_cad", "cad", "CAD", "", "binary", 1),
        ("disease_stroke", "stroke", "Stroke", "", "binary", 0),
    ]
    table = pd.DataFrame(rows, columns=["task", "target", "title", "unit", "kind", "in_table"])
    table.assign(source="fields", column=table["target"], decimals=3).to_csv(path, sep="\t", index=False)
    return path
