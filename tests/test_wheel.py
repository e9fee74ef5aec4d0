"""The installed wheel: its commands work outside the clone, with templates, schema, presets and resources in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from presets import ROOT

# what the wheel is built from; tests, results and the clone's own folders are not
SOURCES = ("src", "workflow", "pyproject.toml", "README.md", "LICENSE", "config.yaml")

pytest.importorskip("setuptools", "77", reason="the wheel is built by setuptools 77 or later, without a network")


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | more
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of an environment that has the wheel, and the other packages of this environment."""
    root = tmp_path_factory.mktemp("wheel")
    (root / "source").mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / "source" / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", "./source"], root)
    assert built.returncode == 0, built.stderr[-3000:]
    venv.create(root / "env", with_pip=False)
    site = next((root / "env").glob("lib/python*/site-packages"))
    (wheel,) = (root / "dist").glob("*.whl")
    python = str(root / "env" / "bin" / "python")
    put = run([*pip, "--python", python, "install", "--no-deps", "--no-index", str(wheel)], root)
    assert put.returncode == 0, put.stderr[-3000:]
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return root / "env" / "bin"


def test_the_package_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    found = run([str(installed / "python"), "-c", "import vita; print(vita.__file__)"], tmp_path)
    assert Path(found.stdout.strip()).is_relative_to(installed.parent)


@pytest.mark.parametrize("name", ["predict", "describe", "check", "release", "audit"])
def test_commands_are_there(name: str, installed: Path, tmp_path: Path) -> None:
    found = run([str(installed / "vita"), name, "--help"], tmp_path)
    assert found.returncode == 0, found.stderr
    assert "usage: vita" in found.stdout


def test_check_finds_schema_presets_and_resources(installed: Path, tmp_path: Path) -> None:
    found = run([str(installed / "vita"), "check", "--quick"], tmp_path)
    assert found.returncode == 0, found.stderr
    assert "trains 52 models on 1,492 participants" in found.stdout
    (tmp_path / "own.yaml").write_text("tabular: {exclude: [diagnosis]}\n")
    preset = ["--configfile", "workflow/presets/smoke.yaml", "own.yaml"]
    wrong = run([str(installed / "vita"), "check", "--quick", *preset], tmp_path)
    assert wrong.returncode == 1
    assert "'tabular.exclude' names diagnosis" in wrong.stderr


def test_public_facts_are_in_it(installed: Path, tmp_path: Path) -> None:
    facts = "from vita.cohort import dictionary, icd10; print(dictionary.titles()[31], len(icd10.expand('I21')))"
    found = run([str(installed / "python"), "-c", facts], tmp_path)
    assert found.stdout.split() == ["Sex", "8"], found.stderr  # I21, I210 to I214, I219, I21X


def test_templates_are_in_it(installed: Path) -> None:
    site = next(installed.parent.glob("lib/python*/site-packages")) / "vita"
    own = {path.relative_to(ROOT / "src" / "vita") for path in (ROOT / "src" / "vita").rglob("*.html*")}
    assert len(own) >= 8
    assert own == {path.relative_to(site) for path in site.rglob("*.html*")}
