"""Imports without collection: what is imported is not looked through again, and collection goes on afterwards."""

import subprocess
import sys

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
