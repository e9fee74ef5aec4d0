"""Tables and figures of the extensions from small files: what is printed, dashes with footnotes, and errors."""

import numpy as np
import pandas as pd
import pytest

from vita.extensions import any_part, any_part_phenotypes, reproducibility
from vita.report import extension_tables
from vita.report.figures import (
    association_map,
    availability_curves,
    conformal_coverage,
    cumulative_incidence,
    label_curves,
    phenotype_curves,
)
from vita.runtime.errors import UserError

SURVIVAL = [column.name for column in extension_tables.SURVIVAL]


def make(name: str, tmp_path, *frames: pd.DataFrame) -> tuple[str, pd.DataFrame, str]:
    """Markdown, CSV and web page of a table."""
    paths = []
    for place, frame in enumerate(frames):
        paths.append(tmp_path / f"numbers{place}.csv")
        frame.to_csv(paths[-1], index=False)
    out = {form: tmp_path / f"{name}.{form}" for form in ("csv", "md", "tex", "html")}
    options = [text for form, path in out.items() for text in (f"--{form}", str(path))]
    extension_tables.main(["--name", name, "--numbers", *map(str, paths), *options])
    assert "\\begin{tabular}" in out["tex"].read_text()
    return out["md"].read_text(), pd.read_csv(out["csv"]), out["html"].read_text()


def survival_rows() -> pd.DataFrame:
    values = dict.fromkeys(SURVIVAL, 0.75)
    values |= {f"{name}_low": 0.7 for name in SURVIVAL} | {f"{name}_high": 0.8 for name in SURVIVAL}
    row = {"outcome": "heart_failure", "title": "Heart failure", "n": 167, "events": 29, "deaths": None, "note": ""}
    few = {"outcome": "stroke", "title": "Stroke", "model": "", "n": 164, "note": "fewer than 10 events"}
    rows = [row | values | {"model": model} for model in ("clinical", "probe_vita", "image_table")]
    return pd.DataFrame([*rows, few])


def test_incident_disease(tmp_path) -> None:
    text, table, _ = make("incident_disease", tmp_path, survival_rows())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    first = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert first[:6] == ["Heart failure", "Age, sex, blood pressure", "167", "29", "&lt;10", "0.750 (0.700 to 0.800)"]
    assert lines[3].split("|")[1:3] == ["  ", " ViTa, frozen "]
    assert "| Stroke | All models | 164 | &lt;10 | &lt;10 | –<sup>a</sup> |" in lines[5]
    assert "<sup>a</sup> fewer than 10 events" in text
    assert len(table) == 4


def associations() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {"kind": kind, "outcome": f"{kind} {number}", "group": group, "trait": f"{group} trait", "n": 300, "note": ""}
        for kind in extension_tables.OUTCOME_KINDS
        for number in range(6)
        for group in ("diet", "ecg", "smoking")
    ]
    table = pd.DataFrame(rows)
    table["p"] = rng.random(len(table)) ** 4
    table = table.assign(q=table["p"] * 2, effect=0.2, low=0.1, high=0.3)
    table.loc[0, ["p", "q", "effect"]] = np.nan
    return table


def test_associations(tmp_path) -> None:
    table = associations()
    inflation = pd.DataFrame({"traits": ["observed", "shuffled"], "lambda": [1.414, 1.0012], "tests": 53})
    text, written, _ = make("associations", tmp_path, table, inflation)
    assert len(written) == 30
    assert written.groupby("kind")["p"].apply(lambda p: p.is_monotonic_increasing).all()
    largest = written.groupby("kind")["p"].max()
    assert (table.dropna().groupby("kind")["p"].apply(lambda p: p.nsmallest(10).max()) == largest).all()
    found = int((table["q"] < 0.05).sum())
    assert f"53 tests, {found} with a false discovery rate below 5 %; genomic-control lambda 1.41" in text
    assert "permuted among the participants 1.001" in text


def coverage() -> pd.DataFrame:
    rows = []
    for task, target, unit in (
        ("sa_phenotypes", "LVEF", "%"),
        ("sa_phenotypes", "LVM", "g"),
        ("disease_cad", "CAD", None),
    ):
        for model, value in (("vita", 0.91), ("brightness", 0.9)):
            for group, level, n in (("all", "all", 176), ("sex", "female", 90), ("sex", "male", None)):
                row = {"task": task, "model": model, "target": target, "title": target, "unit": unit, "n": n}
                known = {"coverage": value, "width": 12.345, "ratio": 0.5} if n else {}
                rows.append(row | {"group": group, "level": level} | known)
    return pd.DataFrame(rows)


def test_conformal(tmp_path) -> None:
    text, table, _ = make("conformal", tmp_path, coverage())
    assert table["title"].tolist() == ["LVEF", "LVM", "Average", "CAD", "Average"]
    assert "| Short-axis phenotypes | LVEF | ViTa | 176 | 12.3 % | 0.50 | 91 % | 91 % | – |" in text
    assert "|  | Average | Brightness | 176 | – | 0.50 | 90 % | 90 % | – |" in text
    assert "| Diseases | CAD | ViTa | 176 | 12.3 | 0.50 |" in text


def efficiency() -> pd.DataFrame:
    rows = []
    for task, metric in (("sa_phenotypes", "mae"), ("diseases", "auc")):
        for model in ("probe_vita", "brightness"):
            for percent, n in ((2, None), (10, 57), (100, 570)):
                row = {"task": task, "target": "Average", "metric": metric, "model": model, "percent": percent, "n": n}
                known = (
                    {"value": 0.812, "low": 0.8, "high": 0.83, "note": ""} if n else {"note": "fewer than 10 labels"}
                )
                rows.append(row | known | {"draws": 1 if percent == 100 else 3})
    return pd.DataFrame(rows)


def test_label_efficiency(tmp_path) -> None:
    text, table, _ = make("label_efficiency", tmp_path, efficiency())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "|  |  | 2 % (&lt;10) | 10 % (57) | 100 % (570) |"
    assert lines[2] == "| Short-axis phenotypes, MAE | Brightness | –<sup>a</sup> | 0.81 (0.80–0.83) | 0.81 |"
    assert lines[5] == "|  | ViTa, frozen | –<sup>a</sup> | 0.812 (0.800–0.830) | 0.812 |"
    assert table.loc[0, "percent_100"] == 0.812


def availability(diseases: tuple[str, ...] = ("disease_cad", "diseases")) -> pd.DataFrame:
    """Both together are the image at 0 %, below the boosted table from 75 % on, and fall at 50 %."""
    aucs = {
        "probe_vita": dict.fromkeys((0, 25, 50, 75, 80, 100), 0.6),
        "boosted_table": {0: 0.5, 25: 0.6, 50: 0.65, 75: 0.75, 80: 0.8, 100: 0.85},
        "any_part": {0: 0.6, 25: 0.72, 50: 0.66, 75: 0.75, 80: 0.79, 100: 0.81},
    }
    rows = []
    for task in diseases:
        about = {"task": task, "title": "Average" if task == "diseases" else "CAD", "n": 142, "draws": 5, "note": ""}
        for model, by_level in aucs.items():
            parts = [("random", f"{level} %", level, auc) for level, auc in by_level.items()]
            for kind, part, percent, auc in [*parts, ("clinical", "+ body, smoking", 20.0, 0.7)]:
                row = {"model": model, "kind": kind, "part": part, "percent": percent, "features": percent}
                rows.append(about | row | {"auc": auc, "low": auc - 0.1, "high": auc + 0.1, "se": 0.05})
    few = {"task": "disease_stroke", "title": "Stroke", "n": None, "note": "fewer than 10 with the disease"}
    columns = [*any_part.COLUMNS, *any_part.NUMBERS, "note"]
    return pd.DataFrame([few, *rows]).reindex(columns=columns)


def test_any_part(tmp_path) -> None:
    text, table, _ = make("any_part", tmp_path, availability())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "|  |  | n | 0 % (0) | 25 % (25) | 50 % (50) | 75 % (75) | 100 % (100) | + body, smoking (20) |"
    assert lines[2] == "| Stroke | All models | &lt;10 |" + 6 * " –<sup>a</sup> |"
    assert "<sup>a</sup> fewer than 10 with the disease" in text
    assert lines[3] == "| CAD | ViTa, frozen | 142 | 0.600 (0.500–0.700) |" + 5 * "  |"
    assert lines[4].startswith("|  | Boosted table | 142 | 0.500 (0.400–0.600) | 0.600 (0.500–0.700) |")
    assert lines[5].endswith("| 0.810 (0.710–0.910) | 0.700 (0.600–0.800) |")
    assert table.loc[3, ["percent_50", "percent_50_low", "body_smoking"]].tolist() == [0.66, 0.56, 0.7]
    assert "on average over the diseases, any part of the table and the image are better than ViTa, frozen, and" in text
    assert "and than Boosted table except at 75 to 80, 100 % of it. With nothing" in text
    assert "More of the table: at 50 % it is worse than with less of it by more than a standard error." in text


def test_any_part_of_one_disease_or_of_none(tmp_path) -> None:
    alone = availability(("disease_cad",))
    alone.loc[alone["model"] == "any_part", "auc"] += 0.2 * (alone["percent"] > 25)
    text, _, _ = make("any_part", tmp_path, alone)
    assert "any part of the table and the image are better than ViTa, frozen, and than Boosted table. " in text
    assert "More of the table: nowhere is it worse" in text
    text, table, _ = make("any_part", tmp_path, availability(()))
    assert "| Stroke | All models | &lt;10 | –<sup>a</sup> |" in text
    assert "Controls" not in text
    assert len(table) == 1


def phenotypes(tasks: tuple[str, ...] = ("sa_phenotypes", "la_phenotypes")) -> pd.DataFrame:
    """Ratios of two phenotypes of each task and of their mean, 0.6 less 0.1 of what is there of the table for both."""
    rows = []
    for task in tasks:
        for target in ("LVEDV", "LVSV", "Average"):
            about = {"task": task, "target": target, "title": target, "n": 142, "draws": 5, "note": ""}
            for model, less in {"probe_vita": 0.0, "boosted_table": -0.3, "any_part": 0.1}.items():
                parts = [("random", f"{level} %", level) for level in (0, 25, 50, 75, 100)]
                for kind, part, percent in [*parts, ("clinical", "Age and sex", 20.0)]:
                    row = {"model": model, "kind": kind, "part": part, "percent": percent, "features": percent}
                    ratio = 0.6 - less * percent / 100 + 0.4 * (percent == 75) * (model == "any_part")
                    row |= {"ratio": ratio, "low": ratio - 0.1, "high": ratio + 0.1, "se": 0.05}
                    rows.append(about | row | {"r2": 0.02, "r2_low": -0.03, "r2_high": 0.07, "r2_se": 0.02})
    few = {"task": "la_phenotypes", "target": "RAEF", "title": "RAEF", "n": None, "note": "fewer than 10 with it"}
    columns = [*any_part_phenotypes.COLUMNS, *any_part_phenotypes.NUMBERS, "note"]
    return pd.DataFrame([*rows, few]).reindex(columns=columns)


def test_any_part_of_phenotypes(tmp_path) -> None:
    text, table, _ = make("any_part_phenotypes", tmp_path, phenotypes())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "|  |  | n | 0 % (0) | 25 % (25) | 50 % (50) | 75 % (75) | 100 % (100) | Age and sex (20) |"
    assert lines[2] == "| LVEDV | ViTa, frozen | 142 | 0.60 (0.50 to 0.70) |" + 5 * "  |"
    assert lines[4].endswith("| 0.50 (0.40 to 0.60) | 0.58 (0.48 to 0.68) |")
    assert lines[8].startswith("| Short-axis phenotypes, mean | ViTa, frozen | 142 | 0.60 (0.50 to 0.70) |")
    assert lines[11].startswith("| Short-axis phenotypes, mean R2 | ViTa, frozen | 142 | 0.02 (-0.03 to 0.07) |")
    assert sum("RAEF | All models | &lt;10 | –<sup>a</sup> |" in line for line in lines) == 1
    assert table.loc[table["title"] == "LVEDV", "percent_100"].head(3).tolist() == pytest.approx([0.6, 0.9, 0.5])
    assert (
        "over short-axis phenotypes, any part of the table and the image are better than ViTa, frozen except at 75 %"
        in (text)
    )
    assert text.count("More of the table: at 75 % it is worse than with less of it by more than a standard error.") == 2


def test_any_part_of_no_phenotype(tmp_path) -> None:
    text, table, _ = make("any_part_phenotypes", tmp_path, phenotypes(()))
    assert "| RAEF | All models | &lt;10 | –<sup>a</sup> |" in text
    assert "Controls" not in text
    assert len(table) == 1


def test_directions_over_seeds(tmp_path) -> None:
    rows = [
        {"first": 7, "second": 8, "direction": place, "directions": 6, "train": 1.0, "n_train": 60, "n_test": 142}
        | {"value": 1 - place / 10, "low": 0.9 - place / 10, "high": 1.0}
        for place in range(1, 7)
    ]
    few = {"first": 7, "second": 9, "note": "too few"}
    table = pd.DataFrame([*rows, few]).reindex(columns=reproducibility.COLUMNS)
    text, _, _ = make("reproducibility", tmp_path, table)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[2] == (
        "| 7 and 8 | 142 | 0.90 (0.80 to 1.00) | 0.80 (0.70 to 1.00) | 0.50 (0.40 to 1.00) | – | – | 0.65 |"
    )
    assert lines[3] == "| 7 and 9 | – |" + 6 * " –<sup>a</sup> |"
    assert "rotated: 6." in text


def test_one_seed_has_a_dash_and_a_footnote(tmp_path) -> None:
    alone = pd.DataFrame([{"note": reproducibility.ONE_SEED}]).reindex(columns=reproducibility.COLUMNS)
    text, _, _ = make("reproducibility", tmp_path, alone)
    assert "| – | – |" + 6 * " –<sup>a</sup> |" in text
    assert reproducibility.ONE_SEED in text
    assert "rotated" not in text


def test_curves_of_phenotypes_are_of_the_mean_or_of_the_only_one(tmp_path) -> None:
    numbers = phenotypes()
    numbers[(numbers["task"] != "la_phenotypes") | (numbers["target"] == "LVSV")].to_csv(
        tmp_path / "a.csv", index=False
    )
    drawn = phenotype_curves.collect(tmp_path / "a.csv")
    assert drawn.groupby("task")["target"].unique().map(list).to_dict() == {
        "sa_phenotypes": ["Average"],
        "la_phenotypes": ["LVSV"],
    }


def test_what_is_missing_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="run the rule that measures this extension"):
        extension_tables.incident_disease([tmp_path / "none.csv"])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="has no column outcome, model"):
        extension_tables.incident_disease([tmp_path / "other.csv"])
    figures = (association_map, availability_curves, conformal_coverage, label_curves, phenotype_curves)
    for read in (cumulative_incidence.read, *(figure.collect for figure in figures)):
        with pytest.raises(UserError, match="run the rule measure_"):
            read(tmp_path / "none.csv")
        with pytest.raises(UserError, match="has no column"):
            read(tmp_path / "other.csv")


def curves() -> pd.DataFrame:
    rows = [
        {
            "outcome": "cad",
            "title": "CAD",
            "group": group,
            "groups": 2,
            "n": 80,
            "events": 20,
            "predicted_5": 0.1 * group,
        }
        | {"years": years, "at_risk": 50, "incidence": 0.02 * group * years, "low": 0.0, "high": 0.3}
        for group in (1, 2)
        for years in (0.0, 0.5, 1.0, 4.0)
    ]
    return pd.DataFrame(rows)


FIGURES = {
    "cumulative_incidence": ("--curves", curves, cumulative_incidence),
    "association_map": ("--associations", associations, association_map),
    "conformal_coverage": ("--coverage", coverage, conformal_coverage),
    "label_curves": ("--metrics", efficiency, label_curves),
    "availability_curves": ("--metrics", availability, availability_curves),
    "phenotype_curves": ("--metrics", phenotypes, phenotype_curves),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("rows", [None, 0])
def test_figures_are_drawn_even_of_nothing(tmp_path, name: str, rows: int | None) -> None:
    option, numbers, module = FIGURES[name]
    numbers().iloc[:rows].to_csv(tmp_path / "numbers.csv", index=False)
    out = {form: tmp_path / f"{name}.{form}" for form in ("svg", "png", "csv")}
    module.main([option, str(tmp_path / "numbers.csv"), *(t for f, p in out.items() for t in (f"--{f}", str(p)))])
    svg = out["svg"].read_text()
    assert ("– " in svg) == (rows == 0)
    assert bool(len(pd.read_csv(out["csv"]))) == (rows is None)


def test_the_map_holds_the_strongest_outcome_of_each_kind(tmp_path) -> None:
    table = associations()
    table.to_csv(tmp_path / "a.csv", index=False)
    drawn = association_map.collect(tmp_path / "a.csv")
    assert len(drawn) == 9
    best = table.dropna(subset=["p"]).groupby(["trait", "kind"])["p"].min()
    assert (drawn.set_index(["trait", "kind"])["p"] - best).abs().max() < 1e-12
    assert list(dict.fromkeys(drawn["group"])) == ["diet", "ecg", "smoking"]


def test_coverage_is_averaged_over_targets(tmp_path) -> None:
    table = coverage()
    table.loc[0, "coverage"] = 0.85
    table.to_csv(tmp_path / "c.csv", index=False)
    drawn = conformal_coverage.collect(tmp_path / "c.csv").set_index(["model", "level"])
    assert drawn.loc[("vita", "all"), "coverage"] == pytest.approx((0.85 + 0.91 * 2) / 3)
    assert drawn.loc[("vita", "all"), "coverage_low"] == 0.85
    assert ("vita", "male") not in drawn.index
