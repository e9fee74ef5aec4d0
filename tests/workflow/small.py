"""A piece of the smoke preset for tests that are about how jobs are run, not about what they compute."""

from pathlib import Path

import yaml

from workflow.test_dry_runs import ROOT

CONFIG = {
    "phantom": {"participants": 24, "batches": 1, "broken_scans": 0, "withdrawn": 1},
    "images": {"shard_count": 1},
    "stage1": {"epochs": 1},
}
STAGE1 = "results/models/stage1/vita/model.safetensors"


def small_run(folder: Path, *targets: str) -> list[str]:
    """Arguments of a run of a minute at most in `folder`."""
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    smoke = ROOT / "workflow" / "presets" / "smoke.yaml"
    return ["--configfile", str(smoke), str(folder / "small.yaml"), "--", *targets]


def systems_alone(**tasks: list[str]) -> dict[str, dict[str, list[str]]]:
    """The config's block `systems` with these systems and tasks, and no others."""
    files = (ROOT / "config.yaml", ROOT / "workflow" / "presets" / "smoke.yaml")
    names = {name for file in files for name in yaml.safe_load(file.read_text())["systems"]}
    return {name: {"tasks": tasks.get(name, [])} for name in sorted(names)}
