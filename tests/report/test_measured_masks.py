"""The README's lines about segmentation, with numbers by hand."""

from pathlib import Path

import pandas as pd
import pytest

from vita.report import measured_masks
from vita.report.measured_line import Line

SYSTEMS = ("vit", "mae", "vita_sa", "vita_la", "vita")
GOOD = {
    "LVBP": {"dice": 0.97, "ef_bias": -3.0, "ef_r": 0.85},
    "LVMYO": {"dice": 0.92},
    "RVBP": {"dice": 0.94, "ef_bias": 5.0, "ef_r": 0.8},
    "LABP": {"dice": 0.93, "ef_bias": -5.0, "ef_r": 0.7},
    "RABP": {"dice": 0.97, "ef_bias": 3.0, "ef_r": 0.7},
}
STEADY = {"dice_between": 1.0, "dice_es_first": 1.0, "still_ed": 0.0, "still_es": 0.0}
COLUMNS = ["target", "view", "phase", "ef_bias", "ef_r", "dice", *STEADY]


def lines_of(results: Path, **changes: dict[str, dict[str, float]]) -> list[Line]:
    """Lines of systems that just meet every aim, but for changes by system and structure."""
    for system in SYSTEMS:
        change = changes.get(system, {})
        rows = [
            {"target": name, "view": view, "phase": "all"}
            | STEADY
            | values
            | (change.get(name, {}) if view == "all" else {"dice": 0.1})
            for name, values in GOOD.items()
            for view in ("all", "sa")
        ]
        path = results / f"metrics/segmentation/{system}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return measured_masks.segmentation(results)


def test_values_at_their_aims_reach_them(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    assert [(line.value, line.aim) for line in lines] == [
        ("LVBP 0.970, LVMYO 0.920, RVBP 0.940, LABP 0.930, RABP 0.970", "at least 0.97, 0.92, 0.94, 0.93, 0.97"),
        ("LVBP -3.0, RVBP +5.0, LABP -5.0, RABP +3.0", "within 3, 5, 5, 3"),
        ("LVBP 0.85, RVBP 0.80, LABP 0.70, RABP 0.70", "at least 0.85, 0.8, 0.7, 0.7"),
        ("none", "none"),
        ("at most 0.000", "at most 0.01"),
        ("at most 0.0%", "at most 5%"),
    ]
    assert all(line.reached for line in lines)


@pytest.mark.parametrize(
    ("structure", "change", "missed"),
    [
        ("LVMYO", {"dice": 0.919}, [0, 3]),
        ("LVBP", {"ef_bias": -3.1}, [1, 3]),
        ("RVBP", {"ef_bias": 5.1}, [1, 3]),
        ("RABP", {"ef_r": 0.69}, [2, 3]),
        ("LVBP", {"dice_between": 0.959}, [4]),
        ("RVBP", {"dice_es_first": 0.929}, [4]),
        ("LVMYO", {"still_ed": 5.1}, [5]),
        ("LABP", {"still_es": 5.1}, [5]),
    ],
)
def test_a_value_beyond_its_aim_misses_it(tmp_path: Path, structure, change, missed) -> None:
    lines = lines_of(tmp_path, vita={structure: change})
    assert [place for place, line in enumerate(lines) if not line.reached] == missed


def test_another_system_counts_with_what_it_draws(tmp_path: Path) -> None:
    unseen = {name: {"dice": None, "ef_bias": None, "ef_r": None} for name in ("LABP", "RABP")}
    lines = lines_of(
        tmp_path, vita_sa=unseen | {"LVBP": {"ef_bias": -3.2}}, vita_la={"LVBP": {"ef_bias": None, "ef_r": None}}
    )
    assert (lines[3].value, lines[3].reached) == ("ViTa (SA)", False)
    assert all(line.reached for place, line in enumerate(lines) if place != 3)
