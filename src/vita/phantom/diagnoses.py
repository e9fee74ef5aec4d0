"""Diseases and hospital records: which disease each person has, with which ICD-10 codes and since when.

Prevalences are fixed shares of the cohort, above those of UK Biobank, so that a small test split holds cases of each.
Age, sex, fat, pressure and smoking raise the risk a little, as they do in people; most of it is chance. So a model that
only knows these traits does little better than chance, whereas the heart shows a disease (see `traits.draw_heart`).
"""

import datetime

import numpy as np
import pandas as pd

# Share of all participants. About eight in ten have a hospital record, everybody with a coded disease among them;
# heart failure, see `hazards`, adds some.
PREVALENCE = {"diabetes": 0.125, "hypertension": 0.225, "cad": 0.17, "infarct": 0.11, "stroke": 0.11}
RECORDED = 0.8
_CHANCE = 0.95  # weight of the part that no trait explains
PREVALENCE_HIGH_BLOOD_PRESSURE = 0.25
# Codes of Appendix F's lists in 41270, with how often each is used.
CODES = {
    "diabetes": {"E119": 0.75, "E113": 0.1, "E149": 0.1, "E109": 0.05},
    "hypertension": {"I10": 0.93, "I119": 0.03, "I129": 0.03, "I150": 0.01},
    "cad": {"I251": 0.5, "I209": 0.25, "I259": 0.15, "I200": 0.1},
    "infarct": {"I219": 0.4, "I252": 0.3, "I214": 0.2, "I211": 0.1},
    "stroke": {"I639": 0.6, "I635": 0.15, "I633": 0.15, "I634": 0.1},
}
# Diagnoses that belong to none of the six diseases: codes close to those of the lists, and common ones.
UNRELATED = (
    "Z864", "Z867", "I48", "I489", "I739", "I517", "I652", "G459", "E780", "E039", "E669", "K219",
    "K573", "K409", "M169", "M179", "M545", "N390", "N40", "H269", "H259", "J459", "J189", "R073",
    "R074", "Z921", "Z955", "Z370", "C509", "C61", "D122", "D509", "F329", "S525", "T814", "Y839",
    "L720", "K649", "K802", "G560",
)  # fmt: skip
HEART_FAILURE_CODES = ("I500", "I501", "I509")
RECORD_END = datetime.date(2022, 10, 31)
RECORD_START = datetime.date(1997, 4, 1)


def draw_diseases(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Diseases that each person ever has, from tendencies that depend on the traits.

    Args:
        people: columns of `traits.draw_body`.
        rng: random numbers.

    Returns:
        Boolean columns diabetes, hypertension, cad, infarct (every infarct is a coronary disease), stroke,
        high_blood_pressure (reports a doctor's diagnosis) and has_record.
    """
    n = len(people)
    age = (people["age"].to_numpy() - 64) / 7.7
    male, smokes = people["male"].to_numpy(), np.minimum(people["smoking"].to_numpy(), 1)
    fat, pressure, atrial = (people[f"{name}_z"].to_numpy() for name in ("fat", "pressure", "atrial"))
    noise = rng.standard_normal((7, n))
    ill = {
        "diabetes": _most_prone(0.25 * fat + 0.1 * age + _CHANCE * noise[0], PREVALENCE["diabetes"]),
        "hypertension": _most_prone(0.3 * pressure + _CHANCE * noise[1], PREVALENCE["hypertension"]),
    }
    coronary = 0.15 * age + 0.2 * male + 0.2 * smokes + 0.1 * pressure + _CHANCE * noise[2]
    ill["cad"] = _most_prone(coronary, PREVALENCE["cad"])
    attack = np.where(ill["cad"], 0.2 * smokes + _CHANCE * noise[3], -np.inf)
    ill["infarct"] = _most_prone(attack, PREVALENCE["infarct"]) & ill["cad"]
    ill["stroke"] = _most_prone(0.15 * age + 0.2 * atrial + 0.1 * pressure + _CHANCE * noise[4], PREVALENCE["stroke"])
    told = 1.9 * ill["hypertension"] + 0.2 * pressure + 0.6 * noise[5]
    ill["high_blood_pressure"] = _most_prone(told, PREVALENCE_HIGH_BLOOD_PRESSURE)
    coded = np.any([ill[name] for name in PREVALENCE], axis=0)
    ill["has_record"] = coded | _most_prone(np.where(coded, -np.inf, noise[6]), max(RECORDED - coded.mean(), 0))
    return pd.DataFrame(ill)


def _most_prone(tendency: np.ndarray, share: float) -> np.ndarray:
    """The given share of people with the strongest tendency, as a boolean array."""
    chosen = np.zeros(len(tendency), bool)
    chosen[np.argsort(-tendency, kind="stable")[: round(share * len(tendency))]] = True
    return chosen


def hospital_record(person: "pd.Series", rng: np.random.Generator) -> list[tuple[str, datetime.date]]:
    """The codes of a participant with dates of first diagnosis, in the order of a delivery.

    Args:
        person: a row of people.parquet (diseases, `has_record`, the dates of `hazards`).
        rng: random numbers of this participant.

    Returns:
        (ICD-10 code, date) pairs sorted by code; empty without a hospital record.
    """
    ends = [person[name].date() for name in ("death_date", "lost_date") if pd.notna(person[name])]
    end = min([RECORD_END, *ends])
    dates = _diagnosed(person, end, rng) if person["has_record"] else {}
    if pd.notna(person["heart_failure_date"]):
        dates[str(rng.choice(HEART_FAILURE_CODES))] = person["heart_failure_date"].date()
    return sorted(dates.items())


def _diagnosed(person: "pd.Series", end: datetime.date, rng: np.random.Generator) -> dict[str, datetime.date]:
    """Codes of the five diseases and of others, dated up to the end of the participant's follow-up."""
    dates: dict[str, datetime.date] = {}
    for disease, codes in CODES.items():
        if person[disease]:
            count = 1 if rng.random() < 0.6 else 2
            chosen = rng.choice(list(codes), count, replace=False, p=list(codes.values()))
            dates |= {str(code): _date(rng, end) for code in chosen}
    unrelated = 1 + rng.poisson(2 + 1.5 * any(person[disease] for disease in CODES))
    for code in rng.choice(UNRELATED, min(int(unrelated), len(UNRELATED)), replace=False):
        dates[str(code)] = _date(rng, end)
    return dates


def _date(rng: np.random.Generator, end: datetime.date) -> datetime.date:
    """Towards the end of the records: about half of the first diagnoses come after an imaging visit of 2014 to 2020."""
    days = (end - RECORD_START).days
    return RECORD_START + datetime.timedelta(days=int(days * rng.beta(2.4, 1.0)))
