"""With which cohort `vita release --check` compares a folder that comes without one."""

import json
from pathlib import Path

import pytest

from vita.release.command import judge
from vita.runtime.errors import UserError


def test_a_release_is_compared_with_the_results_folder_that_it_lies_in(results: Path, tmp_path: Path) -> None:
    """Both have the run's configuration, only one the cohort."""
    own = tmp_path / "results"
    own.mkdir()
    for part in ("cohort", "images"):
        (own / part).symlink_to(results / part)
    release = own / "release"
    release.mkdir()
    for folder in (own, release):
        (folder / "config.json").write_text(json.dumps({"input": {"source": "files"}}))
    assert all(not output.findings for output in judge(release, [], [], 10))
    (release / "config.json").rename(release / "settings.json")
    (own / "config.json").unlink()
    with pytest.raises(UserError, match="is not in a results folder; use --cohort"):
        judge(release, [], [], 10)
