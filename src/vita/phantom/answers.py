"""Questionnaire fields: activity, diet, alcohol, smoking, mood, with their real codes and the rules for who is
asked.
"""

from functools import partial
from typing import cast

import numpy as np
from scipy.stats import norm

from vita.phantom.sheet import Sheet, multiple, numbers
from vita.phantom.traits import SMOKING_CURRENT, SMOKING_NEVER, SMOKING_PREVIOUS

UNSURE = (-1, -3)  # "do not know", "prefer not to answer"
SILENT = (-3,)
LESS_THAN_ONE = -10
# Kind of activity (code of 6164): (frequency field, duration field, share of people, effect of fitness).
ACTIVITIES = {
    1: (971, 981, 0.7, 0.3),
    2: (3637, 3647, 0.5, 0.5),
    3: (991, 1001, 0.13, 0.7),
    4: (1011, 1021, 0.5, 0.1),
    5: (2624, 2634, 0.4, 0.3),
}
INSTANCES = (0, 2, 3)


def add(sheet: Sheet) -> None:
    """Add all questionnaire fields."""
    _activity(sheet)
    _leisure(sheet)
    _hours(sheet)
    _diet(sheet)
    _alcohol(sheet)
    _online_alcohol(sheet)
    _smoking(sheet)
    _wellbeing(sheet)


def _activity(sheet: Sheet) -> None:
    """Days a week, and minutes on those days, asked only of those with any day."""
    fitness = sheet.trait("fitness_z")
    kinds: tuple[tuple[int, int, tuple[int, ...], int], ...]
    kinds = ((864, 874, (2, 4, 6, 8, 9, 13, 12, 46), 50), (884, 894, (12, 8, 14, 15, 10, 14, 6, 21), 45))
    kinds += ((904, 914, (36, 14, 17, 13, 7, 7, 2, 4), 35),)
    for days_field, minutes_field, shares, typical in kinds:
        missing = (-1, -2, -3) if days_field == 864 else UNSURE
        days = sheet.choice(days_field, fitness, range(8), shares, missing)
        minutes = typical * np.exp(0.35 * fitness + 0.6 * sheet.rng.standard_normal(sheet.n))
        _asked_number(sheet, minutes_field, np.ceil(minutes / 5) * 5, days > 0, UNSURE)
    sheet.choice(924, fitness, (1, 2, 3), (6, 50, 44), (-3, -7))
    sheet.choice(943, fitness, range(6), (10, 15, 30, 25, 12, 8), UNSURE)


def _leisure(sheet: Sheet) -> None:
    """6164 lists the kinds of activity; frequency and duration are asked only of those who do them."""
    fitness = sheet.trait("fitness_z")
    for instance in INSTANCES:
        filled = sheet.attended[instance] & (sheet.rng.random(sheet.n) < 0.98)
        does = {}
        for code, (frequency, duration, share, pull) in ACTIVITIES.items():
            does[code] = pull * fitness + np.sqrt(1 - pull**2) * sheet.rng.standard_normal(sheet.n) > -norm.ppf(share)
            asked = filled & does[code]
            for field, codes, shares in (
                (frequency, range(1, 7), (10, 15, 20, 22, 18, 15)),
                (duration, range(1, 8), (8, 22, 25, 18, 9, 10, 8)),
            ):
                sheet.choice(field, fitness, codes, shares, UNSURE, asked, (instance,), effect=pull, share=1.0)
        multiple(sheet, 6164, instance, does, 5, -7, filled)


def _asked_number(sheet: Sheet, field: int, values: np.ndarray, asked: np.ndarray, missing: tuple[int, ...]) -> None:
    """A whole number that only some people are asked for."""
    for instance in INSTANCES:
        cells = sheet.with_missing(numbers(values, 0), missing)
        sheet.put(field, instance, 0, cells, sheet.attended[instance] & asked & (sheet.rng.random(sheet.n) < 0.98))


def _hours(sheet: Sheet) -> None:
    """Hours per day; -10 means less than one."""
    fat, fitness = sheet.trait("fat_z"), sheet.trait("fitness_z")
    sheet.choice(1160, 0.3 * sheet.trait("mood_z"), (4, 5, 6, 7, 8, 9, 10), (1, 4, 20, 40, 28, 5, 2), UNSURE)
    sheet.choice(1070, _mix(fat, -fitness), (LESS_THAN_ONE, 0, 1, 2, 3, 4, 5, 6), (5, 2, 14, 28, 25, 16, 6, 4), UNSURE)
    sheet.choice(
        1080, -_score(sheet, "age"), (0, LESS_THAN_ONE, 1, 2, 3, 4, 6, 8), (15, 17, 27, 20, 8, 5, 4, 4), UNSURE
    )
    sheet.choice(1090, -_score(sheet, "age"), (0, LESS_THAN_ONE, 1, 2, 3, 4), (12, 32, 38, 12, 4, 2), UNSURE)


def _mix(*scores: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = sum(scores) / np.sqrt(len(scores))
    return mixed


def _score(sheet: Sheet, name: str) -> np.ndarray:
    values = sheet.trait(name)
    scores: np.ndarray = (values - values.mean()) / max(float(values.std()), 1e-9)
    return scores


def _diet(sheet: Sheet) -> None:
    diet, male = sheet.trait("diet_z"), sheet.trait("male")
    tablespoons = (0, LESS_THAN_ONE, 1, 2, 3, 4, 5, 6, 8, 10)
    sheet.choice(1289, diet, tablespoons, (2, 1, 10, 27, 25, 17, 7, 6, 3, 2), UNSURE)
    sheet.choice(1299, diet, tablespoons, (8, 7, 22, 25, 14, 10, 5, 4, 3, 2), UNSURE)
    meat = _mix(0.6 * (2 * male - 1), -diet)
    for field, shares in (
        (1349, (10, 30, 29, 27, 3, 1)),
        (1369, (11, 45, 33, 10, 0.6, 0.4)),
        (1389, (18, 57, 21, 3.4, 0.3, 0.3)),
        (1379, (18, 56, 22, 3.4, 0.3, 0.3)),
    ):
        sheet.choice(field, meat, range(6), shares, UNSURE)


def _alcohol(sheet: Sheet) -> None:
    """Lower codes of 1558 are more frequent drinking; with meals is asked of those who drink weekly."""
    drinking = sheet.trait("drinking_z")
    frequency = sheet.choice(1558, -drinking, range(1, 7), (20, 26, 26, 11, 11, 6), SILENT, effect=0.85)
    sheet.choice(1618, 0.5 * drinking, (0, -6, 1), (32, 28, 40), UNSURE, asked=frequency <= 3)
    former = sheet.rng.random(sheet.n) < 0.45
    status = np.where(frequency < 6, 2, np.where(former, 1, 0))
    for instance in INSTANCES:
        cells = sheet.with_missing(status.astype(str).astype(object), SILENT)
        sheet.put(20117, instance, 0, cells, sheet.attended[instance])


def _online_alcohol(sheet: Sheet) -> None:
    """Online questionnaire of some years later (instance 0 only), which six in ten answered."""
    drinking = sheet.trait("drinking_z")
    answered = sheet.rng.random(sheet.n) < 0.6
    once = partial(sheet.choice, instances=(0,), missing=(-818,), effect=0.8, share=1.0)
    often = once(20414, drinking, range(5), (7, 12, 20, 32, 29), asked=answered)
    drinks = answered & (often > 0)
    once(20416, drinking, range(1, 6), (48, 25, 10, 13, 4), asked=drinks)
    once(20403, drinking, range(1, 6), (58, 28, 9, 3, 2), asked=drinks)


def _smoking(sheet: Sheet) -> None:
    status, n = sheet.trait("smoking").astype(int), sheet.n
    daily, light_past = sheet.rng.random(n) < 0.7, sheet.rng.random(n) < 0.3
    now = np.where(status == SMOKING_CURRENT, np.where(daily, 1, 2), 0)
    past = np.where(status == SMOKING_NEVER, np.where(light_past, 3, 4), np.where(daily, 1, 2))
    ever = (status != SMOKING_NEVER) | ((past == 3) & light_past)
    years = np.where(status == SMOKING_CURRENT, 30, 18) * np.exp(0.55 * sheet.rng.standard_normal(n))
    for instance in INSTANCES:
        came = sheet.attended[instance]
        for field, values, missing, asked in (
            (20116, status, SILENT, True), (1239, now, SILENT, True), (1249, past, SILENT, now != 1),
            (20160, ever.astype(int), (), True),
        ):  # fmt: skip
            sheet.put(field, instance, 0, sheet.with_missing(values.astype(str).astype(object), missing), came & asked)
        known = came & (status >= SMOKING_PREVIOUS) & daily & (sheet.rng.random(n) < 0.9)
        sheet.put(20161, instance, 0, numbers(years, 3), known)
        sheet.put(20162, instance, 0, numbers(years / np.maximum(sheet.trait("age") - 16, 1), 5), known)
    around = np.where(status == SMOKING_CURRENT, 1.0, 0.0) + 0.3 * sheet.trait("deprivation_z")
    sheet.choice(1259, around, range(3), (91, 7, 2), SILENT, asked=now == 0)
    for field in (1269, 1279):
        hours = np.where(sheet.rng.random(n) < 0.12, np.ceil(sheet.rng.exponential(4.0, n)), 0)
        _asked_number(sheet, field, hours, now == 0, UNSURE)


def _wellbeing(sheet: Sheet) -> None:
    mood, fitness = sheet.trait("mood_z"), sheet.trait("fitness_z")
    illnesses = (sheet.trait(name) for name in ("cad", "stroke", "diabetes", "high_blood_pressure"))
    burden = cast(np.ndarray, sum(illnesses))  # never empty, so that the result is never the 0 with which sum starts
    ill = (burden - burden.mean()) / max(float(burden.std()), 1e-9)
    sheet.choice(1980, mood, (0, 1), (45, 55), UNSURE)
    sheet.choice(1990, mood, (0, 1), (84, 16), UNSURE)
    sheet.choice(1200, mood, (1, 2, 3), (25, 48, 27), SILENT)
    sheet.choice(2178, _mix(ill, -fitness), (1, 2, 3, 4), (24, 58, 15, 3), UNSURE)
    sheet.choice(2188, ill, (0, 1), (70, 30), UNSURE)
    sheet.choice(4717, _mix(ill, sheet.trait("fat_z"), -fitness), (0, 1), (90, 10), UNSURE, share=0.7)
    sheet.choice(2296, _mix(ill, _score(sheet, "age")), (1, 2, 3), (81, 14, 5), SILENT)
    sheet.choice(2306, sheet.trait("fat_z"), (3, 0, 2), (16, 60, 24), UNSURE)
