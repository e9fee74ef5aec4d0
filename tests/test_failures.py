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
