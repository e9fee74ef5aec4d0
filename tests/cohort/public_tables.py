"""UK Biobank's public facts in the files of the package fmrib-unpack, as the tables of workflow/resources hold them.

After a new version of the package, pinned in pyproject.toml's extra `test`, write the tables anew, in the repository:

    python tests/cohort/public_tables.py
"""

import csv
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

RESOURCES = Path(__file__).resolve().parents[2] / "workflow" / "resources"
PACKAGE, VERSION = "fmrib-unpack", "4.0.1"
ABOUT = {
    "fields.tsv": "Number and title of each field of UK Biobank's data dictionary; embargoed ones are left out",
    "coding19.tsv": "Codes of UK Biobank's data-coding 19 (ICD-10), each with the code, block or chapter above it",
}
# titles of fields that are no one's yet; their numbers look like ids of participants
EMBARGOED = "EMBARGOED"


def _schema() -> Path | None:
    spec = find_spec("funpack")
    if spec is None or not spec.submodule_search_locations or metadata.version(PACKAGE) != VERSION:
        return None
    return Path(spec.submodule_search_locations[0], "schema")


SCHEMA = _schema()  # the package's folder of UK Biobank's own files
needs_package = pytest.mark.skipif(SCHEMA is None, reason=f"{PACKAGE} {VERSION} is not installed")


def tables(folder: Path) -> dict[str, str]:
    """Text of each of our tables, by its name."""
    found = {}
    for name, rows in (("fields.tsv", _fields(folder)), ("coding19.tsv", _codes(folder))):
        lines = [f"# {ABOUT[name]}. Source: {PACKAGE} {VERSION}, which has it from UK Biobank's Showcase."]
        found[name] = "\n".join([*lines, *("\t".join(row) for row in rows), ""])
    return found


def _fields(folder: Path) -> Iterator[tuple[str, str]]:
    with (folder / "field.txt").open(encoding="utf-8", newline="") as lines:
        yield "field", "title"
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if not row["title"].startswith(EMBARGOED):
                yield row["field_id"], row["title"].strip()


def _codes(folder: Path) -> Iterator[tuple[str, str]]:
    with (folder / "hierarchy" / "coding19.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    code_of = {row["node_id"]: row["coding"] for row in rows} | {"0": ""}
    yield "coding", "parent"
    for row in rows:
        yield row["coding"], code_of[row["parent_id"]]


if __name__ == "__main__":
    if SCHEMA is None:
        raise SystemExit(f"{PACKAGE} {VERSION} is not installed")
    for name, text in tables(SCHEMA).items():
        temporary = RESOURCES / f"{name}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(RESOURCES / name)
