"""The config blocks `cohort` and `labels`, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from vita.config.blocks import needed
from vita.runtime.errors import UserError

COUNTRIES = ("england", "scotland", "wales")  # hospital data end on another day in each
VISITS = (2, 3)


def imaging_visit(settings: Mapping[str, object]) -> int:
    """The visit of the scan, `cohort.instance` of the settings.

    Raises:
        UserError: it is missing or not allowed.
    """
    visit: int = _one_of(settings, "cohort", "instance", VISITS)
    return visit


def max_contradictions(settings: Mapping[str, object]) -> float:
    """The share of values that may differ between two tables, `cohort.max_contradictions` of the settings.

    Raises:
        UserError: it is missing or not a share.
    """
    most = needed(settings, "cohort.max_contradictions")
    if isinstance(most, bool) or not isinstance(most, int | float) or not 0 <= most <= 1:
        raise UserError("config cohort.max_contradictions: needs a share between 0 and 1, such as 0.01")
    return most


def follow_up_end(settings: Mapping[str, object]) -> date | dict[str, date] | None:
    """The end of hospital data, `labels.follow_up_end` of the settings: one day, or one for each country.

    Raises:
        UserError: it is missing or not such a day.
    """
    return _ends(needed(settings, "labels.follow_up_end"))


def _one_of(settings: Mapping[str, object], section: str, key: str, allowed: tuple[Any, ...]) -> Any:
    value = needed(settings, f"{section}.{key}")  # type: ignore[call-overload]  # put together: mypy cannot know it
    if value not in allowed:
        raise UserError(f"config {section}.{key}: {value!r} is not one of {', '.join(map(str, allowed))}")
    return value


@dataclass(frozen=True, kw_only=True)
class CohortSettings:
    """Which visit is the scan's, what may be used for a feature, and what happens without a field."""

    instance: int
    cutoff: str
    missing_fields: str
    cleaning: str
    ethnicity: tuple[int, ...]
    max_contradictions: float
    implausible: str

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> "CohortSettings":
        """From the settings' block `cohort`; all of it.

        Raises:
            UserError: a key is missing or its value not allowed; the message names the config key.
        """
        ethnicity = needed(settings, "cohort.ethnicity") or []
        if not isinstance(ethnicity, list) or not all(isinstance(code, int) for code in ethnicity):
            raise UserError("config cohort.ethnicity: needs a list of codes of field 21000, e.g. [1001], or null")
        return cls(
            instance=imaging_visit(settings),
            cutoff=_one_of(settings, "cohort", "cutoff", ("none", "imaging")),
            missing_fields=_one_of(settings, "cohort", "missing_fields", ("error", "drop")),
            cleaning=_one_of(settings, "cohort", "cleaning", ("right", "paper")),
            ethnicity=tuple(ethnicity),
            max_contradictions=max_contradictions(settings),
            implausible=_one_of(settings, "cohort", "implausible", ("missing", "keep")),
        )


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Which diagnoses make a case, by their time relative to the scan."""

    timing: str
    incident_years: float | None
    no_record: str
    high_bp: str
    follow_up_end: date | Mapping[str, date] | None

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> "LabelSettings":
        """From the settings' block `labels`; all of it.

        Raises:
            UserError: a key is missing or its value not allowed; the message names the config key.
        """
        years = needed(settings, "labels.incident_years")
        if years is not None and not (isinstance(years, int | float) and years > 0):
            raise UserError("config labels.incident_years: needs a number of years above 0, or null for no limit")
        return cls(
            timing=_one_of(settings, "labels", "timing", ("ever", "prevalent", "incident")),
            incident_years=years,
            no_record=_one_of(settings, "labels", "no_record", ("exclude", "negative")),
            high_bp=_one_of(settings, "labels", "high_bp", ("any", "scan", "published")),
            follow_up_end=follow_up_end(settings),
        )


def _ends(value: Any) -> date | dict[str, date] | None:
    """A day for all, or one for each country."""
    if isinstance(value, Mapping):
        if set(value) != set(COUNTRIES):
            raise UserError(
                f"config labels.follow_up_end: needs one day for all, or one each for {', '.join(COUNTRIES)}"
            )
        return {name: _day(each) for name, each in value.items()}
    return None if value is None else _day(value)


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"config labels.follow_up_end: {value!r} is not a day; write it as '2022-10-31', in quotes"
        ) from error
