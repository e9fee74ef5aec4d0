"""An id is found in every kind of file that the workflow writes, and nothing that only looks like one."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from vita.cohort.traces import files_with, main
from vita.runtime.errors import UserError

GONE, OTHER = 1000020, 1000037


def parquet(path: Path, eid: int) -> None:
    pd.DataFrame({"eid": [1, eid]}).to_parquet(path)


def lists(path: Path, eid: int) -> None:
    pd.DataFrame({"paths": [["a"], [f"/scans/{eid}/sa.nii.gz"]]}).to_parquet(path)


def floats(path: Path, eid: int) -> None:
    pd.DataFrame({"eid": [None, float(eid)]}).to_parquet(path)


def arrays(path: Path, eid: int) -> None:
    np.savez_compressed(path, eid=np.array([[3], [eid]]), voxels=np.zeros((2, 9), np.uint8))


def named(path: Path, eid: int) -> None:
    np.savez_compressed(path, **{f"{eid}_sa": np.zeros(3, np.float32)})


def text(path: Path, eid: int) -> None:
    path.write_text(f"x,y\n{eid},0.5\n")


def record(path: Path, eid: int) -> None:
    path.write_text(json.dumps({"people": [eid]}))


def state(path: Path, eid: int) -> None:
    torch.save({"progress": {"seen": [str(eid)]}, "weights": torch.zeros(4)}, path)


def tensors(path: Path, eid: int) -> None:
    save_file({"eids": torch.tensor([eid, 7])}, path)


WRITERS = {
    "a.parquet": parquet,
    "b.parquet": lists,
    "c.parquet": floats,
    "a.npz": arrays,
    "b.npz": named,
    "a.csv": text,
    "a.json": record,
    "a.log": text,
    "a.pt": state,
    "a.safetensors": tensors,
}


@pytest.mark.parametrize("name", WRITERS)
def test_an_id_is_found_in_every_kind_of_file(name, tmp_path):
    (tmp_path / "deep").mkdir()
    WRITERS[name](tmp_path / "deep" / name, GONE)
    assert files_with(tmp_path, [GONE, 5000000]) == [tmp_path / "deep" / name]
    assert files_with(tmp_path, [OTHER]) == []


def test_names_count_and_decimals_do_not(tmp_path):
    (tmp_path / str(GONE)).mkdir()
    (tmp_path / str(GONE) / "sa.nii.gz").write_bytes(b"x")
    (tmp_path / "a.csv").write_text(f"0.{OTHER},1{OTHER}5\n")
    assert files_with(tmp_path, [GONE, OTHER]) == [tmp_path / str(GONE) / "sa.nii.gz"]


def test_command_line_prints_files_and_fails_if_there_are_any(tmp_path, capsys):
    results = tmp_path / "results"
    results.mkdir()
    (tmp_path / "w.csv").write_text(f"{GONE}\n")
    main(["--folder", str(results), "--withdrawals", str(tmp_path / "w.csv")])
    text(results / "a.csv", GONE)
    with pytest.raises(SystemExit) as caught:
        main(["--folder", str(results), "--withdrawals", str(tmp_path / "w.csv")])
    assert caught.value.code == 1
    assert capsys.readouterr().out == f"{results / 'a.csv'}\n"
    (results / "b.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(UserError, match=r"b\.parquet: cannot be searched"):
        files_with(results, [GONE])
    with pytest.raises(UserError, match="no such folder"):
        files_with(tmp_path / "nothing", [GONE])
