"""The run as a Workflow Run RO-Crate (Process Run profile): what was made, by which software and with which settings.
It describes the files of a release and nothing about participants. Entities follow the RO-Crate specification 1.1 and
the profile; file sizes are left out, since a number of seven digits could be mistaken for an id.
"""

import json
import mimetypes
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vita.runtime.atomic import write_text

NAME = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_PROFILE_VERSION = "0.5"
_FORMATS = {".safetensors": "application/octet-stream", ".md": "text/markdown", ".tex": "application/x-tex"}

Entity = dict[str, Any]


def write_crate(folder: Path, version: str, commit: str, source: str, now: datetime | None = None) -> None:
    """Write ro-crate-metadata.json into a release.

    Args:
        folder: the release, complete except for this file.
        version: of vita.
        commit: of its code; "" if it is not known.
        source: of the participants, in words.
        now: time at which the release was made.
    """
    time = (now or datetime.now(UTC)).replace(microsecond=0).isoformat()
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [name for name in files if name != NAME]
    graph = [_descriptor(), _root(files, time, source), _profile(), _terms(source)]
    graph += [_software(version, commit), _run(files, time), *map(_file, files)]
    text = json.dumps({"@context": f"{SPECIFICATION}/context", "@graph": graph}, indent=2)
    write_text(folder / NAME, text + "\n")


def _links(names: Sequence[str]) -> list[Entity] | Entity:
    """Links to entities; a single one is no list, as RO-Crate 1.1 recommends."""
    links = [{"@id": name} for name in names]
    return links[0] if len(links) == 1 else links


def _descriptor() -> Entity:
    about = {"conformsTo": {"@id": SPECIFICATION}, "about": {"@id": "./"}}
    return {"@id": NAME, "@type": "CreativeWork"} | about


def _root(files: Sequence[str], time: str, source: str) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "Releasable results of a ViTa run",
        "description": f"Aggregated tables and figures, cards and weights with passports. {source}",
        "datePublished": time,
        "license": {"@id": "#terms"},
        "conformsTo": {"@id": PROFILE},
        "hasPart": _links(files),
        "mentions": {"@id": "#run"},
    }


def _profile() -> Entity:
    return {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": _PROFILE_VERSION}


def _terms(source: str) -> Entity:
    words = "Use of the released files is subject to the terms under which the project received the data."
    return {"@id": "#terms", "@type": "CreativeWork", "name": "Terms of the data", "description": f"{source} {words}"}


def _software(version: str, commit: str) -> Entity:
    software = {"@id": "#vita", "@type": "SoftwareApplication", "name": "ViTa workflow", "softwareVersion": version}
    return software | ({"identifier": f"git commit {commit}"} if commit else {})


def _run(files: Sequence[str], time: str) -> Entity:
    """The run: from the configuration to every other file."""
    settings = [name for name in files if name == "config.json"]
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Run of the ViTa workflow",
        "description": "Training and evaluation of cardiac MRI models, and the release of results that identify "
        "nobody.",
        "instrument": {"@id": "#vita"},
        "object": _links(settings),
        "result": _links([name for name in files if name not in settings]),
        "endTime": time,
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _file(name: str) -> Entity:
    path = Path(name)
    kind = _FORMATS.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"@id": name, "@type": "File", "name": path.name, "encodingFormat": kind}
