"""Imports: collection rests meanwhile, and neither a start nor a job loads what it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from presets import ROOT

CODE = """
import gc
from vita.runtime.imports import without_collection

try:
    with without_collection():
        assert not gc.isenabled()
        import decimal
        raise ImportError
except ImportError:
    assert gc.isenabled()
assert gc.get_freeze_count() > 1000
kept = gc.get_objects()
assert decimal.__dict__ not in [each for each in kept if isinstance(each, dict)]
gc.disable()
with without_collection():
    pass
assert not gc.isenabled()
"""


def test_collection_rests_within_and_is_as_before_afterwards() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_the_start_of_a_run_and_of_a_check_waits_for_no_torch(tmp_path: Path) -> None:
    """Both import every check, and a start of Snakemake would take twice as long."""
    watched = "import sys; {}; assert 'torch' not in sys.modules, 'torch was imported'"
    check = "from vita.check.command import main; main(['--quick'])"
    plan = f"from snakemake.cli import main, parse_args, args_to_api; args_to_api(*parse_args({_plan()})[::-1])"
    for command in (check, plan):
        run = subprocess.run(
            [sys.executable, "-c", watched.format(command)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr


def _plan() -> list[str]:
    """Arguments of a dry run in the folder of the process."""
    return ["--snakefile", str(ROOT / "Snakefile"), "-n", "--cores", "1", "--", "results/config.json"]


@pytest.mark.parametrize(
    "module",
    [
        "vita.apply.models",
        "vita.evaluation.inference",
        "vita.evaluation.membership_signals",
        "vita.training.control_fits",
        "vita.training.frozen",
        "vita.training.session",
    ],
)
def test_what_trains_nothing_does_not_wait_for_lightning_and_monai(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'lightning', 'monai', 'torchmetrics'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
