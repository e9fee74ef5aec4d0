"""The last lines of a run name the models that have learned nothing."""

import json
from pathlib import Path

from vita.results.models import not_learned


def test_models_that_have_not_learned_are_named(tmp_path: Path) -> None:
    records = {
        "stage1/vita": {"learned": False, "best_val_loss": 0.0307, "trivial_val_loss": 0.031},
        "stage2/vita": {"learned": True, "best_val_loss": 1.0, "trivial_val_loss": 3.0},
        "segmentation/vita": {"learned": True, "best_val_loss": 1.0, "trivial_val_loss": None},
        "sa_phenotypes/vit": {},
    }
    for name, record in records.items():
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text(json.dumps(record))
    (line,) = not_learned(tmp_path)
    assert line.startswith("stage1, vita has not learned: its validation loss of 0.0307 is not clearly below 0.031, ")
    assert not_learned(tmp_path / "none") == []


def test_a_model_of_a_further_seed_is_named_with_it(tmp_path: Path) -> None:
    for folder, learned in {"models/stage1/vita": True, "seeds/7/models/stage1/vita": False}.items():
        (tmp_path / folder).mkdir(parents=True)
        record = {"learned": learned, "best_val_loss": 0.0307, "trivial_val_loss": 0.031}
        (tmp_path / folder / "config.json").write_text(json.dumps(record))
    (line,) = not_learned(tmp_path)
    assert line.startswith("stage1, vita, seed 7 has not learned:")
