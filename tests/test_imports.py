"""What is imported: collection rests meanwhile, and jobs that train nothing do not load libraries for training."""

import subprocess
import sys

import pytest

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
