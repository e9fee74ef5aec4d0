"""Snakemake's reasons are shortened to what has changed."""

import json
import logging
import shlex

from vita.runtime.reasons import Shorter, short_reason

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
