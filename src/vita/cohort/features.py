"""The feature table (workflow/resources/features.tsv), read here and nowhere else.

One row per feature. Columns:
    name, title, role     short name; printed name; input (Stage II), output (target only), filter (cohort rule)
    kind, group           numerical, binary or categorical; a name that `tabular.exclude` understands
    field_ids, instance   UK Biobank fields and, for each of them, the visits: a number, a range `0-3`, `scan` (the
                          imaging visit of the config) or `0-scan`
    rule                  a named rule of vita.cohort.rules, with its arguments: `mean`, `any(6150=1 3894=age)`, ...
    coding, valid_codes   data-coding ids, one for each field, 0 for none; the codes of those in codings.tsv are known
                          and others are counted; the codes a binary or categorical feature may take
    recode                `2:1 3:2`: 1 is written for 2 and 2 for 3, so that classes have no gaps
    missing_codes         codes that mean "not answered" in this feature's fields, and only there
    special_values        `-10:0`: codes that mean a number
    unit, low, high       unit; plausible range of a single reading; others are missing
    date_field            the field with the date of an online questionnaire
    paper_missing         what the paper's code put in place of missing values
    required              no: an absent field leaves the column empty
    field_titles          titles in UK Biobank's dictionary, ` | ` between fields
"""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from vita.runtime.errors import UserError

KINDS = ("numerical", "binary", "categorical")
ROLES = ("input", "output", "filter")
LAST_INSTANCE = 3
_RULE = re.compile(r"(?P<name>[a-z_]+)(?:\((?P<arguments>[^()]*)\))?")

COVERAGE = 0.5  # of the participants; features that fewer of them have are named


@dataclass(frozen=True)
class Rule:
    """A named rule and its arguments: codes (`count(1069 1070)`) or terms (`any(6150=1 3894=age)`)."""

    name: str
    codes: tuple[int, ...] = ()
    terms: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Feature:
    """A row of the feature table."""

    name: str
    title: str
    role: str
    kind: str
    group: str
    fields: tuple[tuple[int, str], ...]  # (field id, instances as written in the table)
    rule: Rule
    valid_codes: tuple[int, ...] = ()
    recode: dict[int, int] = field(default_factory=dict)
    missing_codes: tuple[int, ...] = ()
    special_values: dict[int, float] = field(default_factory=dict)
    unit: str = ""
    low: float | None = None
    high: float | None = None
    date_field: int | None = None
    paper_missing: float | None = None
    required: bool = True
    field_titles: tuple[str, ...] = ()
    codings: tuple[int, ...] = ()  # of each field; none if the row names none

    @property
    def classes(self) -> tuple[int, ...]:
        """Codes of a binary or categorical feature as in fields.parquet, in class order."""
        return tuple(sorted({self.recode.get(code, code) for code in self.valid_codes}))

    def instances(self, field_id: int, scan: int, last: int = LAST_INSTANCE) -> range:
        """Visits of a field that count, none later than `last`; `scan` is the imaging visit (2 or 3)."""
        written = dict(self.fields)[field_id].replace("scan", str(scan))
        first, _, end = written.partition("-")
        return range(int(first), min(int(end or first), last) + 1)


def load_features(path: str | Path) -> list[Feature]:
    """Read features.tsv; rows keep their order.

    Raises:
        UserError: a column is missing, a value cannot be read, or a name is repeated; the message has file and line.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: the feature table cannot be read: {error.strerror}") from error
    features = []
    for line, row in enumerate(rows, start=2):
        try:
            features.append(_feature(row))
        except (KeyError, ValueError, AttributeError) as error:
            raise UserError(f"{path}, line {line}: not a feature row: {error}") from error
    names = [feature.name for feature in features]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: feature names are repeated: {', '.join(twice)}; give each row its own")
    return features


def inputs(features: list[Feature]) -> list[Feature]:
    """Input features in the order of the tabular encoder: numerical, binary, categorical."""
    return [each for kind in KINDS for each in features if each.role == "input" and each.kind == kind]


def _feature(row: dict[str, str]) -> Feature:
    """One row, checked; a ValueError says what is wrong with it."""
    ids = [int(part) for part in row["field_ids"].split()]
    visits = row["instance"].split()
    if not ids or len(ids) != len(visits):
        raise ValueError(f"{row['name']}: field_ids and instance must have the same number of entries")
    for visit in visits:
        if not re.fullmatch(r"(\d|scan)(-(\d|scan))?", visit):
            raise ValueError(f"{row['name']}: instance {visit!r} is not one of 2, 0-3, scan, 0-scan")
    if row["kind"] not in KINDS or row["role"] not in ROLES:
        raise ValueError(f"{row['name']}: kind must be one of {KINDS} and role one of {ROLES}")
    if row["kind"] != "numerical" and row["role"] == "input" and not row["valid_codes"]:
        raise ValueError(f"{row['name']}: a {row['kind']} feature needs valid_codes")
    codings = _codes(row["coding"])
    if codings and len(codings) != len(ids):
        raise ValueError(f"{row['name']}: field_ids and coding must have the same number of entries")
    return Feature(
        name=row["name"],
        title=row["title"],
        role=row["role"],
        kind=row["kind"],
        group=row["group"],
        fields=tuple(zip(ids, visits, strict=True)),
        rule=_rule(row["rule"]),
        valid_codes=_codes(row["valid_codes"]),
        recode={int(old): int(new) for old, new in _pairs(row["recode"])},
        missing_codes=_codes(row["missing_codes"]),
        special_values={int(code): float(value) for code, value in _pairs(row["special_values"])},
        unit=row["unit"],
        low=_number(row["low"]),
        high=_number(row["high"]),
        date_field=int(row["date_field"]) if row["date_field"] else None,
        paper_missing=_number(row["paper_missing"]),
        required=row["required"] != "no",
        field_titles=tuple(title.strip() for title in row["field_titles"].split(" | ")),
        codings=codings,
    )


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"rule {text!r} is not name or name(arguments)")
    arguments = (match["arguments"] or "").split()
    if all("=" in argument for argument in arguments):
        terms = tuple((int(left), right) for left, right in (part.split("=") for part in arguments))
        return Rule(match["name"], terms=terms)
    return Rule(match["name"], codes=tuple(int(argument) for argument in arguments))


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(old, new) for old, _, new in (part.rpartition(":") for part in text.split())]


def _codes(text: str) -> tuple[int, ...]:
    return tuple(int(code) for code in text.split())


def _number(text: str) -> float | None:
    return float(text) if text else None
