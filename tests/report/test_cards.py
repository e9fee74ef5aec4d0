import json

import numpy as np
import pandas as pd
import pytest

from evaluation import synthetic
from vita.cohort.remarks import Remarks
from vita.report import data_card, model_card, run_card
from vita.runtime.errors import UserError


def _cohort(folder, n=100):
    eid = np.arange(n) + 1000000
    split = np.where(eid % 10 < 6, "train", np.where(eid % 10 < 8, "val", "test"))
    pd.DataFrame({"eid": eid, "split": split}).to_parquet(folder / "split.parquet")
    fields = pd.DataFrame({"eid": eid, "sex": pd.array(eid % 2, dtype="Int8"), "age": 50.0 + eid % 10, "bmi": np.nan})
    fields.to_parquet(folder / "fields.parquet")
    labels = pd.DataFrame({"eid": eid, "cad": pd.array(eid % 5 == 0, dtype="boolean")})
    labels["stroke"] = pd.array(eid == 1000009, dtype="boolean")
    labels.loc[0, "cad"] = pd.NA
    labels.to_parquet(folder / "labels.parquet")
    phenotypes = pd.DataFrame({"eid": eid, **dict.fromkeys(("LVEDV", "LVESV", "LVM", "LAV max"), 100.0 + eid % 7)})
    phenotypes.loc[:49, "LVM"] = np.nan
    phenotypes.to_parquet(folder / "phenotypes.parquet")
    reasons = ["sa: file is cut short"] * 7 + ["no row in the tables"] * 2
    excluded = pd.DataFrame({"eid": np.arange(9) + 2000000, "step": ["scan"] * 7 + ["table"] * 2, "reason": reasons})
    excluded.to_parquet(folder / "exclusions.parquet")


def _data_card(folder, *names):
    files = {name: folder / f"{name}.{'csv' if 'remarks' in name else 'parquet'}" for name in names}
    inputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    inputs += [
        "--targets",
        str(synthetic.targets(folder / "targets.tsv")),
        "--output",
        str(folder / "card.md"),
        "--html",
        str(folder / "card.html"),
    ]
    data_card.main([*inputs, "--settings", '{"input": {"source": "phantom"}}'])
    return (folder / "card.md").read_text(encoding="utf-8")


def test_data_card(tmp_path):
    _cohort(tmp_path)
    text = _data_card(tmp_path, "split", "exclusions", "phenotypes", "fields", "labels")
    assert "| Participants | 60 | 20 | 20 | 100 |" in text
    assert "| Female | 30 (50.0 %) | 10 (50.0 %) | 10 (50.0 %) | 50 (50.0 %) |" in text
    assert "| Age (years), mean ± SD | 52.5 ± 1.7 |" in text
    assert "| CAD | 19 (32.2 %) | 0 (0.0 %) | 0 (0.0 %) | 19 (19.2 %) |" in text
    assert "| Stroke | 0 (0.0 %) | 0 (0.0 %) | &lt;10 | &lt;10 |" in text  # a single one is not printed
    assert "| scan | sa: file is cut short | &lt;10 |" in text
    assert "| table | no row in the tables | &lt;10 |" in text
    assert "50.0 %" in next(line for line in text.splitlines() if line.startswith("| LVM"))
    assert "synthetic" in text
    assert "100000" not in text


def test_data_card_counts_what_is_odd_in_the_tables_once_and_hides_small_counts(tmp_path):
    _cohort(tmp_path)
    own, other = Remarks(), Remarks()
    for each in (own, other):
        each.add_code("/data/ukb.csv", "6150-2.0", "cells hold a code", "missing", 41, 12)
    other.add("/data/ukb.csv", "41280", "participants have a diagnosis after their death", "kept", 3)
    own.write(tmp_path / "fields_remarks.csv")
    other.write(tmp_path / "diagnoses_remarks.csv")
    text = _data_card(tmp_path, "split", "exclusions", "phenotypes", "fields_remarks", "diagnoses_remarks")
    assert text.count("| ukb.csv | 6150-2.0 | cells hold a code (41); missing | 12 |") == 1
    assert "| ukb.csv | 41280 | participants have a diagnosis after their death; kept | &lt;10 |" in text


def test_data_card_of_scans_alone(tmp_path):
    _cohort(tmp_path)
    text = _data_card(tmp_path, "split", "exclusions", "phenotypes")
    assert "| Participants | 60 | 20 | 20 | 100 |" in text
    assert "CAD" not in text


def _config(folder, task, model, **more):
    path = folder / task / model / "config.json"
    path.parent.mkdir(parents=True)
    shared = {
        "seed": 1,
        "split_hash": "abc",
        "participants": {"test": 20, "train": 60},
        "model": {"patch": [5, 16, 16]},
    }
    path.write_text(json.dumps(shared | {"parameters": 123456, "best_val_loss": 0.12345} | more))
    return str(path)


def test_model_card(tmp_path):
    configs = [_config(tmp_path, "stage1", "vita", seconds=61.4), _config(tmp_path, "sa_phenotypes", "vit", seed=2)]
    (tmp_path / "table.md").write_text("**A table**\n")
    arguments = ["--configs", *configs, "--tables", str(tmp_path / "table.md"), "--output", str(tmp_path / "card.md")]
    arguments += ["--settings", '{"input": {"source": "files"}}']
    model_card.main([*arguments, "--html", str(tmp_path / "card.html")])
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "| Stage I, reconstruction | ViTa | 123,456 | – | – | 0.1235 | 61 | – |" in text
    assert "* Seed: 1\n* Seed: 2\n" in text
    assert text.count("* Split (hash): abc") == 1
    assert "* Sizes: patch 5 x 16 x 16" in text
    assert "**A table**" in text
    assert "not a medical device" in text
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<h1>Model card</h1>" in page
    assert "<td>Stage I, reconstruction</td>" in page


def test_a_missing_config_is_named(tmp_path):
    html = ["--html", str(tmp_path / "c.html")]
    with pytest.raises(UserError, match=r"nowhere/config\.json"):
        model_card.main(
            ["--configs", str(tmp_path / "nowhere" / "config.json"), "--output", str(tmp_path / "c.md"), *html]
        )


def _run_card(folder, text):
    (folder / "config.json").write_text(text)
    (folder / "config.yaml").write_text("seed: 1\nstage1: {lr: 0.1, epochs: 3}\ninput: {tables: []}\n")
    paths = {name: str(folder / name) for name in ("config.json", "config.yaml", "card.md", "card.html")}
    named = zip(("--config", "--defaults", "--output", "--html"), paths.values(), strict=True)
    run_card.main([text for pair in named for text in pair])
    return (folder / "card.md").read_text()


def test_run_card_lists_what_differs_and_no_folders(tmp_path):
    config = {"seed": 1, "stage1": {"lr": 0.2}, "input": {"tables": ["/home/somebody/ukb.csv"]}}
    text = _run_card(tmp_path, json.dumps(config))
    assert "| stage1.lr | 0.2 | 0.1 |" in text
    assert "| stage1.epochs | – | 3 |" in text
    assert "| seed |" not in text
    assert "somebody" not in text + (tmp_path / "card.html").read_text()
    assert ".../ukb.csv" in text
    assert "* torch 2." in text


def test_run_card_of_the_default_says_so(tmp_path):
    config = {"seed": 1, "stage1": {"lr": 0.1, "epochs": 3}, "input": {"tables": []}}
    assert "The configuration is the default" in _run_card(tmp_path, json.dumps(config))


def test_run_card_without_configuration(tmp_path):
    with pytest.raises(UserError, match="record_config"):
        run_card.read_config(tmp_path / "config.json")


def test_model_card_says_whose_weights_may_leave(tmp_path):
    """By the worst guess of each model; numbers of people in tens."""
    path = tmp_path / "models/stage1/vita/config.json"
    _config(tmp_path / "models", "stage1", "vita")
    numbers = {"members": 1004, "held_out": 998, "auc": 0.512, "low": 0.49, "tpr": 0.002, "fpr": 0.00100200}
    control = {"untrained_auc": 0.5, "untrained_low": 0.47, "untrained_high": 0.53}
    rows = [
        {"model": model, "signal": "loss", "attack": attack, "high": high} | numbers | control
        for model, highs in (("stage1/vita", (0.53, 0.549)), ("disease_cad/vita", (0.53, 0.551)))
        for attack, high in zip(("loss", "calibrated"), highs, strict=True)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "membership.csv", index=False)
    arguments = ["--configs", str(path), "--membership", str(tmp_path / "membership.csv")]
    arguments += ["--output", str(tmp_path / "card.md"), "--html", str(tmp_path / "card.html")]
    model_card.main([*arguments, "--settings", '{"input": {"source": "files"}, "privacy": {"membership_auc": 0.55}}'])
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    first = "| loss | 1000 | 990 | 0.512 (0.490 to 0.530) | 0.002 | 0.001 | 0.500 (0.470 to 0.530) | "
    assert f"| Stage I, reconstruction | ViTa {first}pass |" in text
    assert f"| Coronary artery disease | ViTa {first}stay inside |" in text
    assert "synthetic, so that" not in text
    assert "Canaries are" not in text


def test_model_card_has_canaries_shadow_models_and_epsilon(tmp_path):
    """Canaries have a table of their own and do not keep weights inside; epsilon is of the models that have one."""
    path = tmp_path / "models/disease_cad/vita/config.json"
    _config(tmp_path / "models", "disease_cad", "vita")
    privacy = {"epsilon": 3.14159, "delta": 1e-5, "noise": 1.0, "clip": 0.5}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"privacy": privacy}))
    numbers = {"model": "disease_cad/vita", "signal": "loss", "members": 47, "held_out": 47, "auc": 0.5, "low": 0.46}
    numbers |= {"tpr": 0.02, "fpr": 0.02}
    rows = [numbers | {"attack": "shadow", "high": 0.54}]
    rows += [numbers | {"attack": "canaries", "high": 0.9, "auc": 0.8}]
    rows[1] |= {"exposure_bits": 2.5, "exposure_low": 2.25, "exposure_high": 2.75}
    pd.DataFrame(rows).to_csv(tmp_path / "membership.csv", index=False)
    rows[0] |= dict.fromkeys(("untrained_auc", "untrained_low", "untrained_high"), 0.5)
    pd.DataFrame(rows).to_csv(tmp_path / "membership.csv", index=False)
    arguments = ["--configs", str(path), "--membership", str(tmp_path / "membership.csv")]
    arguments += ["--output", str(tmp_path / "card.md"), "--html", str(tmp_path / "card.html")]
    model_card.main([*arguments, "--settings", '{"input": {"source": "files"}, "privacy": {"membership_auc": 0.55}}'])
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "| ViTa | loss, shadow models | 40 | 40 | 0.500 (0.460 to 0.540) | 0.020 | 0.020 |" in text
    assert "| pass |" in text
    assert "| Coronary artery disease | ViTa | 40 | 0.800 (0.460 to 0.900) | 2.500 (2.250 to 2.750) |" in text
    assert "| Coronary artery disease | ViTa | 3.14 | 1e-05 | 1 | 0.5 |" in text
