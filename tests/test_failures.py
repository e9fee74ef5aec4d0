"""The lines that failed jobs ended with are found through Snakemake's own log, on one machine and under SLURM."""

from pathlib import Path

import pytest

from vita.runtime.failures import failure_lines


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
