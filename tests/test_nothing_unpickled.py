"""Nothing that is read can run code: no unpickling, neither by our own calls nor by a library's default."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
# what must stand in a call that could unpickle
SAFE = {"load": {"np": ("allow_pickle", False), "numpy": ("allow_pickle", False), "torch": ("weights_only", True)}}
SAFE["read_array"] = dict.fromkeys(("format",), ("allow_pickle", False))
NEVER = {("pickle", "load"), ("pickle", "loads"), ("pickle", "Unpickler"), ("pd", "read_pickle"), ("joblib", "load")}
FORBIDDEN = {"cloudpickle", "dill", "joblib", "marshal", "shelve"}


def unsafe(code: str) -> list[str]:
    """Calls and imports of a module by which it could unpickle."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            found += [f"line {node.lineno}: import {name}" for name in names if name.split(".")[0] in FORBIDDEN]
            if isinstance(node, ast.ImportFrom) and node.module == "pickle":
                found.append(f"line {node.lineno}: from pickle import")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if (name, node.func.attr) in NEVER:
                found.append(f"line {node.lineno}: {name}.{node.func.attr}")
            elif wanted := SAFE.get(node.func.attr, {}).get(name):
                given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                if given.get(wanted[0]) is not wanted[1]:
                    found.append(f"line {node.lineno}: {name}.{node.func.attr} without {wanted[0]}={wanted[1]}")
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_unpickles(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\npickle.loads(b'')",
        "from pickle import loads",
        "import joblib",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.lib.format.read_array(file)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "pd.read_pickle(path)",
    ],
)
def test_such_a_call_is_found(code: str) -> None:
    assert len(unsafe(code)) == 1
