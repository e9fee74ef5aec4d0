"""The crate against what RO-Crate 1.1 and the Process Run profile demand, and that it tells of nobody."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vita.release.crate import NAME, write_crate

Entities = dict[str, dict]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "index.html", "tables/table1.csv", "models/stage1/vita/model.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    write_crate(tmp_path, "0.1.0", "abc123", "All are synthetic.", datetime(2026, 4, 1, 8, 30, 5, 77, UTC))
    return tmp_path


@pytest.fixture
def crate(folder: Path) -> Entities:
    document = json.loads((folder / NAME).read_text())
    assert document["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(entities) == len(document["@graph"])  # every entity once
    return entities


def test_descriptor_and_root_are_as_the_specification_demands(crate: Entities) -> None:
    descriptor, root = crate[NAME], crate["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert all(root[key] for key in ("name", "description", "license"))
    assert datetime.fromisoformat(root["datePublished"]) == datetime(2026, 4, 1, 8, 30, 5, tzinfo=UTC)


def test_the_run_is_a_create_action_of_an_application(crate: Entities) -> None:
    root = crate["./"]
    assert root["conformsTo"] == {"@id": "https://w3id.org/ro/wfrun/process/0.5"}
    assert crate[root["conformsTo"]["@id"]]["version"] == "0.5"
    run = crate[root["mentions"]["@id"]]
    assert run["@type"] == "CreateAction"
    software = crate[run["instrument"]["@id"]]
    assert (software["@type"], software["softwareVersion"]) == ("SoftwareApplication", "0.1.0")
    assert run["object"] == {"@id": "config.json"}  # one link is no list
    assert run["actionStatus"] == "http://schema.org/CompletedActionStatus"  # text, as the profile's shapes have it
    assert {link["@id"] for link in run["result"]} < set(crate)
    assert run["endTime"]


def test_every_file_and_nothing_else_is_described(folder: Path, crate: Entities) -> None:
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {NAME}
    assert {name for name, entity in crate.items() if entity["@type"] == "File"} == files
    assert {link["@id"] for link in crate["./"]["hasPart"]} == files
    kinds = {entity["@type"] for entity in crate.values()}
    assert kinds == {"CreativeWork", "Dataset", "SoftwareApplication", "CreateAction", "File"}  # no Person
    assert crate["tables/table1.csv"]["encodingFormat"] == "text/csv"
    assert "contentSize" not in (folder / NAME).read_text()


def test_every_link_leads_somewhere(crate: Entities) -> None:
    outside = {"https://w3id.org/ro/crate/1.1"}
    links = {
        link["@id"]
        for entity in crate.values()
        for value in entity.values()
        for link in (value if isinstance(value, list) else [value])
        if isinstance(link, dict)
    }
    assert links <= set(crate) | outside
