"""From delivered tables to features, a range of participants at a time: plan which columns are needed, stream them to
disk, join the tables, and evaluate the rules.

Features that one table gives alone are evaluated while it is read; of the others, the parsed columns are kept.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import polars as pl

from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.features import COVERAGE, Feature
from vita.cohort.joining import Joiner
from vita.cohort.plan import Plan, make_plan
from vita.cohort.reading import EID, report_withdrawals, stream
from vita.cohort.remarks import Remarks
from vita.cohort.settings import CohortSettings
from vita.cohort.spill import Spill, by_range

LOG = logging.getLogger(__name__)
_ACQUAINTED = 0.5  # tables of one application share more of their people, or of their columns


def extract(
    tables: Sequence[Path],
    features: Sequence[Feature],
    settings: CohortSettings,
    withdrawn: Collection[int],
    folder: Path,
    remarks: Remarks | None = None,
) -> Iterator[pl.DataFrame]:
    """A row per participant in ascending order of `eid`, a column per feature: Float64 for numbers, Int16 for codes.

    Args:
        tables: files that share `eid`; a participant may be in some of them only.
        features: rows of the feature table; filters are read only if the settings use them.
        settings: the block cohort.
        withdrawn: ids that are left out.
        folder: where rows are set aside until all tables are read, about 1 kB each; nothing stays there.
        remarks: where unknown codes and impossible numbers are counted; they are logged in any case.

    Yields:
        Frames of a bounded number of participants, at least one. All are valid only once the last has been taken.

    Raises:
        UserError: a table cannot be read, a cell does not fit its column, a needed field is in no table, or tables
            contradict each other.
    """
    deliveries = [open_delivery(path) for path in tables]
    wanted = [each for each in features if each.role != "filter" or settings.ethnicity]
    plan = make_plan(deliveries, wanted, settings)
    unknown: Counter[str] = Counter()
    remarks = remarks or Remarks()
    gone: set[int] = set()
    coverage = _Coverage()
    with ExitStack() as files:
        spills = [Spill(files.enter_context(TemporaryFile(dir=folder))) for _ in deliveries]
        for delivery, spill in zip(deliveries, spills, strict=True):
            _set_aside(delivery, plan, withdrawn, gone, (unknown, remarks), spill)
        _name_strangers(deliveries, spills)
        joiner = Joiner([delivery.name for delivery in deliveries], plan.shared)
        for frames in by_range(spills):
            frame = joiner.join(frames)
            if plan.spanning:
                unclear = plan.expected.unclear(frame.select(plan.raw_columns))
                frame = frame.with_columns(_values(frame, plan.spanning, plan, unknown, unclear))
            frame = frame.select(EID, *(each.name for each in plan.features))
            coverage.add(frame)
            yield frame
    joiner.report(settings.max_contradictions)
    remarks.log()
    for feature in plan.features:
        judged = all(field in plan.expected.codings for field, _ in feature.fields[:1])  # its remark says so already
        if (count := unknown[feature.name]) and not judged:
            LOG.warning(
                "feature %s: %d cells hold a code that is not in its valid_codes; set to missing", feature.name, count
            )
    report_withdrawals(withdrawn, gone, coverage.rows)
    coverage.report()


def _name_strangers(deliveries: Sequence[Delivery], spills: Sequence[Spill]) -> None:
    """Warn about a table whose columns and most of whose people differ from those of earlier tables.

    Each application to UK Biobank has ids of its own, of which some are another application's by chance: joined, they
    would give people the values of others.
    """
    ids, columns = np.zeros(0, np.int64), set[str]()
    for delivery, spill in zip(deliveries, spills, strict=True):
        own, names = np.unique(spill.ids()), {column.canonical for column in delivery.header.columns}
        common, fewest = len(np.intersect1d(ids, own, assume_unique=True)), min(len(ids), len(own))
        if common < _ACQUAINTED * fewest and len(names & columns) < _ACQUAINTED * len(names):
            LOG.warning(
                "%s: only %d of its %d participants are in the tables before it (%d participants), which have other "
                "columns: is it of another application, which has other ids?",
                delivery.name, common, len(own), len(ids),
            )  # fmt: skip
        ids, columns = np.union1d(ids, own), columns | names


class _Coverage:
    """How many of those at the scan's visit (who have an age at it) have each feature."""

    def __init__(self) -> None:
        self.rows = self.people = 0
        self.absent: Counter[str] = Counter()

    def add(self, frame: pl.DataFrame) -> None:
        """Count more participants."""
        there = frame.filter(pl.col("age").is_not_null()) if "age" in frame.columns else frame
        self.rows += len(frame)
        self.people += len(there)
        self.absent.update(there.null_count().row(0, named=True) if len(there) else {})

    def report(self) -> None:
        """Warn about features that are missing for more than half of the participants."""
        shares = {name: 1 - count / self.people for name, count in self.absent.items()}
        named = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share < COVERAGE)
        if named:
            LOG.warning("fewer than half of the %d participants at the scan's visit have: %s", self.people, named)


def _set_aside(
    delivery: Delivery,
    plan: Plan,
    withdrawn: Collection[int],
    gone: set[int],
    counts: tuple[Counter[str], Remarks],
    spill: Spill,
) -> None:
    """Write features of one table, and the parsed columns for features that need several tables, to its spill."""
    unknown, remarks = counts
    columns = plan.columns[delivery.path]
    own = plan.own[delivery.path]
    names = [column.canonical for column in columns]
    raw = [name for name in plan.raw_columns if name in names]
    for batch in stream(delivery, columns, withdrawn, gone):
        parsed = pl.concat(
            [
                batch.select(EID),
                numbers(batch, [n for n in names if n not in plan.dates], delivery.name, plan.titles),
                dates(batch, [n for n in names if n in plan.dates], delivery.name),
            ],
            how="horizontal",
        )
        parsed, unclear = plan.expected.judge(parsed, delivery.name, remarks)
        spill.add(parsed.select(EID, *_values(parsed, own, plan, unknown, unclear), *raw))


def _values(
    frame: pl.DataFrame, features: Sequence[Feature], plan: Plan, unknown: Counter[str], unclear: frozenset[int]
) -> list[pl.Series]:
    """Columns of features, each of its final type, recoded; counts codes that are not valid."""
    lists = frozenset(name for name, kind in frame.schema.items() if isinstance(kind, pl.List))
    # with eid, since features without any column are constants, which alone would be one row
    raw = frame.select(EID, *(plan.expression(feature, lists, unclear) for feature in features)).drop(EID)
    final = raw.select(_typed(feature) for feature in features)
    for name, before, after in zip(raw.columns, raw.null_count().row(0), final.null_count().row(0), strict=True):
        unknown[name] += after - before
    return final.get_columns()


def _typed(feature: Feature) -> pl.Expr:
    """Numbers as they are; codes recoded as Int16, with invalid ones missing."""
    value = pl.col(feature.name)
    if feature.kind == "numerical":
        return value
    if feature.valid_codes:
        valid = [float(code) for code in feature.valid_codes]
        value = pl.when(value.is_in(valid)).then(value)
    codes = value.cast(pl.Int16, strict=False)
    return codes.replace(feature.recode) if feature.recode else codes
