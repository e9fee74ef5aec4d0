"""Pages of the report that stand for a CSV: readable names and numbers, folded, nothing of few participants."""

import re

import numpy as np
import pandas as pd

import filled
from evaluation import synthetic
from evaluation.test_mask_phenotypes import _shards
from report.test_tables import RESOURCES, _regression
from vita import names
from vita.evaluation import mask_phenotypes, subgroups
from vita.printing.cells import Printed
from vita.printing.numbers import rounded, sizes
from vita.printing.web import folded
from vita.report import paper, tables
from vita.report.paper import versus_page
from vita.tabular import overlap


def _words(path):
    return re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8").partition("<body>")[2])


def test_names_that_people_read():
    assert names.title("view_la") == names.title("vita_la") == "ViTa (LA)"
    assert names.title("mask_92_5") == "ViTa, 92.5 % hidden"
    assert names.title("positions_4d") == "ViTa, 4D positions"
    assert names.title("tau_0_2") == "ViTa, tau 0.2"
    assert names.title("view_sa_without_sa_phenotypes") == "ViTa (SA) without sa phenotypes"
    assert names.title("resnet50-LAV_max") == "ResNet-50, LAV max"
    assert names.title("of_my_own") == "of_my_own"
    assert set(tables.MAKERS) < set(names.TABLE_TITLES)


def test_numbers_that_people_read():
    assert [rounded(value) for value in (0, 0.00123456, 1.23456, 123.456, 12345.6, np.nan)] == [
        *("0", "0.0012", "1.235", "123.5", "12,346", "–")
    ]
    assert rounded(1.5, "+") == "+1.500"
    assert sizes([144, np.nan, 120]) == "n = 120 to 144"
    assert sizes([144, 144]) == "n = 144"
    assert sizes([3, 144]) == "n = <10 to 144"
    assert sizes([]) == ""


def test_parts_are_folded_but_the_first():
    text = folded("A & B", [Printed("one", ["x"]), Printed("two", ["x"])], ["so <it> is"])
    assert text.count("<details") == 2
    assert text.count("<details open>") == 1
    assert "A &amp; B" in text
    assert "so &lt;it&gt; is" in text


def test_this_run_beside_the_paper(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], vita_sa=0.4, vita=0.3)
    out = {kind: tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex", "html", "vs-paper", "vs-paper-html")}
    arguments = ["--name", "table1_sa_phenotypes", "--metrics", *map(str, metrics), "--targets", str(targets)]
    arguments += ["--paper", str(RESOURCES / "paper"), *filled.EVALUATION]
    tables.main(arguments + [text for kind, path in out.items() for text in (f"--{kind}", str(path))])
    words = _words(out["vs-paper-html"])
    assert "test split (n = 160) compared with the paper" in words
    assert "The paper prints no numbers for ViTa (SA)" in words
    assert "6.193" in words
    assert not re.search(r"\d\.\d{5}", words)
    assert not re.search(r"[a-z]_[a-z]", words)
    assert "(n = 160)" in out["md"].read_text(encoding="utf-8")


def test_notes_of_a_row_are_of_systems_that_the_paper_has():
    keys = {"row": "LAV max", "unit": "mL", "quantity": "mae", "ours": 1.0}
    ours = pd.DataFrame([keys | {"model": model} for model in ("vita_la", "vita")])
    values = paper.regression_values(RESOURCES / "paper", "table2_la_phenotypes")
    table = paper.versus(ours, values, RESOURCES / "paper", "table2_la_phenotypes")
    notes = table[(table["row"] == "LAV max") & (table["quantity"] == "mae")].set_index("model")["note"]
    assert notes["vita_la"] == "the paper prints no number"
    assert "exchanged" in notes["vita"]


def test_a_table_that_the_paper_does_not_have():
    empty = pd.DataFrame(columns=[*paper.COLUMNS])
    rows = pd.DataFrame([{"row": "LVBP", "model": "vita", "quantity": "dice", "ours": 0.9, "paper": np.nan}])
    text = versus_page(pd.concat([empty, rows]), "segmentation", "n = 12")
    assert "The paper prints no numbers for ViTa" in text
    assert "<table" not in text


def test_subgroups(tmp_path, targets):
    path = tmp_path / "vita.parquet"
    synthetic.regression(path, ["LVEDV", "LVM"], 0.3)
    eid = np.arange(160) + 1000000
    fields = pd.DataFrame({"eid": eid, "sex": np.arange(160) < 5, "age": 60.0, "bmi": 24.0})
    fields.astype({"sex": "Int64"}).to_parquet(tmp_path / "fields.parquet")
    arguments = ["--task", "sa_phenotypes", "--model", "vita", "--predictions", str(path), "--targets", str(targets)]
    arguments += [
        "--fields",
        str(tmp_path / "fields.parquet"),
        "--settings",
        filled.argument(seed=0, evaluation={"bootstrap": 50}),
    ]
    subgroups.main([*arguments, "--output", str(tmp_path / "s.csv"), "--html", str(tmp_path / "s.html")])
    words = _words(tmp_path / "s.html")
    assert "Short-axis phenotypes by ViTa: subgroups of the test split (n = " in words
    assert "LVEDV (mL)" in words
    assert "MAE (95 % CI)" in words
    assert "fewer than 10 participants" in words
    shown = pd.read_csv(tmp_path / "s.csv").set_index(["target", "level"])
    assert f"{shown.loc[('LVM', 'all'), 'value']:.3f}" in words


def test_phenotypes_from_masks(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=12, frames=2)
    _shards(tmp_path / "00000.parquet", 12)
    arguments = ["--model", "vita_la", "--masks", str(tmp_path / "m.npz"), "--targets", str(targets)]
    arguments += ["--shards", str(tmp_path / "00000.parquet"), "--output", str(tmp_path / "p.csv")]
    arguments += ["--per-participant", str(tmp_path / "p.parquet"), "--html", str(tmp_path / "p.html")]
    mask_phenotypes.main([*arguments, *filled.EVALUATION])
    words = _words(tmp_path / "p.html")
    assert "masks of ViTa (LA) against reference masks, test split (n = 12)" in words
    bias = pd.read_csv(tmp_path / "p.csv").set_index("target").loc["LVEDV", "bias"]
    assert rounded(bias, "+") in words


def test_inputs_that_tell_a_target(tmp_path):
    files = [f"--{name}={RESOURCES / name}.tsv" for name in ("features", "targets")]
    every_input = ["--settings", '{"tabular": {"exclude": []}}']
    overlap.main([*files, "--output", str(tmp_path / "o.csv"), "--html", str(tmp_path / "o.html"), *every_input])
    words = _words(tmp_path / "o.html")
    assert "Short-axis phenotypes" in words
    assert "Diabetes" in words
    assert not re.search(r"[a-z]_[a-z]", words)
    assert (tmp_path / "o.html").read_text(encoding="utf-8").count("same f") == (tmp_path / "o.csv").read_text().count(
        "same f"
    )
