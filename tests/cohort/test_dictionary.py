"""The tables of UK Biobank's public facts are those of its own files, and are refused where they are damaged."""

import re
import tomllib

import pytest

from vita.cohort import dictionary
from vita.runtime.errors import UserError

from . import public_tables


@public_tables.needs_package
@pytest.mark.parametrize("name", public_tables.ABOUT)
def test_a_table_holds_what_its_source_holds(name):
    assert (public_tables.RESOURCES / name).read_text(encoding="utf-8") == public_tables.tables(public_tables.SCHEMA)[
        name
    ]


@pytest.mark.parametrize("name", public_tables.ABOUT)
def test_a_table_names_the_version_that_the_extra_for_tests_installs(name):
    pyproject = tomllib.loads((public_tables.RESOURCES.parents[1] / "pyproject.toml").read_text())["project"]
    pin = f"{public_tables.PACKAGE}=={public_tables.VERSION}"
    assert pin in pyproject["optional-dependencies"]["test"]
    with (public_tables.RESOURCES / name).open(encoding="utf-8") as lines:
        assert pin.replace("==", " ") in next(lines)


def test_facts_by_hand():
    """Two fields and three places of the tree, copied from the Showcase's pages."""
    titles = dictionary.titles()
    assert (titles[31], titles[21003]) == ("Sex", "Age when attended assessment centre")
    above = dict(dictionary.codes())
    assert (above["I21"], above["I219"], above["Chapter IX"]) == ("Block I20-I25", "I21", "")
    assert above["M45X0"] == "Block M45-M49"  # UK Biobank's own fifth character: not below M45


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "empty"),
        ("# only the comment\n", "empty"),
        ("# a table\ncode\tparent\nI21\t\n", "has the columns code, parent, not coding, parent"),
        ("# a table\ncoding\tparent\nI21\t\tmore\n", "found more fields"),
    ],
)
def test_a_table_that_is_missing_or_damaged_is_named(text, message, tmp_path, monkeypatch):
    monkeypatch.setattr(dictionary, "clone", lambda: tmp_path)
    folder = tmp_path / "workflow" / "resources"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "coding19.tsv").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        dictionary.codes()
    assert re.fullmatch(r".*coding19\.tsv: .*restore it from git", str(caught.value))
