"""Traits of people, from which everything else follows, correlated as in real people.

Order of causes: sex and age; body, fitness, blood pressure and smoking; diseases; the heart. Names that end in `_z`
are standard scores. Sizes follow published reference ranges of middle-aged and older adults (for example Petersen
et al., J Cardiovasc Magn Reson 2017, for UK Biobank); they are rounded, not fitted.
"""

import numpy as np
import pandas as pd

SMOKING_NEVER, SMOKING_PREVIOUS, SMOKING_CURRENT = range(3)


def draw_body(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Sex, age, body size and fat, fitness, smoking, and the tendencies to high blood pressure and to atrial disease.

    Args:
        n: people.
        rng: random numbers.

    Returns:
        A row per person: `male` (bool), `age` (years at the scan), `height_cm`, `fat_z`, `body_fat` (%), `bmi`
        (kg/m2), `weight_kg`, `bsa_m2` (Mosteller), `fitness_z`, `pressure_z`, `smoking` (0 never, 1 previous,
        2 current), `atrial_z`, `mood_z`, `diet_z`, `drinking_z`, `deprivation_z`.
    """
    male = rng.random(n) < 0.48
    age = np.clip(rng.normal(64, 7.7, n), 46, 82)
    age_z = (age - 64) / 7.7
    height = np.where(male, 176.5, 163.0) + 6.3 * rng.standard_normal(n) - 0.9 * age_z
    deprivation = rng.standard_normal(n)
    fitness = _score(-0.25 * age_z - 0.15 * deprivation + 0.95 * rng.standard_normal(n))
    fat = _score(0.1 * age_z - 0.4 * fitness + 0.12 * deprivation + 0.9 * rng.standard_normal(n))
    body_fat = np.clip(np.where(male, 25.5 + 5.6 * fat, 36.5 + 6.4 * fat), 8, 55)
    bmi = np.clip(26.9 + 3.7 * fat + 1.6 * rng.standard_normal(n) + 0.4 * male, 17, 46)
    weight = bmi * (height / 100) ** 2
    smoking_score = rng.standard_normal(n) + 0.3 * deprivation + 0.2 * male - 0.15 * fitness
    smoking = np.digitize(smoking_score, [0.35, 1.75])
    pressure = _score(0.42 * age_z + 0.34 * fat - 0.15 * fitness + 0.15 * male + 0.75 * rng.standard_normal(n))
    columns = {
        "male": male,
        "age": age,
        "height_cm": height,
        "fat_z": fat,
        "body_fat": body_fat,
        "bmi": bmi,
        "weight_kg": weight,
        "bsa_m2": np.sqrt(height * weight / 3600),
        "fitness_z": fitness,
        "pressure_z": pressure,
        "smoking": smoking,
        "atrial_z": _score(0.4 * age_z + 0.3 * pressure + 0.85 * rng.standard_normal(n)),
        "mood_z": rng.standard_normal(n),
        "diet_z": _score(0.3 * fitness - 0.2 * deprivation + rng.standard_normal(n)),
        "drinking_z": _score(0.25 * male - 0.2 * deprivation + rng.standard_normal(n)),
        "deprivation_z": deprivation,
    }
    return pd.DataFrame(columns)


def draw_heart(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The heart and the circulation, given body and diseases.

    Args:
        people: columns of `draw_body` and of `diagnoses.draw_diseases`.
        rng: random numbers.

    Returns:
        Volumes in ml, `wall_mm`, `heart_rate` in 1/min, pressures in mmHg, `infarct_size` (0 without infarct) and
        `infarct_angle` (rad), in columns as used by `hearts.Heart`.
    """
    n = len(people)
    male, bsa = people["male"].to_numpy(), people["bsa_m2"].to_numpy()
    age_z = (people["age"].to_numpy() - 64) / 7.7
    fat, fitness, pressure = (people[f"{name}_z"].to_numpy() for name in ("fat", "fitness", "pressure"))
    ill = {name: people[name].to_numpy().astype(float) for name in ("cad", "infarct", "stroke", "hypertension")}
    ill |= {name: people[name].to_numpy().astype(float) for name in ("diabetes", "high_blood_pressure")}
    z = rng.standard_normal((12, n))
    size = 0.3 * fitness - 0.2 * age_z - 0.7 * ill["diabetes"] + 0.2 * ill["cad"] + 0.4 * ill["infarct"] + 0.95 * z[0]
    # Volumes increase less than proportionally with body size, and people of the same size differ widely.
    lvedv = np.clip(np.where(male, 140.0, 134.0) * (bsa / 1.85) ** 0.6 * np.exp(0.2 * size), 65, 280)
    ef = 64 + fitness - 7.0 * ill["cad"] - 10.0 * ill["infarct"]
    ef = np.clip(ef + 6.5 * z[1], 22, 77)
    burden = np.maximum(ill["hypertension"], 0.9 * ill["high_blood_pressure"])
    wall = np.where(male, 8.1, 7.6) + 0.15 * pressure + 2.0 * burden + 0.9 * ill["diabetes"] + 1.0 * z[2]
    lvsv = lvedv * ef / 100
    rvedv = lvedv * np.clip(1.06 - 0.004 * (ef - 58), 0.95, 1.2) * np.exp(0.04 * z[3])
    rvsv = np.minimum(lvsv * (1 + 0.03 * z[4]), 0.7 * rvedv)
    la = 0.25 * age_z + 0.25 * pressure + 0.35 * people["atrial_z"].to_numpy() + 1.5 * ill["stroke"] + 0.85 * z[5]
    la_max = np.clip(67 * (bsa / 1.85) ** 0.6 * np.exp(0.18 * la), 30, 150)
    la_ef = np.clip(60 - 1.5 * age_z - 9 * ill["stroke"] + 5 * z[6], 22, 75)
    ra_max = np.clip(74 * (bsa / 1.85) ** 0.6 * np.exp(0.1 * la + 0.15 * z[7] + 0.03 * fitness), 35, 160)
    ra_ef = np.clip(46 + 6 * z[8], 22, 65)
    rate = 63 - 4.5 * fitness + 2 * fat + 5.0 * ill["diabetes"] + 2 * ~male + 5 * z[9]
    systolic = 133 + 11.5 * pressure + 7 * burden + 0.25 * (lvsv - 85) + 5.5 * z[10]
    columns = {
        "lvedv": lvedv,
        "lvsv": lvsv,
        "rvedv": rvedv,
        "rvsv": rvsv,
        "la_max": la_max,
        "la_min": la_max * (1 - la_ef / 100),
        "ra_max": ra_max,
        "ra_min": ra_max * (1 - ra_ef / 100),
        "wall_mm": np.clip(wall, 4.8, 14),
        "heart_rate": np.clip(rate, 42, 105),
        "systolic": np.clip(systolic, 92, 205),
        "diastolic": np.clip(78 + 5 * pressure + 3 * burden - 2.5 * age_z + 5 * z[11], 48, 115),
        "infarct_size": ill["infarct"] * rng.uniform(0.16, 0.3, n),
        "infarct_angle": rng.uniform(-np.pi, np.pi, n),
    }
    return pd.DataFrame(columns)


def _score(values: np.ndarray) -> np.ndarray:
    """Standard scores over the cohort, so that the weights of causes are comparable."""
    scores: np.ndarray = (values - values.mean()) / max(float(values.std()), 1e-9)
    return scores
