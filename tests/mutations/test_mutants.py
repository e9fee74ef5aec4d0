"""The list of mutants fits the code: each names one place, makes valid Python of it, and names tests that exist."""

import ast
from pathlib import Path

import pytest

from mutations.__main__ import SOURCE, place_of
from mutations.mutants import MUTANTS
from mutations.running import TESTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.means)
def test_a_mutant_names_one_place_and_makes_valid_code(mutant):
    path = place_of(mutant, SOURCE)
    for name in mutant.tests:
        file, _, test = name.partition("::")
        assert (TESTS / file).exists(), name
        assert not test or f"def {test.partition('[')[0]}(" in (TESTS / file).read_text(encoding="utf-8"), name
    text = path.read_text(encoding="utf-8")
    assert ast.dump(ast.parse(text.replace(mutant.old, mutant.new))) != ast.dump(ast.parse(text))


def test_a_text_that_stands_nowhere_is_refused(tmp_path: Path):
    (tmp_path / "vita" / MUTANTS[0].package).mkdir(parents=True)
    with pytest.raises(ValueError, match="stands 0 times"):
        place_of(MUTANTS[0], tmp_path)
