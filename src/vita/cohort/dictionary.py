"""UK Biobank's dictionaries as other packages bring them: fields from fmrib-unpack, the ICD-10 tree from ukbb-parser.

The feature table is checked against the dictionary of fields.

As published, ukbb-parser 1.0.0 cannot be imported: it loads `~/.ukbb_paths.py` through `imp` (gone in Python 3.12), and
wants IPython and a name that statsmodels 0.15 no longer has, for plots and tests that are not used here. During the
import, substitutes take their place, and its settings are given in memory: no home directory is touched. One of its
functions uses `iteritems` (gone in pandas 2) and is replaced; the package's files and pandas itself stay as they are.
"""

import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import polars as pl

from vita.cohort.features import Feature
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_STAND_INS = ("imp", "IPython", "IPython.display", "statsmodels.sandbox.stats.multicomp")


def dictionary_file(*parts: str) -> Path:
    """A file of fmrib-unpack's schema folder, found without importing the package (which takes a second).

    Raises:
        UserError: the package is not installed.
    """
    spec = find_spec("funpack")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package fmrib-unpack is not installed; it brings UK Biobank's codes: pip install -e .")
    return Path(spec.submodule_search_locations[0], "schema", *parts)


@cache
def titles() -> dict[int, str]:
    """Title of every field of the dictionary."""
    columns = {"field_id": pl.Int64, "title": pl.String}
    table = pl.read_csv(
        dictionary_file("field.txt"),
        columns=list(columns),
        schema_overrides=columns,
        separator="\t",
        quote_char=None,
        encoding="latin-1",
    )
    return dict(table.with_columns(pl.col("title").str.strip_chars()).iter_rows())


def check_features(features: Sequence[Feature]) -> list[str]:
    """What does not agree between the feature table and the dictionary: unknown fields and renamed titles."""
    known = titles()
    found = []
    for feature in features:
        for (field, _), title in zip(feature.fields, feature.field_titles, strict=False):
            if field not in known:
                found.append(f"feature {feature.name}: field {field} is not in UK Biobank's dictionary")
            elif known[field] != title:
                found.append(f"feature {feature.name}: field {field} is titled {known[field]!r}, not {title!r}")
    return found


def report_disagreements(features: Sequence[Feature]) -> None:
    """Log every disagreement as a warning; a field of a newer dictionary than ours is no error."""
    for line in check_features(features):
        LOG.warning("%s", line)


@cache
def parser() -> ModuleType:
    """The module `ukbb_parser.ukbb_parser`, ready for use."""
    with _stand_ins():
        module = importlib.import_module("ukbb_parser.ukbb_parser")
    module._add_children_ids = _add_children_ids  # type: ignore[attr-defined]
    return module


def icd10_tree() -> pd.DataFrame:
    """UK Biobank's ICD-10 tree: index `node_id`; `coding`, `meaning`, `parent_id`, `children_ids` (direct ones)."""
    return parser().construct_ICD10_tree(verbose=False)


def people_by_code(codes: pd.DataFrame, wanted: set[str]) -> dict[str, set[Any]]:
    """Who has each wanted code or one below it.

    Slow (row by row): for checks and small tables; vita.cohort.cases does the same fast.

    Args:
        codes: a row per person, ICD-10 codes in any column.
        wanted: codes of the tree.

    Returns:
        For each wanted code that somebody has, the index labels of those people.
    """
    tree = parser().parse_raw_ICD10_dataset_into_tree(codes, desired_ICD10_codes=wanted, verbose=False)
    return {row.coding: row.samples for row in tree.itertuples() if row.coding in wanted}


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
    paths = SimpleNamespace(CODINGS_DIR=str(dictionary_file("hierarchy")))
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
