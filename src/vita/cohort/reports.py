"""What participants report of high blood pressure: fields 6150 (what a doctor diagnosed) and 2966 (the age at it).

Only those who report high blood pressure in 6150 are asked 2966, at each visit anew. Reports may contradict each other:
an age may accompany an answer to 6150 that does not have high blood pressure, a later visit may deny what an earlier
one reports, and one table may say other than another of the same visit. Whoever reports it once, by code or by age, is
a case; what was seen is counted and logged, and tables that contradict each other in too large a share are refused.
An answer to 6150 with a code that its coding does not have could have been high blood pressure: it denies nothing.
"""

import logging
from collections.abc import Sequence

import polars as pl

from vita.cohort.cleaning import numbers
from vita.cohort.delivery import Delivery
from vita.cohort.dictionary import codings, limits
from vita.cohort.judging import Expected
from vita.cohort.reading import EID
from vita.cohort.remarks import Remarks
from vita.cohort.rules import Cells, some
from vita.cohort.spellings import Column
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
TOLD = 6150
HIGH_BP_AGE = 2966
TITLES = {TOLD: "Vascular/heart problems diagnosed by doctor", HIGH_BP_AGE: "Age high blood pressure diagnosed"}
_HIGH_BP_CODE = 4.0
_NOT_ANSWERED = (-3,)  # of field 6150
_CODING = 100605  # of 6150
_ALL = "all"  # instead of a column's name: its cells hold all answers
# an age that cannot be is no age, but only those who report high blood pressure are asked for one
EXPECTED = Expected({TOLD: _CODING}, {HIGH_BP_AGE: frozenset({-1.0, -3.0})}, "label")
ANSWERS = ("high_bp_told", "high_bp_denied", "high_bp_asked", "high_bp_unclear")
SAID = pl.Schema(
    {
        EID: pl.Int64(),
        "visit": pl.Int8(),
        "codes": pl.List(pl.Float64()),
        "age": pl.Float64(),
        "columns": pl.List(pl.String()),
    }
)


def read_reports(batch: pl.DataFrame, columns: Sequence[Column], table: str, remarks: Remarks) -> pl.DataFrame:
    """What one table says in a batch of text columns.

    Args:
        batch: `eid` and text columns.
        columns: of the table; those of other fields are passed over.
        table: its name in messages.
        remarks: where unknown codes are counted, and ages that cannot be.

    Returns:
        A row per participant and visit with an answer: `eid`, `visit`, `codes` (answers to 6150 without "prefer
        not to answer", or null), `age` (2966 as it is, with its codes), `columns` (those of 6150 that the
        table has).
    """
    own = [column for column in columns if column.field in TITLES]
    answers = {each: [column.canonical for column in own if column.field == each] for each in TITLES}
    titles = {column.canonical: TITLES[column.field] for column in own}
    codes = numbers(batch, answers[TOLD], table, titles)
    parsed = pl.concat([codes, numbers(batch, answers[HIGH_BP_AGE], table, titles, several=False)], how="horizontal")
    EXPECTED.judge(parsed, table, remarks)
    lists = frozenset(name for name, kind in parsed.schema.items() if isinstance(kind, pl.List))
    parts = [pl.DataFrame(schema=SAID)]
    for visit in sorted({column.instance for column in own}):
        here = {each: [c.canonical for c in own if (c.field, c.instance) == (each, visit)] for each in TITLES}
        parts.append(_at_visit(batch.select(EID), parsed, Cells(here, lists), visit))
    return pl.concat(parts)


def _at_visit(ids: pl.DataFrame, parsed: pl.DataFrame, cells: Cells, visit: int) -> pl.DataFrame:
    answered = some(cells.answered(TOLD, _NOT_ANSWERED))
    empty = pl.lit([], dtype=pl.List(pl.Float64))  # concat_list gives null where one of its lists is missing
    lists = [
        pl.col(n).fill_null(empty) if n in cells.lists else pl.concat_list(pl.col(n).cast(pl.Float64))
        for n in cells.names[TOLD]
    ]
    codes = pl.concat_list(lists).list.drop_nulls().list.unique().list.sort() if lists else empty
    form = [_ALL if name in cells.lists else name for name in cells.names[TOLD]]
    rows = parsed.select(
        visit=pl.lit(visit, pl.Int8),
        codes=pl.when(answered).then(codes.list.set_difference([float(code) for code in _NOT_ANSWERED])),
        age=cells.first(HIGH_BP_AGE).cast(pl.Float64),
        columns=pl.lit(form, pl.List(pl.String)),
    )
    rows = pl.concat([ids, rows], how="horizontal")
    return rows.filter(pl.col("codes").is_not_null() | pl.col("age").is_not_null())


def by_person(tables: Sequence[tuple[Delivery, pl.DataFrame]], most: float) -> pl.DataFrame:
    """Everybody's answers over all tables.

    Args:
        tables: each with what it says, as from `read_reports`.
        most: of the answers that several tables have, the share that may differ.

    Returns:
        `eid`; lists of visits `high_bp_told` (6150 has high blood pressure, or 2966 is not empty), `high_bp_denied`
        (6150 was answered otherwise), `high_bp_asked` (2966 is not empty) and `high_bp_unclear` (6150 has an unknown
        code, and nothing tells of high blood pressure); `high_bp_visit`, the first visit with an age, and
        `high_bp_age`, the youngest one given, years.

    Raises:
        UserError: tables contradict each other.
    """
    if len(tables) > 1:
        _refuse_contradictions(tables, most)
    # the codes of 6150 may be spread over tables, and one of them alone would look like a denial
    visits = pl.concat([said for _, said in tables]).group_by(EID, "visit")
    every = visits.agg(pl.col("codes").list.explode(keep_nulls=False, empty_as_null=False), pl.col("age"))
    yes, asked = pl.col("codes").list.contains(_HIGH_BP_CODE), pl.col("age").list.drop_nulls().list.len() > 0
    own, known = limits()[HIGH_BP_AGE], codings()[_CODING]
    given = pl.col("age").list.eval(pl.element().filter(pl.element().is_between(own.low, own.high))).list.min()
    unknown = pl.col("codes").list.set_difference(sorted(known)).list.len() > 0
    otherwise = (pl.col("codes").list.set_intersection(sorted(known)).list.len() > 0) & ~unknown
    every = every.select(EID, "visit", yes=yes, asked=asked, other=~yes & otherwise, unclear=~yes & unknown, age=given)
    _report(every)
    told = pl.col("yes") | pl.col("asked")
    return every.group_by(EID).agg(
        pl.col("visit").filter(told).sort().alias("high_bp_told"),
        pl.col("visit").filter(~told & pl.col("other")).sort().alias("high_bp_denied"),
        pl.col("visit").filter("asked").sort().alias("high_bp_asked"),
        pl.col("visit").filter(~told & pl.col("unclear")).sort().alias("high_bp_unclear"),
        pl.col("visit").filter(pl.col("age").is_not_null()).min().alias("high_bp_visit"),
        pl.col("age").min().alias("high_bp_age"),
    )


def _report(every: pl.DataFrame) -> None:
    """Log how many contradict themselves at a visit, and how many later deny what they reported."""
    beside = every.filter(pl.col("asked") & pl.col("other"))[EID].n_unique()
    if beside:
        LOG.warning(
            "%d participants have an age of high blood pressure (2966) at a visit at which 6150 was answered without "
            "it; they are taken to have the diagnosis",
            beside,
        )
    told = pl.col("yes") | pl.col("asked")
    visits = every.group_by(EID).agg(
        first=pl.col("visit").filter(told).min(), last=pl.col("visit").filter(~told & pl.col("other")).max()
    )
    later = visits.filter(pl.col("last") > pl.col("first")).height
    if later:
        LOG.warning(
            "%d of %d participants who report high blood pressure do not report it at a later visit at which they "
            "answered 6150; labels.high_bp says which visits count",
            later,
            visits["first"].count(),
        )


def _refuse_contradictions(tables: Sequence[tuple[Delivery, pl.DataFrame]], most: float) -> None:
    """Refuse tables that differ about high blood pressure, or its age, at the same visit of the same people."""
    said = pl.concat(
        own.with_columns(table=pl.lit(place), yes=pl.col("codes").list.contains(_HIGH_BP_CODE))
        for place, (_, own) in enumerate(tables)
    )
    both = [EID, "visit"]
    answered = said.filter(pl.col("codes").is_not_null())
    merged = {name: pl.col(name).list.explode(keep_nulls=False, empty_as_null=False) for name in ("codes", "columns")}
    told = answered.filter("yes").group_by(both).agg(**merged, forms=pl.col("columns").list.join(" "))
    against = answered.filter(~pl.col("yes")).join(told, on=both, suffix="_told")
    # the columns of 6150 may be spread over tables; a table with a part of them says less and contradicts nothing
    common = pl.col("columns").list.set_intersection("columns_told").list.len() > 0
    whole = pl.col("columns").list.contains(_ALL) | pl.col("columns_told").list.contains(_ALL)
    more = pl.col("codes").list.set_difference("codes_told").list.len() > 0
    against = against.filter((more & (common | whole)) | pl.col("columns").list.join(" ").is_in("forms"))
    ages = said.filter(pl.col("age").is_not_null()).group_by(both).agg(n=pl.len(), values=pl.col("age").n_unique())
    several = answered.group_by(both).len().filter(pl.col("len") > 1).height
    counts = {
        TOLD: (against.select(both).n_unique(), several),
        HIGH_BP_AGE: (ages.filter(pl.col("values") > 1).height, ages.filter(pl.col("n") > 1).height),
    }
    for number, (differ, of) in counts.items():
        names = " and ".join(d.name for d, _ in tables if any(c.field == number for c in d.header.columns))
        if differ > most * of:
            raise UserError(
                f"{names}, field {number} ({TITLES[number]}): {differ} of {of} answers of the same people at the same "
                "visit differ about high blood pressure; these tables contradict each other. Remove the field from "
                "the older release, or raise cohort.max_contradictions (one report of it is then enough)"
            )
        if differ:
            LOG.warning(
                "%s, field %d: %d of %d answers at the same visit differ about high blood pressure; one report of it "
                "is enough", names, number, differ, of,
            )  # fmt: skip
