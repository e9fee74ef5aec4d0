"""What a module's code means, as a digest: comments, docstrings and layout do not count.

Snakemake does not see that a rule's module has changed, since rules run `python -m vita...`. Each rule
therefore carries the digest of its module, and of every `vita` module that it imports, in its params.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).parents[1]


def code_digest(module: str) -> str:
    """Digest of a module and of all `vita` modules that it imports, directly or not.

    Args:
        module: dotted name, such as `vita.training.stage1`.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: there is no such module.
    """
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
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = _without_docstring(node.body)
    own = frozenset(name for name in names if name.split(".")[0] == "vita" and _exists(name))
    return _Code(own, ast.dump(tree))  # comments and layout are not in a tree


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


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
