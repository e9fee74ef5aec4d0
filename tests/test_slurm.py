"""Jobs that a killed run left on SLURM are cancelled before the next run, and no others."""

import os
from pathlib import Path

import pytest

from vita.runtime.claim import cancel_leftovers
from vita.runtime.errors import UserError

QUEUE = """#!/bin/sh
test "$1 $2 $3" = "--me --noheader --format=%A|%Z|%k" && cat {queue}
"""
CANCEL = """#!/bin/sh
for job; do sed -i "/^$job|/{what}" {queue}; echo "$job" >> {cancelled}; done
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run, with a queue that `fake` makes."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    (tmp_path / "run").mkdir()
    return (tmp_path / "run").resolve()


def fake(folder: Path, lines: list[str], what: str = "d") -> Path:
    """Fake squeue and scancel over a file of lines; returns the file of cancelled jobs."""
    queue, cancelled = folder.parent / "queue", folder.parent / "cancelled"
    queue.write_text("".join(f"{line}\n" for line in lines))
    for name, text in (("squeue", QUEUE), ("scancel", CANCEL)):
        path = folder.parent / name
        path.write_text(text.format(queue=queue, cancelled=cancelled, what=what))
        path.chmod(0o755)
    return cancelled


def test_jobs_of_this_folder_are_cancelled_and_no_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    cancelled = fake(
        folder,
        [
            f"1|{folder}|rule_train_stage1_wildcards_vita",
            f"2|{folder}/other|rule_train_stage1",  # another run
            f"3|{folder}|(null)",  # the user's own job, begun in the folder
            f"4|{folder}|rule_figures",
            f"4|{folder}|rule_figures",  # of an array
            f"7|{folder}|rule_outer",  # in which this run is
        ],
    )
    assert cancel_leftovers(folder) == 2
    assert cancelled.read_text() == "1\n4\n"
    assert cancel_leftovers(folder) == 0


def test_a_job_that_does_not_end_stops_the_run(folder: Path) -> None:
    fake(folder, [f"1|{folder}|rule_x"], what="p")
    with pytest.raises(UserError, match=r"SLURM jobs 1 of a killed run in .* do not end; cancel them \(scancel 1\)"):
        cancel_leftovers(folder, patience_s=0)


def test_a_queue_that_does_not_answer_stops_the_run(folder: Path) -> None:
    fake(folder, [])
    (folder.parent / "squeue").write_text("#!/bin/sh\necho 'no contact' >&2; exit 1\n")
    with pytest.raises(UserError, match=r"SLURM does not say .* \(squeue: no contact\)"):
        cancel_leftovers(folder)


def test_a_machine_without_slurm_has_no_such_jobs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert cancel_leftovers(folder) == 0
