"""The crate judged by rocrate-validator, which has an environment of its own: its dependencies do not go with ours.

python -m venv crate && crate/bin/pip install roc-validator==0.13.0 rocrate==0.11.0
ROCRATE_VALIDATOR=crate/bin/rocrate-validator python -m pytest tests/release/test_validated_crate.py
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.release.test_make import finished

from vita.release.crate import NAME
from vita.release.make import make

_VALIDATOR = os.environ.get("ROCRATE_VALIDATOR") or shutil.which("rocrate-validator")
pytestmark = pytest.mark.skipif(
    _VALIDATOR is None, reason="ROCRATE_VALIDATOR does not name rocrate-validator, see this test's first lines"
)
_PROFILES = ("ro-crate-1.1", "process-run-crate-0.5")

Judged = Callable[[Path], tuple[bool, str]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Whether a crate has everything that both profiles require, and the validator's report."""
    cache = tmp_path_factory.mktemp("cache") / "context"
    validator = Path(str(_VALIDATOR)).absolute()
    context = Path(__file__).with_name("crate_context.py")
    subprocess.run([validator.with_name("python"), context, cache], check=True, capture_output=True)

    def judge(folder: Path) -> tuple[bool, str]:
        profiles = [word for profile in _PROFILES for word in ("-p", profile)]
        options = ["-l", "REQUIRED", "--offline", "--cache-path", str(cache), "-f", "json", "--no-paging"]
        found = subprocess.run(
            [validator, "-y", "validate", *profiles, *options, str(folder)], capture_output=True, text=True, check=False
        )
        return found.returncode == 0, found.stdout + found.stderr

    return judge


@pytest.fixture(scope="module")
def release(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = finished(tmp_path_factory.mktemp("validated") / "results", tables, "files")
    make(results, results / "release")
    return results / "release"


def test_the_release_is_a_process_run_crate(release: Path, judged: Judged) -> None:
    valid, report = judged(release)
    assert valid, report
    assert all(profile in report for profile in _PROFILES)


@pytest.mark.parametrize(
    "broken",
    [
        lambda entities: entities["#run"].pop("instrument"),
        lambda entities: entities["./"].pop("datePublished"),
        lambda entities: entities[NAME].pop("about"),
    ],
)
def test_a_broken_crate_is_not(
    broken: Callable[[dict[str, dict]], object], release: Path, judged: Judged, tmp_path: Path
) -> None:
    """So the validator does look at it."""
    folder = tmp_path / "release"
    shutil.copytree(release, folder)
    document = json.loads((folder / NAME).read_text())
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    broken(entities)
    (folder / NAME).write_text(json.dumps(document | {"@graph": list(entities.values())}))
    valid, report = judged(folder)
    assert not valid, report
