"""People and their table: who is ill, which columns and codes there are, and that they follow the traits."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.shared import SHARED, needs_shared

import filled
from vita.cohort.diagnoses import collect
from vita.cohort.extraction import extract
from vita.cohort.features import load_features
from vita.cohort.remarks import Remarks
from vita.phantom import people as people_module
from vita.phantom.settings import PhantomSettings
from vita.phantom.table import make_sheet
from vita.runtime.errors import UserError

DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes", "high_blood_pressure")
BLOCK = {
    "participants": 800,
    "matrix": [72, 80],
    "pixel_mm": 3.6,
    "frames": 20,
    "sa_slices": 10,
    "sa_spacing_mm": 10,
    "broken_scans": 3,
    "withdrawn": 5,
    "labelled": 1,
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("a"))


def write(folder: Path) -> Path:
    paths = [str(folder / name) for name in ("people.parquet", "table.csv", "withdrawals.csv")]
    settings = json.dumps({"seed": 2025, "phantom": BLOCK})
    people_module.main(["--settings", settings, "--people", paths[0], "--table", paths[1], "--withdrawals", paths[2]])
    return folder / "table.csv"


@pytest.fixture(scope="module")
def cells(table: Path) -> pd.DataFrame:
    return pd.read_csv(table, dtype=str, encoding="latin-1", keep_default_na=False)


def test_the_same_seed_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    again = write(tmp_path)
    for name in ("people.parquet", "table.csv", "withdrawals.csv"):
        assert (table.parent / name).read_bytes() == (again.parent / name).read_bytes()


def test_every_cell_is_quoted_and_ids_are_unique(table: Path) -> None:
    lines = table.read_text(encoding="latin-1").splitlines()
    assert len(lines) == 801
    assert all(line.startswith('"') and line.endswith('"') for line in lines)
    ids = [row[0] for row in csv.reader(lines[1:])]
    assert len(set(ids)) == 800
    assert all(len(eid) == 7 for eid in ids)


def test_withdrawn_participants_are_still_in_the_table(table: Path, cells: pd.DataFrame) -> None:
    withdrawn = (table.parent / "withdrawals.csv").read_text().split()
    assert len(withdrawn) == 5
    assert set(withdrawn) <= set(cells["eid"])


@needs_shared
def test_every_field_behind_the_features_is_there(cells: pd.DataFrame) -> None:
    fields = pd.read_csv(SHARED / "ukb" / "feature_map.csv", dtype=str)
    wanted = {field for ids in fields.loc[fields["role"] != "bulk", "field_id"] for field in ids.split(";")}
    wanted -= {"20207", "20208", "20209"}
    there = {column.split("-")[0] for column in cells.columns}
    assert wanted <= there
    assert len(there - wanted) > 5


@needs_shared
def test_choices_use_real_codes_only(cells: pd.DataFrame) -> None:
    fields = pd.read_csv(SHARED / "ukb" / "feature_map.csv", dtype=str, keep_default_na=False)
    checked = 0
    for row in fields.itertuples():
        if row.kind != "categorical" or not row.valid_codes or row.valid_codes.startswith("0-7"):
            continue
        special = {part.split("=")[0].strip() for part in row.special_value_codes.split(";")}
        valid = {*row.valid_codes.split(), *row.missing_codes.split(), *special, ""}
        used = set(np.unique(cells[row.classic_columns].to_numpy()))
        assert used <= valid, row.name
        checked += 1
    assert checked > 20


def test_missing_and_special_codes_occur(cells: pd.DataFrame) -> None:
    for column, codes in {
        "1289-2.0": {"-1", "-3", "-10"}, "20414-0.0": {"-818"}, "120007-0.0": {"-121", "-818"}, "864-2.0": {"-2"},
        "924-2.0": {"-7"}, "1618-2.0": {"-6"}, "6150-2.0": {"-7", "4"}, "2966-2.0": {"-3", "-1"}, "6177-2.0": {"-3"},
    }.items():  # fmt: skip
        assert codes <= set(cells[column]), column
    assert (cells["12680-2.0"].str.startswith("-")).any()
    assert set(cells["2306-2.0"]) <= {"0", "2", "3", "-1", "-3", ""}


def test_instances_arrays_and_blanks(cells: pd.DataFrame) -> None:
    assert {"53-0.0", "53-1.0", "53-2.0", "53-3.0", "4080-2.1", "6164-2.4", "20004-2.1"} <= set(cells.columns)
    assert (cells["53-2.0"] != "").all()
    assert 0.05 < (cells["53-3.0"] != "").mean() < 0.2
    assert (cells["6153-2.0"][cells["31-0.0"] == "1"] == "").all()
    assert (cells["6177-2.0"][cells["31-0.0"] == "0"] == "").all()
    assert (cells["971-2.0"] == "").mean() > 0.1


def test_diagnoses_and_their_dates_are_aligned(cells: pd.DataFrame) -> None:
    codes = cells.filter(regex=r"^41270-").to_numpy()
    dates = cells.filter(regex=r"^41280-").to_numpy()
    assert codes.shape == dates.shape
    assert ((codes == "") == (dates == "")).all()
    recorded = (codes != "").any(axis=1)
    assert 0.75 < recorded.mean() < 0.88  # eight in ten, and who has heart failure alone
    before = (dates < cells["53-2.0"].to_numpy()[:, None]) & (dates != "")
    assert 0.2 < before.sum() / (dates != "").sum() < 0.9


def test_prevalences(cohort: pd.DataFrame) -> None:
    recorded = cohort[cohort["has_record"]]
    for disease in DISEASES:
        assert 0.09 <= cohort[disease].mean() <= 0.30, disease
        assert recorded[disease].mean() <= 0.35, disease
    # A fifth of those with a record, as a test split has them.
    assert (0.2 * recorded[list(DISEASES)].sum()).min() >= 15


def test_diseases_show_in_the_heart(cohort: pd.DataFrame) -> None:
    ef = cohort["lvsv"] / cohort["lvedv"]

    def difference(values: pd.Series, disease: str) -> float:
        """Difference of the means of ill and well in standard deviations."""
        return (values[cohort[disease]].mean() - values[~cohort[disease]].mean()) / values.std()

    assert difference(cohort["wall_mm"], "hypertension") > 0.7
    assert difference(ef, "cad") < -0.7
    assert difference(ef, "infarct") < -1
    assert difference(cohort["la_max"], "stroke") > 0.7
    assert difference(cohort["body_fat"], "diabetes") > 0.15
    assert cohort["fitness_z"].corr(cohort["heart_rate"]) < -0.3


def test_answers_follow_traits(cohort: pd.DataFrame) -> None:
    sheet = make_sheet(cohort, 2025)

    def correlation(column: tuple[int, int, int], trait: str) -> float:
        values = pd.to_numeric(pd.Series(sheet.columns[column]), errors="coerce")
        values[values < 0] = np.nan
        return values.corr(cohort[trait], method="spearman")

    assert correlation((904, 2, 0), "fitness_z") > 0.3
    assert correlation((924, 2, 0), "fitness_z") > 0.3
    assert correlation((1070, 2, 0), "fat_z") > 0.2
    assert correlation((1558, 2, 0), "drinking_z") < -0.5
    assert correlation((20161, 2, 0), "smoking") > 0.2
    assert correlation((12686, 2, 0), "lvsv") > 0.8
    assert correlation((12677, 2, 0), "systolic") > 0.7


def test_the_labelled_part_changes_nothing_else(cohort: pd.DataFrame) -> None:
    """The same people with the same traits, and a smaller part of them within the larger one."""
    whole, most, few = (people_module.draw_people(filled.phantom(seed=2025, participants=800, labelled=share))
                        for share in (1, 0.7, 0.2))  # fmt: skip
    assert whole["labelled"].all()
    assert (most["labelled"].sum(), few["labelled"].sum()) == (560, 160)
    assert most["labelled"][few["labelled"]].all()
    for other in (most, few):
        pd.testing.assert_frame_equal(other.drop(columns="labelled"), whole.drop(columns="labelled"))
    # by chance, whatever the disease
    assert most.loc[most["labelled"], "cad"].mean() == pytest.approx(whole["cad"].mean(), abs=0.04)


def test_ids_of_those_without_labels_are_written(tmp_path: Path) -> None:
    names = ("people", "table", "withdrawals", "unlabelled")
    paths = [part for name in names for part in (f"--{name}", str(tmp_path / name))]
    block = {**BLOCK, "participants": 50, "labelled": 0.4}
    people_module.main([*paths, "--settings", json.dumps({"seed": 1, "phantom": block})])
    people = pd.read_parquet(tmp_path / "people")
    assert len(people[people["labelled"]]) == 20
    listed = [int(line) for line in (tmp_path / "unlabelled").read_text().split()]
    assert listed == people.loc[~people["labelled"], "eid"].tolist()


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ({"participants": 0}, "phantom.participants"),
        ({"matrix": [4, 40]}, "phantom.matrix"),
        ({"matrix": 5}, "phantom.matrix"),
        ({"pixel_mm": -1}, "phantom.pixel_mm"),
        ({"participants": 3, "withdrawn": 4}, "phantom.withdrawn"),
        ({"labelled": 0}, "'phantom.labelled' is 0; give a share above 0 and at most 1"),
        ({"labelled": 1.5}, "phantom.labelled"),
        ({"labelled": True}, "phantom.labelled"),
    ],
)
def test_settings_out_of_range_name_the_key(block: dict, key: str) -> None:
    with pytest.raises(UserError, match=key):
        PhantomSettings.from_dict({"seed": 1, "phantom": BLOCK | block})


def test_no_code_is_outside_its_coding_and_no_number_cannot_be(table: Path) -> None:
    remarks = Remarks()
    features = load_features(Path(__file__).parents[2] / "workflow/resources/features.tsv")
    list(extract([table], features, filled.cohort(missing_fields="drop"), (), table.parent, remarks))
    collect([table], 2, (), 0.01, remarks)
    assert list(remarks.rows()) == []
