"""What a module's code means, as a digest: comments, docstrings and layout do not count.

Snakemake does not see that a rule's module has changed, since rules run `python -m vita...`. Each rule
therefore carries the digest of its module, and of every `vita` module that it imports, in its params.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).parent


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
        digest.update(f"{name}\0{_meaning(name)}\0".encode())
    return digest.hexdigest()[:16]


def _closure(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_text(encoding="utf-8"))


def _path(module: str) -> Path:
    stem = _SOURCE.joinpath(*module.split(".")[1:])
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"no module {module} at {path}")
    return path


@cache
def _imports(module: str) -> frozenset[str]:
    """The `vita` modules named in any import statement of the module, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name.split(".")[0] == "vita" and _exists(name))


def _exists(module: str) -> bool:
    try:
        _path(module)
    except FileNotFoundError:
        return False
    return True


@cache
def _meaning(module: str) -> str:
    """The syntax tree as text, without docstrings; comments and layout are not in a tree."""
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree)
