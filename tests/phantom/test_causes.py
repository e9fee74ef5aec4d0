"""Each arrow of the phantom's causal world: raising one cause moves what it should, as far as it should, and nothing
else.

The same people with the same random numbers are drawn twice, with one cause changed.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import filled
from phantom.test_hearts import voxel_volumes_ml
from vita.phantom.hearts import Heart
from vita.phantom.scans import Scanner
from vita.phantom.tissue import LABP, LVBP, LVMYO, RABP, RVBP
from vita.phantom.traits import draw_body, draw_heart

DISEASES = ("diabetes", "hypertension", "cad", "infarct", "stroke", "high_blood_pressure")
LV, RV = ["lvedv", "lvsv"], ["rvedv", "rvsv"]
LA, RA = ["la_max", "la_min"], ["ra_max", "ra_min"]
PRESSURES = ["systolic", "diastolic"]
# What each cause moves in the heart and the circulation, by the docstrings of the phantom; systolic pressure follows
# the stroke volume, the right ventricle the left one, and the right atrium the left one a little.
MOVES = {
    "diabetes": [*LV, *RV, "wall_mm", "heart_rate", "systolic"],
    "hypertension": ["wall_mm", *PRESSURES],
    "high_blood_pressure": ["wall_mm", *PRESSURES],
    "cad": [*LV, *RV, "systolic"],
    "infarct": [*LV, *RV, "systolic", "infarct_size"],
    "stroke": [*LA, *RA],
    "fitness_z": [*LV, *RV, *RA, "heart_rate", "systolic"],
    "fat_z": ["heart_rate"],
    "pressure_z": ["wall_mm", *LA, *RA, *PRESSURES],
    "atrial_z": [*LA, *RA],
    "bsa_m2": [*LV, *RV, *LA, *RA, "systolic"],
    "age": [*LV, *RV, *LA, *RA, *PRESSURES],
    "mood_z": [],
    "deprivation_z": [],
}
# medians of the change, by hand from the sizes of effects: (what, its change)
SIZES = {
    "hypertension": ("wall_mm", 2.0),
    "high_blood_pressure": ("wall_mm", 1.8),
    "diabetes": ("heart_rate", 5.0),
    "cad": ("ef", -7.0),
    "infarct": ("ef", -10.0),
    "fitness_z": ("ef", 1.0),
    "fat_z": ("heart_rate", 2.0),
    "stroke": ("la_ef", -9.0),
    "pressure_z": ("systolic", 11.5),
}


def hearts(people: pd.DataFrame) -> pd.DataFrame:
    found = draw_heart(people, np.random.default_rng(11))
    la_ef = 100 * (1 - found["la_min"] / found["la_max"])
    return found.assign(ef=100 * found["lvsv"] / found["lvedv"], la_ef=la_ef)


@pytest.fixture(scope="module")
def well() -> pd.DataFrame:
    """People of whom nobody is ill."""
    return draw_body(400, np.random.default_rng(5)).assign(**dict.fromkeys(DISEASES, False))


def raised(people: pd.DataFrame, cause: str) -> pd.DataFrame:
    if cause in DISEASES:
        return people.assign(**{cause: True})
    return people.assign(**{cause: people[cause] + {"age": 8.0, "bsa_m2": 0.2}.get(cause, 1.0)})


@pytest.mark.parametrize("cause", list(MOVES))
def test_a_cause_moves_what_it_should_and_nothing_else(cause: str, well: pd.DataFrame) -> None:
    before, after = hearts(well), hearts(raised(well, cause))
    columns = [name for name in before if name not in ("ef", "la_ef")]
    moved = {name for name in columns if not np.array_equal(before[name], after[name])}
    assert moved == set(MOVES[cause])


@pytest.mark.parametrize("cause", list(SIZES))
def test_a_cause_moves_as_far_as_it_should(cause: str, well: pd.DataFrame) -> None:
    before, after = hearts(well), hearts(raised(well, cause))
    what, by = SIZES[cause]
    assert (after[what] - before[what]).median() == pytest.approx(by, rel=0.02)


def test_volumes_move_in_the_right_direction(well: pd.DataFrame) -> None:
    before = hearts(well)
    for cause, name, sign in (
        ("diabetes", "lvedv", -1),
        ("cad", "lvedv", 1),
        ("infarct", "lvedv", 1),
        ("stroke", "la_max", 1),
        ("bsa_m2", "lvedv", 1),
        ("age", "lvedv", -1),
        ("fitness_z", "heart_rate", -1),
        ("atrial_z", "la_max", 1),
    ):
        changed = sign * (hearts(raised(well, cause))[name] - before[name])
        assert (changed >= 0).all(), cause
        assert changed.median() > 0, cause


def test_an_infarct_leaves_a_scar_in_its_own_place(well: pd.DataFrame) -> None:
    before, after = hearts(well), hearts(raised(well, "infarct"))
    assert (before["infarct_size"] == 0).all()
    assert after["infarct_size"].between(0.16, 0.3).all()
    assert before["infarct_angle"].equals(after["infarct_angle"])


def person(well: pd.DataFrame, cause: str | None = None) -> dict:
    people = raised(well, cause) if cause else well
    ids = pd.DataFrame({"eid": np.arange(len(people)), "broken": False, "labelled": True})
    return pd.concat([ids, people, draw_heart(people, np.random.default_rng(11))], axis=1).iloc[3].to_dict()


@pytest.mark.parametrize(
    ("cause", "phenotypes"),
    [
        ("hypertension", {"LVM"}),
        ("stroke", {f"{side}{name}" for side in ("LA", "RA") for name in ("V max", "V min", "SV")} | {"LAEF"}),
        ("mood_z", set()),
    ],
)
def test_phenotypes_show_the_cause_and_no_other_does(cause: str, phenotypes: set[str], well: pd.DataFrame) -> None:
    one, other = (Heart.of(person(well, each), np.random.default_rng(1)).phenotypes() for each in (None, cause))
    assert {name for name in one if one[name] != pytest.approx(other[name], rel=1e-9)} == phenotypes


@pytest.mark.parametrize("disease", DISEASES)
def test_a_disease_changes_no_signal_and_no_plan(disease: str, well: pd.DataFrame) -> None:
    """Chest, coils and planning are drawn alike for ill and well: brightness is no way around the heart."""
    setup = filled.phantom(seed=3, participants=20, frames=4)
    one, other = (Scanner(person(well, each), setup) for each in (None, disease))
    assert one.chest == other.chest
    assert np.array_equal(one.pose.axes, other.pose.axes)
    assert np.array_equal(one.pose.origin, other.pose.origin)
    assert one.papillaries == other.papillaries
    for name in ("vessel", "patch", "texture"):
        here, there = (getattr(scanner.surroundings, name) for scanner in (one, other))
        assert np.array_equal(here.vectors, there.vectors)
    assert np.array_equal(one.strands.phases, other.strands.phases)
    for view, plane in one.planes.items():
        assert np.array_equal(plane.column, other.planes[view].column)
    assert one.rng.random() == other.rng.random()  # what is drawn next, the coils, is the same too


@given(
    lvedv=st.floats(80, 260),
    ef=st.floats(0.24, 0.75),
    wall=st.floats(5.5, 13),
    rv=st.floats(0.95, 1.2),
    la=st.tuples(st.floats(35, 140), st.floats(0.25, 0.7)),
    ra=st.tuples(st.floats(40, 150), st.floats(0.25, 0.6)),
    infarct=st.floats(0, 0.3),
    systole=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_classes_hold_the_volumes_of_any_heart(
    well: pd.DataFrame,
    lvedv: float,
    ef: float,
    wall: float,
    rv: float,
    la: tuple[float, float],
    ra: tuple[float, float],
    infarct: float,
    systole: bool,
    seed: int,
) -> None:
    """Voxels of every class against the analytic volume, over the whole range of hearts that the phantom draws."""
    own = person(well) | {"lvedv": lvedv, "lvsv": ef * lvedv, "wall_mm": wall, "infarct_size": infarct}
    own |= {"rvedv": rv * lvedv, "rvsv": min(ef * lvedv, 0.7 * rv * lvedv)}
    own |= {"la_max": la[0], "la_min": la[0] * (1 - la[1]), "ra_max": ra[0], "ra_min": ra[0] * (1 - ra[1])}
    heart = Heart.of(own, np.random.default_rng(seed))
    truth = heart.phenotypes()
    found = voxel_volumes_ml(heart, heart.cycle.end_systole if systole else 0.0)
    assert found[LVBP] == pytest.approx(truth["LVESV" if systole else "LVEDV"], rel=0.025, abs=0.8)
    assert found[RVBP] == pytest.approx(truth["RVESV" if systole else "RVEDV"], rel=0.025, abs=0.8)
    assert found[LVMYO] == pytest.approx(truth["LVM"] / 1.05, rel=0.025)
    if not systole:  # the atria are largest a moment after the ventricles are smallest
        assert found[LABP] == pytest.approx(truth["LAV min"], rel=0.025, abs=0.8)
        assert found[RABP] == pytest.approx(truth["RAV min"], rel=0.025, abs=0.8)
