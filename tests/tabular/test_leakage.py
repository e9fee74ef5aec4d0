"""What is kept out of Stage II for which task, and what its files are called."""

import pytest

from vita.tabular.leakage import excluded, exclusions, suffix

PER_TASK = {"diseases": ["medication", "diagnoses"], "disease_cad": ["bmi"], "sa_phenotypes": ["sa_phenotypes"]}


@pytest.mark.parametrize(
    ("exclude", "task", "names", "ending"),
    [
        ([], "sa_phenotypes", [], ""),
        (["diagnoses"], "sa_phenotypes", ["diagnoses"], ""),  # for all tasks: the one Stage II
        (PER_TASK, None, [], ""),
        (PER_TASK, "physiological", [], ""),
        (PER_TASK, "sa_phenotypes", ["sa_phenotypes"], "_without_sa_phenotypes"),
        (PER_TASK, "disease_stroke", ["diagnoses", "medication"], "_without_diagnoses_medication"),
        (PER_TASK, "disease_cad", ["bmi", "diagnoses", "medication"], "_without_bmi_diagnoses_medication"),
    ],
)
def test_a_task_has_its_own_list_and_name(exclude, task, names, ending):
    assert excluded(exclude, task) == names
    assert suffix(exclude, task) == ending


def test_tasks_of_one_list_share_an_encoding():
    tasks = ["disease_stroke", "disease_infarct", "physiological", "sa_phenotypes"]
    found = exclusions(PER_TASK, tasks)
    assert list(found) == ["", "_without_diagnoses_medication", "_without_sa_phenotypes"]
    assert found[""] == []


def test_long_lists_have_short_names_that_differ():
    names = [f"feature_number_{i}" for i in range(60)]
    first, second = suffix({"segmentation": names}, "segmentation"), suffix({"segmentation": names[1:]}, "segmentation")
    assert first != second
    assert max(len(first), len(second)) < 80
