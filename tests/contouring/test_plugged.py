"""Masks by a command of the user's own: a small script that reads labels off images which hold nothing else."""

import json
import shlex
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import psutil
import pytest

import filled
from images import scans
from vita.contouring import make_masks
from vita.contouring.plugged import scores_of
from vita.contouring.running import run
from vita.contouring.template import FOLDERS, FRAMES, VIEW, Template, commands_of
from vita.images.layout import LABP, LVBP
from vita.runtime.errors import UserError

FRAMES_OF_ALL = 3
Truth = dict[tuple[int, str], np.ndarray]
# Draws what the images hold. What goes wrong is told by the number of columns, since it cannot know who is who.
SCRIPT = """
import sys, time
from pathlib import Path
import nibabel, numpy as np

def draw(scan, mask):
    image = nibabel.load(scan)
    labels, affine = (np.asarray(image.dataobj) // 100).astype(np.uint8), image.affine.copy()
    if "la_" in scan.name:
        labels *= 4
    if "--acdc" in sys.argv:
        labels = np.array([0, 3, 2, 1], np.uint8)[labels]
    size = image.shape[0]
    if size == 41:
        affine[:3, 3] += 5
    elif size == 42:
        labels = labels[:, :-1]
    elif size == 44:
        return
    elif size == 45:
        labels[labels == 3] = 9
    elif size == 46:
        sys.exit("no ventricle is seen in " + str(scan))
    elif size == 47:
        time.sleep(60)
    mask.parent.mkdir(exist_ok=True)
    if size == 43:
        mask.write_text("I am no mask")
    else:
        nibabel.save(nibabel.Nifti1Image(labels, affine), mask)

source, target = map(Path, sys.argv[1:3])
print("loading weights")
if source.is_file():
    draw(source, target)
elif "--frames" in sys.argv:
    for path in sorted(source.glob("*_0000.nii.gz")):
        draw(path, target / path.name.replace("_0000", ""))
else:
    for path in sorted(source.glob("*/*.nii.gz")):
        name = "seg_sa.nii.gz" if path.name == "sa.nii.gz" else "seg4_" + path.name
        draw(path, target / path.parent.name / name)
print("done")
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "my model.py"
    path.write_text(SCRIPT)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def write_scans(root: Path, columns: dict[int, int], views: tuple[str, ...] = ("sa",)) -> Truth:
    """Scans that are their own labels times 100, of people with so many columns; returns the labels (x, y, z, time)."""
    truth = {}
    for eid, size in columns.items():
        for view in views:
            matrix, _, labels = scans.heart(view, (size, 36, 7 if view == "sa" else 1), FRAMES_OF_ALL)
            scans.write(root / "scans" / str(eid) / f"{view}.nii.gz", labels.astype(np.int16) * 100, matrix)
            truth[eid, view] = labels
    return truth


def make(root: Path, command: str | dict[str, str], **masks: object) -> pd.DataFrame:
    own = {"source": "model", "labels": None, "command": command, "command_timeout_s": 600, **masks}
    block = json.dumps(filled.image_block(masks=own))
    where = ["--scans", str(root / "scans"), "--shard", "0", "--shards", "1", "--settings", block]
    make_masks.main([*where, "--masks", str(root / "masks"), "--table", str(root / "masks/scores/00000.parquet")])
    return pd.read_parquet(root / "masks/scores/00000.parquet").set_index(["eid", "view"])


def written(root: Path, eid: int, name: str) -> np.ndarray:
    return np.asarray(nibabel.load(root / "masks" / str(eid) / f"{name}.nii.gz").dataobj)


def test_a_command_for_each_scan_draws_masks_that_are_written_as_ours(tmp_path, script):
    truth = write_scans(tmp_path, {1000001: 40}, ("sa", "la_4ch"))
    table = make(tmp_path, f"{script} {{scan}} {{mask}} {{view}}")
    assert (written(tmp_path, 1000001, "seg_sa") == truth[1000001, "sa"]).all()
    assert (written(tmp_path, 1000001, "seg_la_4ch") == truth[1000001, "la_4ch"]).all()  # 1 is the left atrium there
    assert (written(tmp_path, 1000001, "seg4_la_4ch") == LABP * truth[1000001, "la_4ch"]).all()
    scan = nibabel.load(tmp_path / "scans/1000001/sa.nii.gz")
    assert np.allclose(nibabel.load(tmp_path / "masks/1000001/seg_sa.nii.gz").affine, scan.affine, atol=1e-3)
    row = table.loc[(1000001, "sa")]
    assert (row["frames"], row["slices"]) == (FRAMES_OF_ALL, 7)
    assert np.isnan(row["agreement"])  # nobody turned the image
    assert row["score"] == min(row["smoothness"], row["plausible"])
    assert table.loc[(1000001, "la_2ch"), "reason"] == "no la_2ch.nii.gz"


def test_labels_in_another_order_are_brought_to_ours(tmp_path, script):
    truth = write_scans(tmp_path, {1000001: 40})
    labels = {"RVBP": 1, "LVMYO": 2, "LVBP": 3}
    make(tmp_path, f"{script} {{scan}} {{mask}} --acdc", labels=labels)
    assert (written(tmp_path, 1000001, "seg_sa") == truth[1000001, "sa"]).all()


def test_what_is_wrong_with_a_mask_costs_its_participant(tmp_path, script):
    reasons = {
        41: "the mask and its image are at different positions",
        42: "the mask's shape differs from its image's",
        43: None,  # the words are of whoever reads NIfTI
        44: "the command wrote no seg_sa.nii.gz",
        45: "the mask holds labels other than [1, 2, 3]",
    }
    truth = write_scans(tmp_path, {1000000 + size: size for size in (40, *reasons)})
    table = make(tmp_path, f"{script} {{scans}} {{masks}}").xs("sa", level="view")
    assert (written(tmp_path, 1000040, "seg_sa") == truth[1000040, "sa"]).all()
    for size, reason in reasons.items():
        told = table.loc[1000000 + size, "reason"]
        assert told.endswith("; its last line: done")
        assert reason is None or told.startswith(reason)
        assert not (tmp_path / "masks" / str(1000000 + size)).exists()
    assert table["score"].notna().sum() == 1


def test_a_failing_call_costs_only_those_with_whom_it_fails(tmp_path, script):
    write_scans(tmp_path, {1000040: 40, 1000046: 46})
    table = make(tmp_path, f"{script} {{scans}} {{masks}}").xs("sa", level="view")
    last = "no ventricle is seen in scans/case_0001/sa.nii.gz"
    assert table.loc[1000046, "reason"] == f"the command ended with 1; its last line: {last}"
    assert table.loc[1000040, "score"] >= 0
    assert pd.isna(table.loc[1000040, "reason"])


def test_single_frames_are_given_and_taken_as_nnunet_names_them(tmp_path, script):
    truth = write_scans(tmp_path, {1000040: 40, 1000042: 42})
    table = make(tmp_path, f"{script} {{frames}} {{masks}} --frames").xs("sa", level="view")
    assert (written(tmp_path, 1000040, "seg_sa") == truth[1000040, "sa"]).all()
    assert table.loc[1000042, "reason"].startswith("the mask's shape differs")


def test_a_command_that_takes_too_long_is_ended(tmp_path, script):
    write_scans(tmp_path, {1000047: 47})
    started = time.perf_counter()
    table = make(tmp_path, f"{script} {{scan}} {{mask}}", command_timeout_s=1.5)
    assert time.perf_counter() - started < 30
    assert table.loc[(1000047, "sa"), "reason"].startswith("the command took longer than 1.5 s")


def test_what_the_command_started_ends_with_it(tmp_path):
    said = run(["sh", "-c", "sleep 50 & echo $!; wait"], 4, tmp_path / "output")
    assert "longer than 4 s" in said
    child = int((tmp_path / "output").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_signal_is_told(tmp_path):
    assert run(["sh", "-c", "kill -9 $$"], 5, tmp_path / "output") == "the command was ended by signal 9"


def test_no_shell_reads_the_command_or_a_path(tmp_path):
    template = Template.of("printf '%s\\n' {scan} '{mask}; touch hacked' '$HOME' '{\"a\": 1}'")
    places = {"scan": "a b'; touch hacked;", "mask": "$(touch hacked)", "view": "sa"}
    assert run(template.fill(**places), 5, tmp_path / "output") is None
    assert (tmp_path / "output").read_text().splitlines() == [
        "a b'; touch hacked;",
        "$(touch hacked); touch hacked",
        "$HOME",
        '{"a": 1}',
    ]
    assert not Path("hacked").exists()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("predict --in={scan} --out={mask}", VIEW),
        ("predict {view} {scan} {mask}", VIEW),
        ("predict {scans} {masks}", FOLDERS),
        ("predict {scans}", FOLDERS),
        ("env A=b nnUNetv2_predict -i {frames} -o {masks} -d 27", FRAMES),
    ],
)
def test_the_form_of_a_command_follows_from_its_places(text, form):
    assert Template.of(text).form == form


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("predict", "names no place"),
        ("", "names no place"),
        ("predict {scan}", "names {scan}; name {scan} and {mask}"),
        ("predict {scan} {masks}", "names {masks} {scan}"),
        ("predict {scans} {masks} {eid}", "names {eid} {masks} {scans}"),
        ("predict '{scan} {mask}", "No closing quotation"),
    ],
)
def test_a_command_without_its_places_is_refused(text, told):
    with pytest.raises(UserError) as failure:
        Template.of(text)
    assert told in str(failure.value)


def test_a_view_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="names 'la_5ch'; choose from sa, la_2ch"):
        commands_of({"la_5ch": "predict {scan} {mask}"})


def test_a_program_that_is_not_there_stops_the_rule(tmp_path):
    write_scans(tmp_path, {1000040: 40})
    with pytest.raises(UserError, match="begins with no_such_program, which cannot run: No such file"):
        make(tmp_path, "no_such_program {scan} {mask}")


def test_programs_and_scripts_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Template.of("no_such_program {scan} {mask}").missing() == "no_such_program"
    command = Template.of("python3 my_model.py {scan} {mask}")
    assert command.missing() == "my_model.py"
    Path("my_model.py").touch()
    assert command.missing() is None
    Path("my_model.sh").write_text("#!/bin/sh\n")
    assert Template.of("./my_model.sh {scan} {mask}").missing() == "./my_model.sh"  # it may not be run
    Path("my_model.sh").chmod(0o755)
    assert Template.of("./my_model.sh {scan} {mask}").missing() is None


def test_views_without_a_command_are_drawn_by_the_network(tmp_path, script):
    write_scans(tmp_path, {1000040: 40}, ("sa", "la_4ch"))
    table = make(tmp_path, {"sa": f"{script} {{scan}} {{mask}}"}).loc[1000040]
    assert np.isnan(table.loc["sa", "agreement"])
    assert table.loc["sa", "score"] >= 0
    other = table.loc["la_4ch"]
    assert other["agreement"] >= 0 or other["reason"] == "no heart is seen in the image"


def test_scores_of_masks_that_know_only_the_atrium():
    areas = np.zeros((20, 1, 40, 40), np.uint8)
    for frame in range(20):
        areas[frame, 0, : 20 + frame % 2 * 10, :20] = LABP  # 4 and 6 cm2 in turn: no heart does that
    scores = scores_of(areas, (8.0, 1.0, 1.0), "la_4ch")
    assert scores.smoothness == pytest.approx(1 - 4 / 6)
    assert scores.plausible == 1
    assert scores.score == scores.smoothness
    areas[areas == LABP] = LVBP
    assert scores_of(areas, (8.0, 1.0, 1.0), "la_4ch").plausible == 0  # 6 cm2 at most
