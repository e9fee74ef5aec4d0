"""The conda environment asks for what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def _requirement(text: str) -> tuple[str, str]:
    """Name as conda spells it, and versions without blanks."""
    name, versions = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?\s*(.*)", text).groups()
    return CONDA_NAMES.get(name, name), versions.replace(" ", "")


def test_conda_equals_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(map(_requirement, [*project["dependencies"], f"python {project['requires-python']}"]))
    entries = yaml.safe_load((ROOT / "envs" / "vita.yaml").read_text())["dependencies"]
    lines = [entry for entry in entries if isinstance(entry, str) and entry != "pip"]
    lines += [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    assert dict(map(_requirement, lines)) == wanted
