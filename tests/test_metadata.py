"""What catalogues read (codemeta.json, CITATION.cff) agrees with pyproject.toml, and the changelog has its releases."""

import json
import re
import tomllib
from datetime import date

import pytest
import yaml
from packaging.version import Version

from presets import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CODEMETA = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["name", "version", "description", "keywords"])
def test_codemeta_says_what_pyproject_says(key: str) -> None:
    assert CODEMETA[key] == PROJECT[key]


def test_codemeta_has_its_licence_and_python() -> None:
    assert CODEMETA["license"] == f"https://spdx.org/licenses/{PROJECT['license']}"
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    assert (ROOT / CODEMETA["softwareHelp"]).is_file()


@pytest.mark.parametrize("key", ["version", "license", "keywords"])
def test_the_citation_says_what_pyproject_says(key: str) -> None:
    assert CITATION[key] == PROJECT[key]


def test_both_name_the_same_authors_and_paper() -> None:
    assert [author["name"] for author in CITATION["authors"]] == [author["name"] for author in CODEMETA["author"]]
    cited, paper = CITATION["preferred-citation"], CODEMETA["referencePublication"]
    assert (cited["title"], cited["journal"]) == (paper["name"], paper["isPartOf"]["name"])
    people = [(person["givenName"], person["familyName"]) for person in paper["author"]]
    assert [(person["given-names"], person["family-names"]) for person in cited["authors"]] == people
    assert cited["url"] == paper["url"]
    (identifier,) = cited["identifiers"]
    assert f"https://doi.org/{identifier['value']}" in README
    assert cited["url"].removeprefix("https://arxiv.org/abs/") == identifier["value"].removeprefix("10.48550/arXiv.")


def test_the_changelog_has_releases_newest_first() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    first, *releases = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert first == "Unreleased"
    found = [re.fullmatch(r"(\S+) \((\d{4}-\d\d-\d\d)\)", release) for release in releases]
    assert all(found), releases
    versions, days = [Version(each[1]) for each in found], [date.fromisoformat(each[2]) for each in found]
    assert versions == sorted(set(versions), reverse=True)
    assert days == sorted(days, reverse=True)
    assert versions[0] == Version(PROJECT["version"])


def test_every_change_is_under_one_of_three_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, *parts = re.split(r"^### ", release, flags=re.MULTILINE)
        assert len(name.strip().splitlines()) == 1, f"changes outside a heading: {name[:200]}"
        headings = [part.splitlines()[0] for part in parts]
        assert headings == [each for each in ("Added", "Changed", "Fixed") if each in headings], headings


def test_no_text_has_the_marks_of_a_merge() -> None:
    """Inside a docstring or a guide, no linter notices them."""
    texts = [path for kind in ("py", "md", "smk", "yaml", "tsv") for path in ROOT.glob(f"[!.]*/**/*.{kind}")]
    texts = [path for path in texts if "results" not in path.relative_to(ROOT).parts[:1]]
    assert len(texts) > 400
    marks = re.compile("^(<{7} |>{7} )", re.MULTILINE)
    assert not [path for path in texts if marks.search(path.read_text(encoding="utf-8"))]
