"""What a user sees through Snakemake when a table is wrong: the module's one line, exit code 1, and nothing written."""

import re
from pathlib import Path

import pytest
import yaml

from check import cohort
from cohort import world
from workflow.test_dry_runs import snakemake

pytestmark = pytest.mark.workflow


def extract(folder: Path, *tables: Path) -> tuple[int, str]:
    """Exit code and all that Snakemake prints for the features of tables."""
    (folder / "scans").mkdir()
    source = {"source": "files", "tables": list(map(str, tables)), "scans": str(folder / "scans"), "withdrawals": None}
    (folder / "own.yaml").write_text(yaml.safe_dump({"input": source}))
    run = snakemake(folder, "--configfile", str(folder / "own.yaml"), "--", "results/cohort/fields.parquet")
    assert not (folder / "results" / "cohort" / "fields.parquet").exists()
    return run.returncode, run.stdout + run.stderr


def errors(output: str) -> set[str]:
    return {line.strip() for line in output.splitlines() if line.strip().startswith("error: ")}


def test_a_missing_table_is_named_before_anything_runs(tmp_path: Path) -> None:
    table = tmp_path / "nothing.csv"
    code, output = extract(tmp_path, table)
    assert code == 1
    assert errors(output) == {f"error: config: 'input.tables' names {table}, which does not exist"}
    assert "Traceback" not in output
    assert not (tmp_path / "results" / "logs" / "extract_fields.log").exists()


def test_a_dry_run_plans_and_names_the_table_that_is_not_there(tmp_path: Path) -> None:
    table = tmp_path / "nothing.csv"
    source = {"source": "files", "tables": [str(table)], "scans": str(tmp_path), "withdrawals": None}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"input": source}))
    run = snakemake(tmp_path, "-n", "--configfile", str(tmp_path / "own.yaml"), "--", "results/cohort/fields.parquet")
    assert run.returncode == 0
    assert (
        f"{table}: named in the configuration's block input, and there is no such file yet" in run.stdout + run.stderr
    )


def test_a_bad_table_ends_in_one_line_before_anything_runs(tmp_path: Path) -> None:
    """tests/test_mistakes.py has all that the check sees in a table."""
    columns = world.make_world()
    male = columns | {"31-0.0": ["Male", *columns["31-0.0"][1:]]}
    code, output = extract(tmp_path, world.classic(tmp_path / "t.csv", male))
    assert code == 1
    (line,) = errors(output)
    assert "31-0.0 (Sex): a cell of the form 'Aa'" in line
    assert "RAW, not REPLACE" in line
    assert not (tmp_path / "results" / "logs" / "extract_fields.log").exists()
    assert "Traceback" not in output


def test_what_the_job_alone_sees_ends_in_one_line(tmp_path: Path) -> None:
    """Only it reads all rows of both tables, which contradict each other."""
    columns = world.make_world()
    turned = {"0": "1", "1": "0", "": ""}
    other = {"eid": columns["eid"], "31-0.0": [turned[cell] for cell in columns["31-0.0"]]}
    code, output = extract(
        tmp_path, world.classic(tmp_path / "a.csv", columns), world.classic(tmp_path / "b.csv", other)
    )
    assert code == 1
    (line,) = errors(output)
    assert "b.csv, column 31-0.0: " in line
    assert line.endswith("[results/logs/extract_fields.log]")
    assert "Traceback" not in output


def test_several_nodes_without_a_cluster_are_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("training: {nodes: 2}\n")
    run = snakemake(tmp_path, "--configfile", str(tmp_path / "own.yaml"), "--", "results/phantom/table.csv")
    assert run.returncode == 1
    (line,) = errors(run.stdout + run.stderr)
    assert re.search(r"'training\.nodes' is 2.*--profile workflow/profiles/slurm, or set it to 1", line)
    assert not (tmp_path / "results" / "phantom").exists()


def test_scans_without_masks_stop_a_run_before_its_trainings(tmp_path: Path) -> None:
    cohort.write(tmp_path)
    for path in (tmp_path / "scans").rglob("seg*"):
        path.unlink()
    target = "results/models/stage1/vita/model.safetensors"
    run = snakemake(tmp_path, "--configfile", str(tmp_path / "own.yaml"), "--", target)
    assert run.returncode == 1
    found = errors(run.stdout + run.stderr)
    assert any("'phenotypes.source' is masks" in line and "set it to fields" in line for line in found)
    assert any("names segmentation, but nobody under scans has a mask" in line for line in found)
    assert all("set 'images.masks.source' to model" in line for line in found)
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_a_number_that_is_none_is_told_when_a_run_is_planned(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("stage1: {lr: .nan}\n")
    run = snakemake(tmp_path, "-n", "--configfile", str(tmp_path / "own.yaml"))
    assert run.returncode == 1
    assert errors(run.stdout + run.stderr) == {
        "error: config: 'stage1.lr' is nan, which is not a finite number; write one, such as 1.0e-3"
    }
