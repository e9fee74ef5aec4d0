"""What counts as a change of code: meaning, in the module and in what it imports."""

import ast
import sys
from pathlib import Path

import pytest

from presets import ROOT
from vita.runtime import digest
from vita.runtime.meaning import meaning as meaning_of_tree


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text('"""Inner."""\n')
    (tmp_path / "inner" / "rule.py").write_text(
        '"""A rule."""\nfrom vita.inner.helper import double\n\ndef main():\n    """Run."""\n    return double(2)\n'
    )
    (tmp_path / "inner" / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "other.py").write_text("VALUE = 1\n")
    monkeypatch.setattr(digest, "_SOURCE", tmp_path)
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    digest._read.cache_clear()


def _after(path: Path, text: str) -> str:
    path.write_text(text)
    _forget()
    return digest.code_digest("vita.inner.rule")


def test_comments_docstrings_and_layout_do_not_count(package: Path) -> None:
    before = digest.code_digest("vita.inner.rule")
    assert before == _after(
        package / "inner" / "rule.py",
        '"""Another text."""\nfrom vita.inner.helper import double  # why\n\n\ndef main():\n    return double( 2 )\n',
    )


def test_meaning_counts_in_the_module_and_in_what_it_imports(package: Path) -> None:
    before = digest.code_digest("vita.inner.rule")
    after = _after(package / "inner" / "helper.py", "def double(x):\n    return 3 * x\n")
    assert after != before
    assert after == _after(package / "other.py", "VALUE = 2\n"), "a module that is not imported does not count"


def test_an_import_that_only_annotations_need_does_not_count(package: Path) -> None:
    """Neither its line nor the module that it is from, be it for type checkers alone or not."""
    rule = package / "inner" / "rule.py"
    before = digest.code_digest("vita.inner.rule")
    text = "from vita.inner.helper import double\n{}\ndef main(){}:\n    return double(2)\n"
    typed = "from typing import Any\nfrom vita.other import VALUE"
    assert before == _after(rule, text.format(typed, " -> VALUE | Any"))
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import vita.other as other"
    assert before == _after(rule, text.format(typed, " -> 'other.VALUE'"))
    assert before == _after(package / "other.py", "VALUE = 2\n")
    assert before != _after(rule, text.format("from vita.other import VALUE", "").replace("(2)", "(VALUE)"))


def test_a_name_that_is_imported_for_other_modules_counts(package: Path) -> None:
    rule = package / "inner" / "rule.py"
    first = _after(rule, "from vita.other import VALUE as VALUE\n")
    assert first != _after(package / "other.py", "VALUE = 2\n")


def test_an_import_inside_a_function_counts(package: Path) -> None:
    rule = package / "inner" / "rule.py"
    first = _after(rule, "def main():\n    from vita import other\n    return other.VALUE\n")
    assert first != _after(package / "other.py", "VALUE = 3\n")


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match="no module vita\\.nothing"):
        digest.code_digest("vita.nothing")


def meaning(text: str) -> str:
    return meaning_of_tree(ast.parse(text))


def test_variables_of_a_closure_and_of_its_function_stay_apart() -> None:
    text = "def f(x):\n    a = x\n    def g():\n        b = 2\n        return {}\n    return g\n"
    assert meaning(text.format("a - b")) != meaning(text.format("b - a"))
    assert meaning(text.format("a - b")) == meaning(text.replace("b =", "c =").format("a - c"))


def test_annotations_of_local_variables_do_not_count() -> None:
    text = "def f(x):\n    {}\n    for each in x:\n        {} = each\n    return y\n"
    assert meaning(text.format("pass", "y: int")) == meaning(text.format("pass", "y"))
    assert meaning("def f():\n    y: int\n    y = 1\n") == meaning("def f():\n    y = 1\n")
    text = "class C:\n    {} = 1\n"
    assert meaning(text.format("a: int")) != meaning(text.format("a")), "a dataclass takes its fields from them"


def test_attributes_of_a_class_within_a_function_count() -> None:
    text = "def f():\n    class C:\n        {} = 1\n    return C\n"
    assert meaning(text.format("first")) != meaning(text.format("second"))


def _kept(package: Path) -> Path:
    (kept,) = (package / "inner" / "__pycache__").glob("helper.*.meaning.json")
    return kept


def test_an_unchanged_module_is_not_parsed_again(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest.code_digest("vita.inner.rule")
    _forget()
    monkeypatch.setattr(digest, "_parse", lambda text: pytest.fail("parsed again"))
    assert digest.code_digest("vita.inner.rule") == before


def test_what_is_kept_of_another_source_or_is_damaged_does_not_count(package: Path) -> None:
    before = digest.code_digest("vita.inner.rule")
    kept = _kept(package).read_text()
    changed = _after(package / "inner" / "helper.py", "def double(x):\n    return 3 * x\n")
    assert changed != before
    _kept(package).write_text(kept)
    assert _after(package / "inner" / "helper.py", "def double(x):\n    return 3 * x\n") == changed
    for damaged in (kept[:20], "[]", "{}"):
        _kept(package).write_text(damaged)
        assert _after(package / "inner" / "helper.py", "def double(x):\n    return 2 * x\n") == before


def test_a_folder_that_may_not_be_written_costs_only_time(package: Path) -> None:
    (package / "inner" / "__pycache__").write_text("no folder")
    assert digest.code_digest("vita.inner.rule") == digest.code_digest("vita.inner.rule")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="later versions print no empty fields")
@pytest.mark.parametrize("path", sorted((ROOT / "src" / "vita").glob("*/*.py"))[::10], ids=lambda path: path.stem)
def test_a_meaning_is_a_syntax_tree_as_python_prints_it(path: Path) -> None:
    """The tree is used up: what is left of it is what is printed."""
    tree = ast.parse(path.read_text())
    assert meaning_of_tree(tree) == ast.dump(tree)
