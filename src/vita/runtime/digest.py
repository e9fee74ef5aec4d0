"""The meaning of a rule's code as a digest: a changed word retrains nothing.

Snakemake does not see that a rule's module has changed, since rules run `python -m vita...`. Each rule therefore
carries the digest of its module, and of every `vita` module that it imports, in its params. What `meaning` leaves out
of a module does not count, nor do the modules of `vita.runtime` (command lines, locks, disks, devices), on which no
result depends, nor modules that say of themselves, in a line of their own, `# digest: shows only`.

What is read from a file is kept beside Python's compiled modules, in `__pycache__`, so that a plan parses only what has
changed since the last one.
"""

import ast
import contextlib
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vita.runtime.meaning import meaning

_SOURCE = Path(__file__).parents[1]
_MACHINERY = "vita.runtime"
_OF_RESULTS = {"vita.runtime.privacy"}  # decides which counts tables may show
_SHOWS_ONLY = re.compile(r"^# digest: shows only$", re.MULTILINE)


def code_digest(module: str) -> str:
    """Digest of a module and of all `vita` modules that it imports, directly or not.

    Args:
        module: dotted name, such as `vita.training.stage1`.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: there is no such module.
        ValueError: it is a package, which has no code of its own; name the module that the rule runs.
    """
    if _path(module).name == "__init__.py":
        raise ValueError(f"{module} is a package; the digest needs the module that the rule runs")
    digest = hashlib.sha256()
    for name in sorted(_closure(module)):
        digest.update(f"{name}\0{_read(name).meaning}\0".encode())
    return digest.hexdigest()[:16]


def _closure(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_read(name).imports)
    return found


@dataclass(frozen=True)
class _Code:
    """What a module's file says: the `vita` modules that it imports, inside functions too, and its meaning as text."""

    imports: frozenset[str]
    meaning: str


@cache
def _read(module: str) -> _Code:
    """What a module says, parsed once: a plan needs the digests of some sixty modules, which import each other."""
    path = _path(module)
    source = path.read_bytes()
    # another version of this reader, or of Python's syntax tree, reads again
    key = hashlib.sha256(_own_code() + source).hexdigest()
    kept = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.meaning.json"
    found = _kept(kept, key)
    if found is None:
        found = _parse(source.decode())
        _keep(kept, {"key": key, "imports": found[0], "meaning": found[1]})
    return _Code(frozenset(name for name in found[0] if _counts(name)), found[1])


def _parse(text: str) -> tuple[list[str], str]:
    """All that a module imports, sorted, and its meaning."""
    names: set[str] = set()
    tree = ast.parse(text)
    means = meaning(tree)  # without the imports that only annotations need
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    own = sorted(name for name in names if name.split(".")[0] == "vita")
    return own, "" if _SHOWS_ONLY.search(text) else means


@cache
def _own_code() -> bytes:
    folder = Path(__file__).parent
    return b"".join((folder / name).read_bytes() for name in ("digest.py", "meaning.py"))


def _kept(path: Path, key: str) -> tuple[list[str], str] | None:
    """What an earlier plan read from the same source; None if there is nothing, or something damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return (found["imports"], found["meaning"]) if found["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, found: dict[str, object]) -> None:
    """Keep what was read; without it, as in a read-only folder or on a full disk, only time is lost."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(path)


def _counts(name: str) -> bool:
    """Whether a name is a module of this package on which a result may depend."""
    if name.split(".")[0] != "vita" or not _exists(name):
        return False
    return not name.startswith(_MACHINERY) or name in _OF_RESULTS


def _path(module: str) -> Path:
    stem = _SOURCE.joinpath(*module.split(".")[1:])
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"no module {module} at {path}")
    return path


def _exists(module: str) -> bool:
    try:
        _path(module)
    except FileNotFoundError:
        return False
    return True
