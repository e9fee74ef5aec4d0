import numpy as np
import pandas as pd
import pytest

import filled
from images import scans
from images.test_build_shard import build
from shared import SHARED, needs_shared
from vita.images.geometry import canonical, orient
from vita.images.index import read_index
from vita.images.nifti import read_volume
from vita.images.planes import Plane, agreement, meeting_line
from vita.report.figures import plane_intersections, scan_quality, volume_curves


def plane(folder, view, number=0, shift_mm=0.0):
    header, stored = read_volume(folder / f"{view}.nii.gz", planar=view != "sa")
    header.affine[0, 3] += shift_mm
    orientation = orient(header, view)
    return Plane(orientation, number, canonical(stored, orientation)[0, number])


@pytest.fixture
def folder(tmp_path):
    scans.write_participant(tmp_path / "scans/1000011", frames=10)
    return tmp_path / "scans/1000011"


def test_the_line_lies_in_both_planes(folder):
    first, second = plane(folder, "la_4ch"), plane(folder, "sa", 4)
    line = meeting_line(first, second)
    assert len(line) > 50
    for each in (first, second):
        np.testing.assert_allclose((line - each.origin) @ each.normal, 0, atol=1e-6)
        pixels = each.pixels(line)
        placed = each.orientation.affine @ np.c_[np.full(len(line), each.number), pixels, np.ones(len(line))].T
        np.testing.assert_allclose(placed[:3].T, line, atol=1e-6)


def test_parallel_planes_do_not_meet(folder):
    assert len(meeting_line(plane(folder, "sa", 1), plane(folder, "sa", 4))) == 0
    assert np.isnan(agreement(plane(folder, "sa", 1), plane(folder, "sa", 4)))


@needs_shared
def test_views_of_a_real_heart_show_the_same_where_they_meet():
    """And no longer when one of them is moved by 4 cm."""
    heart = SHARED / "data/real/biv-me_patient1"
    slices = range(6)
    for view in ("la_2ch", "la_3ch", "la_4ch"):
        right = np.mean([agreement(plane(heart, view), plane(heart, "sa", n)) for n in slices])
        wrong = np.mean([agreement(plane(heart, view, shift_mm=40), plane(heart, "sa", n)) for n in slices])
        assert right > 0.75
        assert right > wrong + 0.2


def test_figures_are_drawn_and_name_nobody(folder, tmp_path):
    reader, _ = build(folder.parent, tmp_path, shards=1)
    outputs = [f"--{kind}={tmp_path}/figure.{kind}" for kind in ("svg", "png", "csv")]
    for module, arguments, columns in [
        (plane_intersections, [f"--index={tmp_path}/index.parquet"], {"participant", "view", "correlation"}),
        (scan_quality, [f"--shards={reader.paths[0]}"], {"row", "rule", "value", "broken"}),
        (volume_curves, [f"--curves={tmp_path}/curves.parquet"], {"structure", "phase", "median"}),
    ]:
        module.main([*arguments, *outputs, "--settings", filled.argument(images={})])
        drawn = pd.read_csv(tmp_path / "figure.csv")
        assert columns <= set(drawn)
        assert len(drawn) > 5
        assert "1000011" not in (tmp_path / "figure.svg").read_text() + (tmp_path / "figure.csv").read_text()
        assert (tmp_path / "figure.png").stat().st_size > 2000


def test_a_sample_shows_broken_rules_first(folder, tmp_path):
    for eid in range(1000012, 1000017):
        scans.write_participant(folder.parent / str(eid), frames=10 if eid % 2 else 9)
    block = {"frames": 10, "size": 24, "max_excluded": 1}
    reader, _ = build(folder.parent, tmp_path, block, shards=1)
    chosen = scan_quality.sample(reader.table, 4, seed=1)
    broken = [bool(scan_quality.broken_rules(rows)) for rows in chosen["quality"]]
    assert broken == [True, True, False, False]
    assert len(read_index(tmp_path / "index.parquet")["eid"].unique()) == 6
