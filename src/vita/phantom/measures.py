"""Measured fields: body, blood pressure, pulse wave, ECG, and the heart's volumes as UK Biobank derives them."""

import numpy as np

from vita.phantom.sheet import Sheet, numbers

# UK Biobank's own phenotypes of the scan, by field; columns of traits in `volumes`.
PHENOTYPE_FIELDS = {
    24100: "LVEDV", 24101: "LVESV", 24102: "LVSV", 24103: "LVEF", 24104: "LVCO", 24105: "LVM", 24106: "RVEDV",
    24107: "RVESV", 24108: "RVSV", 24109: "RVEF", 24110: "LAV max", 24111: "LAV min", 24112: "LASV", 24113: "LAEF",
    24114: "RAV max", 24115: "RAV min", 24116: "RASV", 24117: "RAEF",
}  # fmt: skip
SCAN = (2, 3)


def add(sheet: Sheet) -> None:
    """Add all measured fields."""
    _body(sheet)
    _impedance(sheet)
    _pressure(sheet)
    _pulse_wave(sheet)
    _ecg(sheet)
    _inline(sheet)
    _phenotypes(sheet)


def _body(sheet: Sheet) -> None:
    t, male = sheet.trait, sheet.trait("male")
    fat, height, weight = t("fat_z"), t("height_cm"), t("weight_kg")
    sheet.number(48, 88 + 9 * male + 9.5 * fat + 0.12 * (height - 169), 2.5, 0)
    sheet.number(49, 102 + 7 * fat - 1.5 * male, 2.5, 0)
    sheet.number(50, height, 0.5, 1)
    sheet.number(12144, height, 0.7, 0, instances=SCAN)
    sheet.number(20015, 0.525 * height, 1.3, 1)
    sheet.number(21001, t("bmi"), 0.3, 4)
    sheet.number(21002, weight, 0.7, 1, share=0.95)
    sheet.number(12143, weight, 1.0, 0, share=0.96, instances=SCAN)
    sheet.number(
        23283, 1000 * weight, 600, 0, share=0.45, instances=SCAN
    )  # the dictionary says kg, the scanner gives g


def _impedance(sheet: Sheet) -> None:
    t, male = sheet.trait, sheet.trait("male")
    fat_mass = t("weight_kg") * t("body_fat") / 100
    lean = t("weight_kg") - fat_mass
    sheet.number(23099, t("body_fat"), 1.0, 1, share=0.95)
    sheet.number(23100, fat_mass, 0.8, 1, share=0.95)
    sheet.number(23101, lean, 0.8, 1, share=0.95)
    sheet.number(23102, 0.732 * lean, 0.6, 1, share=0.95)
    basal = 370 + 21.6 * lean
    sheet.number(23105, 4.184 * basal, 90, 0, share=0.95)
    sheet.number(23106, 640 - 75 * male - 22 * t("fat_z") + 1.1 * (t("height_cm") - 169), 30, 0, share=0.95)
    sheet.number(23104, t("bmi"), 0.3, 1, share=0.95)
    sheet.number(23098, t("weight_kg"), 0.7, 1, share=0.95)


def _pressure(sheet: Sheet) -> None:
    """Automatic readings for nearly everybody; manual ones where the device failed."""
    t = sheet.trait
    for automatic, manual, values, spread in (
        (4080, 93, t("systolic"), 5.0),
        (4079, 94, t("diastolic"), 3.5),
        (102, 95, t("heart_rate") + 2, 3.5),
    ):
        sheet.number(automatic, values, spread, 0, share=0.93, arrays=2, repeat=3.0)
        sheet.number(manual, values, spread, 0, share=0.08, arrays=2, repeat=3.0)


def _pulse_wave(sheet: Sheet) -> None:
    """Six repeats in the dictionary, of which most people have one or two."""
    t = sheet.trait
    age, bsa, male = t("age"), t("bsa_m2"), t("male")
    systolic, diastolic, rate = t("systolic") + 1, t("diastolic"), t("heart_rate") - 1
    central = diastolic + 0.83 * (systolic - diastolic) + 0.15 * (age - 64)
    mean = diastolic + 0.4 * (systolic - diastolic)
    stroke = 0.85 * t("lvsv") + 18
    augmentation = 10 + 0.25 * (age - 64) + 0.1 * (systolic - 135) - 3 * male
    fields = {
        12673: (rate, 2.0, 0), 12674: (systolic, 4.0, 0), 12675: (diastolic, 3.0, 0),
        12676: (systolic - diastolic, 4.0, 0), 12677: (central, 3.5, 0), 12678: (central - diastolic, 4.0, 0),
        12679: (np.full(sheet.n, 8.0), 1.5, 0), 12682: (stroke * rate / 1000, 0.35, 1), 12683: (0.9 * central, 3.5, 0),
        12684: (0.9 * central / (0.5 * t("lvedv")), 0.1, 2), 12685: (mean * 60 / (stroke * rate), 0.06, 2),
        12686: (stroke, 4.5, 0), 12687: (mean, 3.0, 0), 12702: (stroke * rate / 1000 / bsa, 0.2, 1),
    }  # fmt: skip
    for field, (values, spread, decimals) in fields.items():
        sheet.number(field, values, spread, decimals, share=0.88, instances=SCAN, arrays=2, repeat=spread / 2)
    for field, values in ((12680, augmentation), (12681, 100 * augmentation / (central - diastolic))):
        sheet.number(field, values, 4.0, 0, share=0.88, instances=SCAN, arrays=2, repeat=2.0, least=None)
    sheet.number(21021, 9.3 + 0.07 * (age - 64) + 0.02 * (systolic - 135), 1.8, 4, share=0.8)
    sheet.number(4194, t("heart_rate") + 3, 4.0, 0, share=0.8)


def _ecg(sheet: Sheet) -> None:
    t = sheet.trait
    rate, atrial = t("heart_rate"), t("atrial_z")
    sheet.number(12336, rate, 2.5, 0, share=0.9, instances=SCAN)
    sheet.number(12338, 102 + 6 * atrial, 8, 0, share=0.88, instances=SCAN)
    sheet.number(12340, 88 + 6 * t("male") + 3 * (t("wall_mm") - 8) + 6 * t("cad"), 8, 0, share=0.9, instances=SCAN)
    sheet.number(22330, 166 + 6 * atrial + 0.3 * (t("age") - 64), 18, 0, share=0.45, instances=SCAN)
    sheet.number(22333, 60000 / rate, 35, 0, share=0.45, instances=SCAN)
    sheet.number(22334, 60000 / rate, 40, 0, share=0.45, instances=SCAN)


def _inline(sheet: Sheet) -> None:
    """The scanner's own evaluation, which runs a few per cent high."""
    t = sheet.trait
    output = 1.05 * t("lvsv") * t("heart_rate") / 1000
    for field, values, spread, decimals in (
        (22424, output, 0.35, 2), (22425, output / t("bsa_m2"), 0.2, 2), (22426, t("heart_rate"), 1.5, 0),
        (22427, t("bsa_m2"), 0.02, 4), (22421, 1.06 * t("lvedv"), 8.0, 1),
        (22420, 100 * t("lvsv") / t("lvedv"), 4.0, 1),
    ):  # fmt: skip
        sheet.number(field, values, spread, decimals, share=0.8, instances=SCAN)


def volumes(sheet: Sheet) -> dict[str, np.ndarray]:
    """The 18 phenotypes by name from the traits; the mass from a simple shell, as any other reader of the scan errs."""
    t = sheet.trait
    values = {"LVEDV": t("lvedv"), "LVESV": t("lvedv") - t("lvsv"), "LVSV": t("lvsv")}
    values |= {"LVEF": 100 * t("lvsv") / t("lvedv"), "LVCO": t("lvsv") * t("heart_rate") / 1000}
    radius = 27 * np.sqrt(t("lvedv") / 147)
    values["LVM"] = 1.05 * t("lvedv") * ((1 + t("wall_mm") / radius) ** 2 * 1.07 - 1)
    values |= {"RVEDV": t("rvedv"), "RVESV": t("rvedv") - t("rvsv"), "RVSV": t("rvsv")}
    values["RVEF"] = 100 * t("rvsv") / t("rvedv")
    for side, name in (("LA", "la"), ("RA", "ra")):
        largest, smallest = t(f"{name}_max"), t(f"{name}_min")
        values |= {f"{side}V max": largest, f"{side}V min": smallest, f"{side}SV": largest - smallest}
        values[f"{side}EF"] = 100 * (1 - smallest / largest)
    return values


def _phenotypes(sheet: Sheet) -> None:
    """All or none per visit, since one program derives them together."""
    values = volumes(sheet)
    for instance in SCAN:
        filled = sheet.attended[instance] & (sheet.rng.random(sheet.n) < 0.85)
        for field, name in PHENOTYPE_FIELDS.items():
            noisy = values[name] * (1 + 0.03 * sheet.rng.standard_normal(sheet.n))
            sheet.put(field, instance, 0, numbers(noisy, 4), filled)
