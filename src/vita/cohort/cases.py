"""Who has a hospital diagnosis of a code list, and since when: the facts behind labels and the split's strata."""

from collections.abc import Collection, Mapping

import polars as pl

from vita.cohort.reading import EID


def find_cases(diagnoses: pl.DataFrame, lists: Mapping[str, Collection[str]]) -> pl.DataFrame:
    """Look up code lists in everybody's diagnoses.

    Args:
        diagnoses: as in diagnoses.parquet, see vita.cohort.diagnoses.
        lists: every ICD-10 code of each disease.

    Returns:
        The same rows in the same order: the other columns, `record` (whether there is any hospital diagnosis), and for
        each disease `has_<disease>` and `date_<disease>`, the earliest known date.
    """
    wanted = sorted(set().union(*lists.values()))
    rows = diagnoses.select(EID, code="codes", date="dates").explode("code", "date")
    rows = rows.filter(pl.col("code").is_in(wanted))
    aggregates: list[pl.Expr] = []
    for disease, codes in lists.items():
        hit = pl.col("code").is_in(sorted(codes))
        aggregates += [hit.any().alias(f"has_{disease}"), pl.col("date").filter(hit).min().alias(f"date_{disease}")]
    found = rows.group_by(EID).agg(aggregates)
    facts = diagnoses.with_columns(record=pl.col("codes").list.len() > 0).drop("codes", "dates")
    facts = facts.join(found, on=EID, how="left", maintain_order="left")
    return facts.with_columns(pl.col(f"has_{disease}").fill_null(value=False) for disease in lists)
