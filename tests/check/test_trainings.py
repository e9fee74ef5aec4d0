"""Splits before a run."""

from vita.check.trainings import split_findings
from vita.config.blocks import whole


def test_a_part_of_one_person_is_refused_but_in_tiny_cohorts() -> None:
    """Of two real hearts, one trains and one validates; of eleven people, 1 may be meant as a share of all."""
    config = whole(products="scans", split={"val": 1, "test": 0}, phantom={"labelled": 1}, stage1={"batch": 1})
    assert list(split_findings(config, 2)) == []
    assert list(split_findings(config, 10)) == []
    (finding,) = split_findings(config, 11)
    assert "'split.val' is 1, which is 1 of 11 participants" in str(finding)
