"""The package ukbb-parser 1.0.0, made importable on current Python and pandas, for its ICD-10 tree.

As published it cannot be imported: it loads `~/.ukbb_paths.py` through `imp` (gone in Python 3.12), and wants IPython
and a name that statsmodels 0.15 no longer has, for plots and tests that are not used here. During the import,
substitutes take their place, and its settings are given in memory: no home directory is touched. One of its functions
uses `iteritems` (gone in pandas 2) and is replaced; the package's files and pandas itself stay as they are. It wants
the codes in a file of the Showcase's kind, which is written for it from our table, into a folder that is then removed.
"""

import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd

from vita.cohort.dictionary import codes as public_codes

_STAND_INS = ("imp", "IPython", "IPython.display", "statsmodels.sandbox.stats.multicomp")


@cache
def parser() -> ModuleType:
    """The module `ukbb_parser.ukbb_parser`, ready for use."""
    with _stand_ins():
        module = importlib.import_module("ukbb_parser.ukbb_parser")
    module._add_children_ids = _add_children_ids  # type: ignore[attr-defined]
    return module


def icd10_tree() -> pd.DataFrame:
    """UK Biobank's ICD-10 tree: index `node_id`; `coding`, `parent_id` (0 for none), `children_ids` (direct ones)."""
    with codes_for(parser()) as module:
        return module.construct_ICD10_tree(verbose=False)


@contextmanager
def codes_for(module: ModuleType) -> Iterator[ModuleType]:
    """The parser, with the file of codes that it reads; its nodes are numbered from 1 in the order of our table."""
    rows = public_codes()
    number = {coding: node for node, (coding, _) in enumerate(rows, start=1)} | {"": 0}
    lines = [f"{coding}\t{number[coding]}\t{number[parent]}\n" for coding, parent in rows]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "coding19.tsv").write_text("".join(["coding\tnode_id\tparent_id\n", *lines]), encoding="utf-8")
        module.ukbb_paths.CODINGS_DIR = folder
        yield module


def _add_children_ids(tree: pd.DataFrame) -> None:
    """Replaces the package's function of this name: fills the column `children_ids`."""
    children: dict[int, set[int]] = {node: set() for node in tree.index}
    for node, above in tree["parent_id"].items():
        if above != 0:
            children[above].add(node)
    tree["children_ids"] = [children[node] for node in tree.index]


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Substitutes for what the package asks for at import; afterwards everything is as before."""
    paths = SimpleNamespace()  # the one that is used is set when it is: see codes_for
    names: dict[str, dict[str, Any]] = {
        "imp": {"load_source": lambda name, path: paths},
        "IPython.display": {"display": print},
        "statsmodels.sandbox.stats.multicomp": {"multipletests": _not_here},
    }
    before = {name: sys.modules.get(name) for name in _STAND_INS}
    for name in _STAND_INS:
        module = ModuleType(name)
        vars(module).update(names.get(name, {}))
        sys.modules[name] = module
    parents = {"statsmodels", "statsmodels.sandbox", "statsmodels.sandbox.stats"} - set(sys.modules)
    sys.modules.update({name: ModuleType(name) for name in parents})
    try:
        yield
    finally:
        for name, own in before.items():
            sys.modules.pop(name)
            if own is not None:
                sys.modules[name] = own
        for name in parents:
            sys.modules.pop(name)


def _not_here(*_: Any, **__: Any) -> None:
    raise NotImplementedError("this adapter of ukbb-parser does not offer multiple testing")
