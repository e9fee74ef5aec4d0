"""What jobs ask for comes from one table of the config; GPUs bound what runs side by side."""

import re
from pathlib import Path

import pytest
import yaml

from vita import names
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = pytest.mark.workflow
RULES = ROOT / "workflow" / "rules"


def dry(folder: Path, *config: str) -> str:
    run = snakemake(folder, "-n", "--verbose", "--printshellcmds", "--config", *config)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_rules_type_no_numbers() -> None:
    for path in RULES.glob("*.smk"):
        assert not re.search(r"\b(mem_mb|runtime|gpu)\s*=\s*\d", path.read_text()), path.name


def test_each_row_is_of_a_rule_and_each_rule_asks_for_its_own() -> None:
    rows = set(yaml.safe_load((ROOT / "config.yaml").read_text())["resources"]["rules"])
    used = set()
    for path in RULES.glob("*.smk"):
        blocks = re.split(r"(?m)^ *rule\b", path.read_text())[1:]
        for block in blocks:
            asked = re.findall(r'\b(?:asked|asked_by_training|cpus|computing)\("(\w+)"', block)
            assert len(set(asked)) == 1, f"{path.name}: {block.splitlines()[0]} asks for {asked}"
            used |= set(asked)
    assert used == rows


def test_a_gpu_is_asked_for_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    planned = dry(tmp_path, "seed=1")
    assert "python -m vita.runtime.gpus --count 1 -- python -m vita.training.stage1" in planned
    assert "--count 1 -- python -m vita.phantom" not in planned
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    planned = dry(tmp_path, "seed=1")
    assert "python -m vita.runtime.gpus --count 0 -- python -m vita.training.stage1" in planned
    assert "vita.runtime.gpus --count 1" not in planned


def test_a_training_over_nodes_is_started_on_each_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    rules = {"train_stage1": {"gpus": 4}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"training": {"nodes": 2}, "resources": {"rules": rules}}))
    cluster = ("-n", "-p", "--executor", "slurm", "--jobs", "9")
    run = snakemake(tmp_path, *cluster, "--configfile", str(tmp_path / "own.yaml"))
    assert run.returncode == 0, run.stderr
    commands = re.findall(r"(?m)^Shell command: (.* -m vita\.\S+)", re.sub(r" --(?!count|\s).*", "", run.stdout))
    over = {command for command in commands if "vita.runtime.nodes" in command}
    launcher = "python -m vita.runtime.nodes --count 2 -- python -m vita.runtime.gpus --count"
    assert {command for command in over if "stage1" in command} == {f"{launcher} 4 -- python -m vita.training.stage1"}
    assert {command.rpartition(".")[2] for command in over} == {"stage1", "stage2", "stage3"}
    assert not any("vita.training.stage" in command for command in set(commands) - over)


def test_the_cluster_groups_rules_that_exist() -> None:
    profile = yaml.safe_load((ROOT / "workflow" / "profiles" / "slurm" / "config.v9+.yaml").read_text())
    grouped = {entry.split("=")[0] for entry in profile["groups"]}
    rules = set(re.findall(r"(?m)^rule (\w+):", "".join(path.read_text() for path in RULES.glob("*.smk"))))
    assert grouped <= rules | {f"draw_{figure.name}" for figure in names.FIGURES}
    groups = {entry.split("=")[1] for entry in profile["groups"]}
    assert {entry.split("=")[0] for entry in profile["group-components"]} <= groups
