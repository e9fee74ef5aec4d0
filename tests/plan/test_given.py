"""Mistakes that Snakemake itself would meet, before our Snakefile, are one line each."""

import os
from pathlib import Path

import pytest

from vita.plan.given import check_given, exit_if_wrong
from vita.runtime.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("seed: 1\n")
    Path("more").write_text("seed: 2\n")
    Path("broken.yaml").write_text("stage1: {lr: 1\nstage2:")
    Path("list.yaml").write_text("- a\n")
    Path("latin.yaml").write_bytes("\u00fcber: 1\n".encode("latin-1"))
    Path("empty.yaml").touch()
    Path("folder").mkdir()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-n", "--cores", "2", "results/tables/table1.csv"],
        ["--configfile", "own.yaml", "more", "-n"],
        ["--configfiles", "own.yaml", "--config", "seed=2", "input={source: phantom}", "--", "results/nowhere.yaml"],
        ["-C", "stage1={'lr': 0.1}", "--conda-frontend", "conda"],
        ["--", "--configfile", "nowhere.yaml"],
        ["--directory", "folder/new/one", "-n"],
    ],
)
def test_what_is_right_passes(arguments: list[str]) -> None:
    check_given(arguments)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--configfile nowhere.yaml", ["--configfile names nowhere.yaml, which is not there; look at its spelling"]),
        (
            "-n --configfile own.yaml owns.yaml --cores 2",
            ["names owns.yaml, which is not there; did you mean own.yaml?"],
        ),
        ("--configfiles nowhere.yaml", ["names nowhere.yaml"]),
        ("--configfile=nowhere.yaml", ["names nowhere.yaml"]),
        ("--configfile broken.yaml", ["broken.yaml, line 2: not valid YAML"]),
        ("--configfile list.yaml", ["list.yaml, line 1: a configuration consists of keys with values"]),
        ("--configfile latin.yaml", ["latin.yaml, line 1: byte 0xfc is not UTF-8; save the file as UTF-8"]),
        ("--configfile empty.yaml", ["empty.yaml: the configuration is empty"]),
        ("--configfile folder", ["folder: the configuration cannot be read: Is a directory"]),
        ("--configfile own.yaml results/report.html", ["results/report.html", "write targets before --configfile"]),
        ("--configfile own.yaml release -n", ["names release, which is no configuration", "or after --"]),
        ("--configfile own.yaml --configfile more", ["--configfile is there 2 times; write it once"]),
        ("--config seed=1 -C seeds=[2]", ["--config is there 2 times"]),
        ("--config seed=1 seed=2", ["--config names seed 2 times; write it once"]),
        ("-n --directory own.yaml", ["--directory names own.yaml, but own.yaml is a file; name a folder"]),
        ("-d own.yaml/run", ["--directory names own.yaml/run, but ", "own.yaml is a file"]),
        ("--config seed", ["--config got 'seed'; write KEY=VALUE"]),
        ("--config seed=1 results/report.html", ["--config got 'results/report.html'; write KEY=VALUE"]),
        ("--config stage1.lr=0.1", ["write a key within a block as 'stage1={lr: 0.1}', in quotes"]),
        ("--config stage3.defaults.lr=1e-3", ["as 'stage3={defaults: {lr: 1e-3}}', in quotes"]),
        ("--config 1=2", ["--config got '1=2'; a key begins with a letter"]),
        ("--config stage1={lr:[}", ["--config stage1: the value is not YAML"]),
    ],
)
def test_a_mistake_is_one_line(line: str, words: list[str]) -> None:
    with pytest.raises(UserError) as mistake:
        check_given(line.split())
    assert "\n" not in str(mistake.value)
    for word in words:
        assert word in str(mistake.value)


def test_snakemake_ends_with_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        exit_if_wrong(["--configfile", "nowhere.yaml"])
    assert str(end.value).startswith("error: --configfile names nowhere.yaml")
    exit_if_wrong(["--configfile", os.fspath(Path("own.yaml").absolute())])


def test_a_folder_that_may_not_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(
        UserError, match=r"--directory names folder/new, but you may not write to .*folder; name another"
    ):
        check_given(["--directory", "folder/new"])
