"""The conda environment, the lock and the container hold what pyproject.toml asks for."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
CONDA_TO_PYPI = {conda: name for name, conda in CONDA_NAMES.items()}


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


def _lock(name: str = "requirements.lock") -> dict[str, str]:
    """Names as PyPI spells them, and the one version of each."""
    lines = (ROOT / "envs" / name).read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and line[0] not in "#-")
    assert all(name == canonicalize_name(name) for name in pins)
    return pins


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_has_a_version_that_pyproject_allows_of_each_requirement() -> None:
    pins, project = _lock(), _project()
    for text in project["dependencies"] + project["optional-dependencies"]["slurm"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def test_the_lock_holds_what_its_packages_need_and_nothing_else() -> None:
    """As far as the locked versions are installed here: they know what they need."""
    pins, project = _lock(), _project()
    extras = ["", *Requirement(next(text for text in project["dependencies"] if "snakemake[" in text)).extras]
    needed = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    needed |= {canonicalize_name(Requirement(text).name) for text in project["optional-dependencies"]["slurm"]}
    for name, version in pins.items():
        if not _installed(name, version):
            pytest.skip(f"{name} {version} of the lock is not installed here")
    requirements = {name: [Requirement(text) for text in metadata.requires(name) or []] for name in pins}
    asked = _extras(requirements)
    for name, wanted_by_it in requirements.items():
        chosen = extras if name == "snakemake" else [*extras[:1], *asked.get(name, ())]
        for wanted in wanted_by_it:
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in chosen):
                assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)], prereleases=True), wanted
                needed.add(canonicalize_name(wanted.name))
    assert set(pins) == needed


def _installed(name: str, version: str) -> bool:
    try:
        return metadata.version(name) == version
    except metadata.PackageNotFoundError:
        return False


def _extras(requirements: dict[str, list[Requirement]]) -> dict[str, set[str]]:
    """Extras of each package that others in the lock ask for."""
    asked: dict[str, set[str]] = {}
    for wanted in (each for wanted_by_one in requirements.values() for each in wanted_by_one):
        if wanted.marker is None:
            asked.setdefault(canonicalize_name(wanted.name), set()).update(wanted.extras)
    return asked


def test_the_container_installs_the_lock_on_a_python_that_pyproject_allows() -> None:
    recipe = (ROOT / "envs" / "vita.def").read_text()
    copied = re.search(r"%files\n\s+envs/requirements\.lock (\S+)\n", recipe).group(1)
    assert f"pip install --no-cache-dir --requirement {copied}\n" in recipe
    python = re.search(r"(?m)^From: python:(\d+\.\d+)-", recipe).group(1)
    assert Requirement(f"python{_project()['requires-python']}").specifier.contains(python)


def test_the_lock_of_nnunet_has_versions_that_its_conda_environment_allows() -> None:
    pins = _lock("nnunet.lock")
    entries = yaml.safe_load((ROOT / "envs" / "nnunet.yaml").read_text())["dependencies"]
    lines = [entry for entry in entries if isinstance(entry, str) and entry != "pip"]
    lines += [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    wanted = {CONDA_TO_PYPI.get(each.name, each.name): each for each in map(Requirement, lines)}
    python = wanted.pop("python")
    assert python.specifier == Requirement(f"python{_project()['requires-python']}").specifier
    assert set(wanted) == {"torch", "safetensors", "nnunetv2"}
    for name, requirement in wanted.items():
        assert requirement.specifier.contains(pins[name]), name


def test_the_actions_run_the_clones_own_checks_on_supported_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert any(step.get("run") == ".ci/run" for step in jobs["test"]["steps"])
    supported = SpecifierSet(project["requires-python"])
    assert all(f"{version}.0" in supported for version in jobs["test"]["strategy"]["matrix"]["python"])
