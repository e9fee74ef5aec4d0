"""Health fields: diagnoses reported by a doctor, medication, operations, hospital diagnoses, death, and their dates."""

import numpy as np

from vita.phantom.diagnoses import hospital_record
from vita.phantom.sheet import Sheet, multiple

RECORD_STREAM = 3
SPARE_ARRAYS = 4  # columns of 41270 beyond the longest record, as deliveries have
# 6150: code, people.parquet column, share of them who say so; 0: code of no field here.
VASCULAR = {1: ("infarct", 0.85), 2: ("cad", 0.45), 3: ("stroke", 0.85), 4: ("high_blood_pressure", 1.0)}
AGE_FIELDS = {3894: ("infarct", 0.85), 3627: ("cad", 0.45), 4056: ("stroke", 0.85), 2966: ("high_blood_pressure", 1.0)}
REGISTER = {42000: ("infarct", 1.0), 42002: ("infarct", 0.35), 42004: ("infarct", 0.5)}
REGISTER |= {42006: ("stroke", 1.0), 42008: ("stroke", 0.85), 42010: ("stroke", 0.08), 42012: ("stroke", 0.06)}
OPERATIONS_HEART = (1070, 1095, 1069, 1523, 1514)  # angioplasty, bypass, other heart surgery, cardioversion, angiogram
OPERATIONS_OTHER = (1435, 1458, 1480, 1358, 1490)  # none of these counts as cardiac


def add(sheet: Sheet, seed: int) -> None:
    """Add all health fields."""
    _told(sheet)
    _ages(sheet)
    _medication(sheet)
    _operations(sheet)
    _registers(sheet)
    _records(sheet, seed)
    _follow_up(sheet)


def _flag(sheet: Sheet, name: str) -> np.ndarray:
    flags: np.ndarray = sheet.people[name].to_numpy().astype(bool)
    return flags


def _since(sheet: Sheet, name: str) -> np.ndarray:
    """Years from the first diagnosis to the scan, the same in every field that depends on it; -inf for healthy
    people.
    """
    if name not in sheet.since:
        years = sheet.rng.exponential(9.0, sheet.n) + 0.3
        sheet.since[name] = np.where(_flag(sheet, name), years, -np.inf)
    return sheet.since[name]


def _told(sheet: Sheet) -> None:
    """6150 at every visit: what was diagnosed before it."""
    says = {code: sheet.rng.random(sheet.n) < share for code, (_, share) in VASCULAR.items()}
    for instance in range(4):
        filled = sheet.attended[instance] & (sheet.rng.random(sheet.n) < 0.99)
        known = {
            code: _flag(sheet, name) & says[code] & (_since(sheet, name) > sheet.years_to_scan[instance])
            for code, (name, _) in VASCULAR.items()
        }
        multiple(sheet, 6150, instance, known, 4, -7, filled)
        diabetic = _flag(sheet, "diabetes") & (_since(sheet, "diabetes") > sheet.years_to_scan[instance])
        sheet.put(2443, instance, 0, sheet.with_missing(np.where(diabetic, "1", "0"), (-1, -3)), filled)
    paced = sheet.rng.random(sheet.n) < 0.004 + 0.02 * _flag(sheet, "cad")
    for instance in range(4):
        sheet.put(3079, instance, 0, np.where(paced, "1", "0"), sheet.attended[instance])
    answered = sheet.rng.random(sheet.n) < 0.5
    cells = np.where(_flag(sheet, "diabetes"), "1", "0")
    sheet.put(120007, 0, 0, sheet.with_missing(cells, (-121, -818)), answered)


def _ages(sheet: Sheet) -> None:
    """Ages at diagnosis; -1 and -3 are asked-but-unknown, of people with the disease and a few without."""
    age = sheet.trait("age")
    for field, (name, share) in (AGE_FIELDS | {2976: ("diabetes", 0.95)}).items():
        says = _flag(sheet, name) & (sheet.rng.random(sheet.n) < share)
        since = _since(sheet, name)
        # an answer to 2966, even an unknown age, says that a doctor found high blood pressure
        unclear = ~_flag(sheet, name) & (sheet.rng.random(sheet.n) < (0 if field == 2966 else 0.006))
        for instance in range(4):
            known = says & ((since > sheet.years_to_scan[instance]) | ((field == 2966) & (instance >= 2)))
            years = np.maximum(age - np.where(np.isfinite(since), since, 0), 18).astype(int)
            cells = np.where(unclear, "-3", years.astype(str)).astype(object)
            cells = np.where(known & (sheet.rng.random(sheet.n) < 0.02), "-1", cells)
            if field == 2966:  # some people prefer not to give the age
                cells = np.where(known & (sheet.rng.random(sheet.n) < 0.02), "-3", cells)
            sheet.put(field, instance, 0, cells, sheet.attended[instance] & (known | unclear))


def _medication(sheet: Sheet) -> None:
    """6153 is asked of women, 6177 of men; codes 4 and 5 exist for women only."""
    male = _flag(sheet, "male")
    pressure, sugar = _flag(sheet, "high_blood_pressure"), _flag(sheet, "diabetes")
    draw = sheet.rng.random((5, sheet.n))
    risk = 0.12 + 0.35 * _flag(sheet, "cad") + 0.25 * sugar + 0.1 * pressure
    takes = {1: draw[0] < risk, 2: pressure & (draw[1] < 0.75), 3: sugar & (draw[2] < 0.2)}
    age = sheet.trait("age")
    hormones = {4: ~male & (draw[3] < np.where(age < 62, 0.15, 0.03)), 5: ~male & (age < 50) & (draw[4] < 0.1)}
    for instance in range(4):
        came = sheet.attended[instance] & (sheet.rng.random(sheet.n) < 0.98)
        multiple(sheet, 6153, instance, takes | hormones, 4, -7, came & ~male)
        multiple(sheet, 6177, instance, takes, 3, -7, came & male)
        for field, group in ((6153, ~male), (6177, male)):
            silent = came & group & (sheet.rng.random(sheet.n) < 0.008)
            first = np.where(silent, "-3", sheet.columns[field, instance, 0])
            sheet.put(field, instance, 0, first)
            for array in range(1, 4 if field == 6153 else 3):
                sheet.put(field, instance, array, sheet.columns[field, instance, array], ~silent)


def _operations(sheet: Sheet) -> None:
    heart = _flag(sheet, "infarct") | (_flag(sheet, "cad") & (sheet.rng.random(sheet.n) < 0.35))
    before = np.maximum(_since(sheet, "cad"), _since(sheet, "infarct"))
    codes = {}
    for code in OPERATIONS_HEART:
        codes[code] = heart & (sheet.rng.random(sheet.n) < (0.55 if code == OPERATIONS_HEART[0] else 0.2))
    for code in OPERATIONS_OTHER:
        codes[code] = sheet.rng.random(sheet.n) < 0.15
    for instance in range(4):
        then = before > sheet.years_to_scan[instance]
        done = {code: had & (then | (code in OPERATIONS_OTHER)) for code, had in codes.items()}
        multiple(sheet, 20004, instance, done, 8, None, sheet.attended[instance])


def _registers(sheet: Sheet) -> None:
    """Algorithmically defined outcomes: dates, of which some lie after the scan."""
    scan = sheet.people["imaging_date"].to_numpy().astype("datetime64[D]")
    for field, (name, share) in REGISTER.items():
        years = np.where(_flag(sheet, name), _since(sheet, name), 0.0)
        # A third of the outcomes come after the scan.
        later = sheet.rng.random(sheet.n) < 1 / 3
        days = np.where(later, sheet.rng.integers(30, 900, sheet.n), -(365.25 * years)).astype(int)
        days = np.minimum(days, _days_seen(sheet, scan))
        dates = (scan + days.astype("timedelta64[D]")).astype(str).astype(object)
        sheet.put(field, 0, 0, dates, _flag(sheet, name) & (sheet.rng.random(sheet.n) < share))


def _days_seen(sheet: Sheet, scan: np.ndarray) -> np.ndarray:
    """Days (n,) from the scan to death or loss to follow-up; a century for all others."""
    ends = sheet.people[["death_date", "lost_date"]].min(axis=1).to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(ends), 36500, (ends - scan).astype("timedelta64[D]").astype(int))


def _follow_up(sheet: Sheet) -> None:
    """Dates of death (40000) and of loss to follow-up (191)."""
    for field, name in {40000: "death_date", 191: "lost_date"}.items():
        day = sheet.people[name].to_numpy().astype("datetime64[D]")
        sheet.put(field, 0, 0, day.astype(str).astype(object), ~np.isnat(day))


def _records(sheet: Sheet, seed: int) -> None:
    """41270 and, array by array, its dates 41280."""
    records = [
        hospital_record(person, np.random.default_rng([seed, RECORD_STREAM, int(person["eid"])]))
        for person in sheet.people.to_dict("records")
    ]
    arrays = max(map(len, records)) + SPARE_ARRAYS
    for array in range(arrays):
        pairs = [record[array] if array < len(record) else None for record in records]
        sheet.put(41270, 0, array, ["" if pair is None else pair[0] for pair in pairs])
        sheet.put(41280, 0, array, ["" if pair is None else pair[1].isoformat() for pair in pairs])
