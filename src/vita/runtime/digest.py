"""What a rule's code means, as a digest: a word that changes retrains nothing.

Snakemake does not see that a rule's module has changed, since rules run `python -m vita...`. Each rule therefore
carries the digest of its module, and of every `vita` module that it imports, in its params. What `meaning` leaves out
of a module does not count, nor do the modules of `vita.runtime` (command lines, locks, disks, devices), on which no
result depends, nor modules that say of themselves, in a line of their own, `# digest: shows only`.
"""

import ast
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vita.runtime.meaning import meaning

_SOURCE = Path(__file__).parents[1]
_MACHINERY = "vita.runtime"
_OF_RESULTS = {"vita.runtime.privacy"}  # which counts tables may show
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
    """Parse a module, once: a plan needs the digests of some forty modules, which import each other."""
    text = _path(module).read_text(encoding="utf-8")
    names: set[str] = set()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    own = frozenset(name for name in names if _counts(name))
    return _Code(own, "" if _SHOWS_ONLY.search(text) else meaning(tree))


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
