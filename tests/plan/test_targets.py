"""Targets that nothing makes, and files where folders must be."""

import subprocess
import sys
from pathlib import Path

import pytest

from vita.plan.targets import files_for_folders, unknown_target

ROOT = Path(__file__).parents[2]
FILES = ["results/tables/table1_sa_phenotypes.csv", "results/index.html", "results/tables/tableC8_cohort.csv"]


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("results/tables/table1_sa_phenotype.csv", "did you mean results/tables/table1_sa_phenotypes.csv?"),
        ("results/tables/table1.csv", "did you mean results/tables/table1_sa_phenotypes.csv?"),
        ("train_stage", "did you mean train_stage1?"),
        ("Results/index.html", "did you mean results/index.html?"),
        ("xyz", "results/README.md lists the files"),
        ("table1", "did you mean results/tables/table1_sa_phenotypes.csv?"),
        ("TableC8", "did you mean results/tables/tableC8_cohort.csv?"),
        ("my.yaml", "did you mean --configfile my.yaml?"),
        ("other.yaml", "results/README.md lists the files"),
        ("8", "did you mean --cores 8?"),
    ],
)
def test_a_target_is_named_with_what_was_meant(
    target: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").touch()
    line = unknown_target(target, ["all", "train_stage1", *FILES])
    assert f"has the name {target}; " in line
    assert hint in line


def test_a_file_where_a_folder_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    outputs = [
        "results/cohort/split.parquet",
        "results/models/{model}/config.json",
        "results/index.html",
        "results/tables/tableC8_cohort.csv",
    ]
    assert list(files_for_folders(outputs)) == []
    Path("results/models").touch()
    (line,) = files_for_folders(outputs)
    assert line == "results/models is a file, but the run needs a folder of that name; move it away"


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("target", "blocked", "words"),
    [
        (
            "results/tables/table1.csv",
            "",
            "has the name results/tables/table1.csv; did you mean results/tables/table1_sa",
        ),
        ("results/cohort/split.parquet", "results/cohort", "results/cohort is a file"),
        ("train_stage3", "", "a target is the name of a rule that makes many files; name one of its files"),
    ],
)
def test_snakemake_ends_with_one_line(target: str, blocked: str, words: str, tmp_path: Path) -> None:
    if blocked:
        (tmp_path / blocked).parent.mkdir()
        (tmp_path / blocked).touch()
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "-s", str(ROOT / "Snakefile"), target]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    (line,) = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("error: ")]
    assert words in line
