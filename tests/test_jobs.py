"""What the terminal shows of jobs: shortened reasons, lines about running trainings, the last lines of failed jobs."""

import io
import json
import logging
import os
import shlex
import time
from pathlib import Path

import pytest

from vita.runtime.jobs import Progress, Shorter, failure_lines, short_reason

SAME = {"seed": 1, "model": {"width": 33}}


def param(**stage: object) -> str:
    """Settings as a rule's param, as Snakemake prints it."""
    return repr(shlex.quote(json.dumps(SAME | {"stage": stage})))


def test_the_changed_key_is_named_with_both_values() -> None:
    reason = (
        "Set of input files has changed since last execution; Params have changed since last execution: Union of "
        f"exclusive params before and now across all output: before: {param(lr=0.001, epochs=2)} "
        f"now: {param(lr=0.002, epochs=2)} "
    )
    expected = "Set of input files has changed since last execution; changed: stage.lr 0.001 -> 0.002"
    assert short_reason(reason) == expected


def test_a_key_that_came_and_a_digest_of_code() -> None:
    before, now = param(lr=0.1) + ",'92dfc893a519ecff'", param(lr=0.1, chunk=4) + ",'7f726ce556a0b43f'"
    reason = f"Params have changed since last execution: Union: before: {before} now: {now} "
    assert short_reason(reason) == "changed: stage.chunk; the rule's code or files have changed"


def test_of_many_files_two_are_named() -> None:
    files = ", ".join(f"results/images/shards/{number:05d}.npz" for number in range(160))
    assert short_reason(f"Input files updated by another job: {files}; Code has changed since last execution") == (
        "Input files updated by another job: results/images/shards/00000.npz, results/images/shards/00001.npz and 158 "
        "more; Code has changed since last execution"
    )


def test_the_message_of_a_job_names_its_log() -> None:
    record = logging.makeLogRecord({"reason": "Forced execution", "rule_msg": "Stage I (vita)", "log": ["a/vita.log"]})
    assert Shorter().filter(record)
    assert (record.rule_msg, record.reason) == ("Stage I (vita) [a/vita.log]", "Forced execution")
    assert Shorter().filter(logging.makeLogRecord({"msg": "other"}))


LINE = (
    "04:26:19 INFO epoch {epoch}/30, {left} s left: learning_rate 0.00083, train_loss 0.1, val_loss 0.0{epoch}, x 1\n"
)


def write(log: Path, epoch: int, left: int) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(LINE.format(epoch=epoch, left=left))


def test_a_training_tells_its_epoch_time_and_validation_loss(tmp_path: Path) -> None:
    progress, log = Progress(tmp_path, again_s=15), tmp_path / "train_stage1" / "vita.log"
    start = time.time()
    assert list(progress.lines(start)) == []
    write(log, 1, 600)
    write(log, 2, 580)
    os.utime(log, (start + 5, start + 5))
    first = f"train_stage1 vita: epoch 2 of 30, 10 min left, validation loss 0.02 [{log}]"
    assert list(progress.lines(start)) == [first]
    assert list(progress.lines(start + 100)) == []  # nothing new
    write(log, 3, 90)
    assert list(progress.lines(start + 10)) == []  # told a moment ago
    assert next(progress.lines(start + 20)).startswith("train_stage1 vita: epoch 3 of 30, 90 s left")
    write(log, 30, 0)
    assert "epoch 30 of 30" in next(progress.lines(start + 21))  # an end is told at once


def test_logs_of_an_earlier_run_and_of_other_rules_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "train_stage1" / "vita.log", 4, 1)
    os.utime(tmp_path / "train_stage1" / "vita.log", (1, 1))
    write(tmp_path / "embed" / "vita.log", 4, 1)
    assert list(Progress(tmp_path).lines(time.time())) == []


def test_lines_are_printed_while_the_run_goes_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("vita.runtime.jobs._LOOK_S", 0.01)
    stream = io.StringIO()
    progress = Progress(tmp_path, stream)
    progress.start()
    write(tmp_path / "train_stage3" / "disease_cad" / "vita.log", 1, 30)
    until = time.time() + 60
    while not stream.getvalue() and time.time() < until:
        time.sleep(0.02)
    progress.stop()
    assert stream.getvalue().startswith("train_stage3 disease_cad vita: epoch 1 of 30, 30 s left")


@pytest.mark.parametrize("node", ["", ", {folder}/.snakemake/slurm_logs/rule_x/62.log"])
def test_each_failed_job_gives_its_line_once(node: str, tmp_path: Path) -> None:
    (tmp_path / ".snakemake" / "slurm_logs" / "rule_x").mkdir(parents=True)
    (tmp_path / ".snakemake" / "slurm_logs" / "rule_x" / "62.log").write_text("error: said by the node's Snakemake\n")
    job, own = tmp_path / "x.log", tmp_path / "snakemake.log"
    job.write_text("12:00:00 INFO began\nerror: 'a' is wrong; mend it\n")
    more = node.format(folder=tmp_path)
    own.write_text(f"Error in rule x:\n    log: {job}{more} (check log file(s) for error details)\n" * 2)
    assert failure_lines([str(own)]) == [f"error: 'a' is wrong; mend it [{job}]"]


def test_a_job_that_ended_in_a_traceback_or_without_a_word_is_listed(tmp_path: Path) -> None:
    traced, silent, none = (tmp_path / name for name in ("traced.log", "silent.log", "none.log"))
    traced.write_text('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no such size\n\n')
    silent.write_text("\n")
    own = tmp_path / "snakemake.log"
    own.write_text("".join(f"    log: {path} (check log file(s) for details)\n" for path in (traced, silent, none)))
    assert failure_lines([str(own)]) == [
        f"error: ended after: ValueError: no such size [{traced}]",
        f"error: the job ended without a message [{silent}]",
        f"error: the job left no log; Snakemake's own messages are above [{none}]",
    ]
