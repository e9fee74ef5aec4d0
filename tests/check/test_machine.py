"""Notes on what a command trains."""

import pytest

from vita.check.machine import remaining_findings


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (["train_stage1", "train_stage1", "train_few_labels", "embed", "train_nnunet"], "trains 3 models ("),
        (["train_segmentation", "report"], "trains 1 model ("),
        (["make_table"], "trains 0 models ("),
    ],
)
def test_every_job_of_a_rule_that_trains_is_a_model(rules: list[str], words: str) -> None:
    (found,) = remaining_findings(rules)
    assert found.level == "note"
    assert words in found.text
