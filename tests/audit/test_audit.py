"""An id planted in each kind of file is found and never printed; what is no id is left in peace."""

import base64
import gzip
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from vita.audit.command import main
from vita.audit.finding import search_file
from vita.runtime.errors import UserError

ID = 1234567
OTHER = 7654321  # begins with 7: no id of UK Biobank


def png(path: Path, number: int) -> None:
    figure = plt.figure(figsize=(0.2, 0.2))
    figure.savefig(path, metadata={"Comment": f"scan of {number}"})
    plt.close(figure)


def html(path: Path, number: int) -> None:
    inner = path.with_suffix(".png")
    png(inner, number)
    code = base64.b64encode(inner.read_bytes()).decode()
    inner.unlink()
    path.write_text(f'<!doctype html><img src="data:image/png;base64,{code}">')


def zipped(path: Path, number: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.csv.gz", gzip.compress(f"eid\n{number}\n".encode()))


PLANT: dict[str, Callable[[Path, int], None]] = {
    "notes.txt": lambda path, number: path.write_text(f"one\ntwo {number}, three\n"),
    "table.csv": lambda path, number: path.write_text(f"eid,age\n{number},60\n"),
    "config.json": lambda path, number: path.write_text(json.dumps({"a": {"people": [number]}})),
    "numbers.parquet": lambda path, number: pd.DataFrame({"eid": [number]}).to_parquet(path),
    "floats.parquet": lambda path, number: pd.DataFrame({"x": [None, float(number)]}).to_parquet(path),
    "texts.parquet": lambda path, number: pd.DataFrame({"path": [f"scans/{number}/sa"]}).to_parquet(path),
    "lists.parquet": lambda path, number: pd.DataFrame({"x": [[1, number]]}).to_parquet(path),
    "columns.parquet": lambda path, number: pd.DataFrame({f"{number}": [1]}).to_parquet(path),
    "arrays.npz": lambda path, number: np.savez(path, anything=np.array([[0, number]])),
    "packed.npz": lambda path, number: np.savez_compressed(path, anything=np.array([str(number)])),
    "members.npz": lambda path, number: np.savez(path, **{f"m {number}": np.zeros(1)}),
    "one.npy": lambda path, number: np.save(path, np.array([number], dtype=np.int32)),
    "model.safetensors": lambda path, number: save_file(
        {"a": np.zeros(3, np.float32)}, path, metadata={"x": f"{number}"}
    ),
    "rows.safetensors": lambda path, number: save_file({"a": np.array([3, number])}, path),
    "figure.png": png,
    "report.html": html,
    "bundle.zip": zipped,
    "log.gz": lambda path, number: path.write_bytes(gzip.compress(f"read {number}".encode())),
    "floats.safetensors": lambda path, number: save_file({"a": np.array([0.5, number])}, path),
    "structures.parquet": lambda path, number: pd.DataFrame({"x": [{"a": {"b": number}}]}).to_parquet(path),
    "missing.csv": lambda path, number: path.write_text(f"eid,age\n{number}.0,60\n"),
    "texts.pt": lambda path, number: torch.save({"seen": [str(number)], "a": torch.zeros(3)}, path),
    "numbers.pt": lambda path, number: torch.save({"seen": [number], "a": torch.zeros(3)}, path),
    "events.bin": lambda path, number: path.write_bytes(b"\0\1\2 " + str(number).encode() + b" \0"),
}

# where a number that only looks like an id would be chance
PLANT_KNOWN: dict[str, Callable[[Path, int], None]] = {
    "rows.pt": lambda path, number: torch.save({"a": torch.zeros(3), "b": torch.tensor([5, number])}, path),
    "fractions.pt": lambda path, number: torch.save(torch.tensor([0.5, number], dtype=torch.float64), path),
    "arrays.bin": lambda path, number: path.write_bytes(np.array([0, number]).tobytes()),
    "fields.bin": lambda path, number: path.write_bytes(b"\0\7" + f"P{number}Q".encode()),
    "names.txt": lambda path, number: path.write_text(f"scan eid{number}sa of"),
}


@pytest.mark.parametrize("name", PLANT | PLANT_KNOWN)
def test_an_id_of_the_cohort_is_found_in_each_kind_of_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    (PLANT | PLANT_KNOWN)[name](path, OTHER)
    assert any(finding.known for finding in search_file(path, {OTHER}, alike=False))
    assert not list(search_file(path, {ID}, alike=False))


@pytest.mark.parametrize("name", PLANT)
def test_what_looks_like_an_id_is_found_in_each_kind_of_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    PLANT[name](path, ID)
    found = list(search_file(path, set(), alike=True))
    assert found
    assert not any(finding.known for finding in found)
    assert str(ID) not in "".join(map(str, found))
    PLANT[name](path, OTHER)
    assert not list(search_file(path, set(), alike=True))


def test_names_of_files_are_searched(tmp_path: Path) -> None:
    path = tmp_path / f"sub-{ID}_sa.txt"
    path.write_text("nothing")
    assert [finding.place for finding in search_file(path, {ID}, alike=False)] == ["name"]


def test_names_of_folders_are_searched_from_the_given_one_on(tmp_path: Path) -> None:
    tree = tmp_path / str(ID) / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "a.txt").write_text("nothing")
    main([str(tree)])
    (tree / "deep").rename(tree / str(ID))
    with pytest.raises(UserError, match="1 places"):
        main([str(tree)])


def test_voxels_and_weights_are_not_taken_for_ids(tmp_path: Path) -> None:
    """Every 8 bytes of these would be the id."""
    voxels = np.frombuffer(np.int64(OTHER).tobytes() * 1000, np.uint8).reshape(20, 20, 20)
    image, weights = tmp_path / "sa.nii.gz", tmp_path / "model.safetensors"
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), image)
    save_file({"a": voxels.view(np.float16)}, weights)
    np.savez(tmp_path / "shard.npz", voxels=voxels)
    torch.save(torch.from_numpy(np.random.default_rng(0).normal(size=300_000).astype(np.float32)), tmp_path / "m.pt")
    everybody = set(range(1_000_000, 6_000_000))
    for path in tmp_path.iterdir():
        assert not list(search_file(path, everybody, alike=False))


def test_a_hash_holds_no_id_of_the_cohort(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(f"a{ID}f #{ID} 0.{ID} {ID}.5 9{ID} {ID}%")
    assert not list(search_file(path, {ID}, alike=True))


@pytest.mark.parametrize(
    "text", ["0.1234567", "1234567.5", "a1234567", "#1234567", "12345678", "2000000", "f-1234567e"]
)
def test_numbers_that_are_no_ids_are_left_in_peace(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(f"x {text} y")
    assert not list(search_file(path, set(), alike=True))


def test_the_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    PLANT["notes.txt"](path, ID)
    assert [finding.place for finding in search_file(path, {ID}, alike=True)] == ["line 2"]


def test_the_command_lists_places_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, plant in PLANT.items():
        plant(tree / name, OTHER)
    ids = tmp_path / "ids.csv"
    ids.write_text(f"eid\n{OTHER}\n")
    with pytest.raises(UserError, match=f"in {len(PLANT)} of {len(PLANT)} files"):
        main([str(tree), "--ids", str(ids), "--known-only"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in PLANT)
    assert str(OTHER) not in printed


def test_a_clean_tree_passes_and_leaves_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("2026 participants")
    main([str(tmp_path / "a.txt"), "--output", str(tmp_path / "audit.txt")])
    assert "1 files searched" in (tmp_path / "audit.txt").read_text()


def test_made_up_ids_pass_and_ids_of_the_cohort_never_do(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "test_a.py"
    path.parent.mkdir()
    path.write_text(f"EID = {ID}\n")
    main([str(path), "--made-up", "*/tests/*"])
    ids = tmp_path / "ids.parquet"
    pd.DataFrame({"eid": [ID]}).to_parquet(ids)
    with pytest.raises(UserError, match="1 places"):
        main([str(path), "--made-up", "*/tests/*", "--ids", str(ids)])


def test_a_repository_is_searched_as_far_as_git_tracks_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/results/\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.csv").write_text(f"{ID}\n")
    main([str(tmp_path)])
    with pytest.raises(UserError, match="1 places"):
        main([str(tmp_path / "results")])
    (tmp_path / "b.csv").write_text(f"{ID}\n")
    with pytest.raises(UserError, match="1 places"):
        main([str(tmp_path)])


def test_a_damaged_file_is_searched_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 no table " + str(ID).encode() + b" PAR1")
    assert [finding.known for finding in search_file(path, {ID}, alike=True)] == [True]


def test_this_repository_is_clean() -> None:
    main([str(Path(__file__).resolve().parents[2])])


def test_what_pyproject_says_is_made_up_passes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.vita.audit]\nmade-up = ["tests/*"]\n')
    for folder in ("tests/deep", "src"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text(f"EID = {ID}\n")
    with pytest.raises(UserError, match="in 1 of 3 files"):
        main([str(tmp_path)])
