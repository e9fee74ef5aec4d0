"""Planted leaks of many kinds are refused, each for its reason, and what is aggregated passes."""

import base64
import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image, PngImagePlugin
from pyarrow import feather
from pyarrow import parquet as pq
from safetensors.numpy import save_file
from scipy import ndimage
from tests.release.conftest import PEOPLE, people, write

from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.command import main
from vita.release.findings import Output
from vita.runtime.errors import UserError

Tables = dict[str, pd.DataFrame]
CELL = 10


@pytest.fixture(scope="module")
def cohort(results: Path) -> Cohort:
    return read_cohort([results], CELL)


def rows(tables: Tables, count: int = 40, digits: int | None = None) -> pd.DataFrame:
    """Phenotypes of some participants, without ids, in another order, perhaps rounded to some digits."""
    found = tables["images/phenotypes"].drop(columns="eid").sample(count, random_state=2).reset_index(drop=True)
    return found if digits is None else found.map(lambda value: float(f"{value:.{digits}g}"))


def scan() -> np.ndarray:
    """A picture (160, 160) with the shades of a scan."""
    noise = np.random.default_rng(1).normal(size=(160, 160))
    smooth = ndimage.gaussian_filter(noise, 4)
    return np.clip((smooth - smooth.min()) / np.ptp(smooth) * 255, 0, 255).astype(np.uint8)


def png(pixels: np.ndarray, **texts: str) -> bytes:
    stream, info = io.BytesIO(), PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    Image.fromarray(pixels).save(stream, format="PNG", pnginfo=info)
    return stream.getvalue()


def commented(data: bytes) -> bytes:
    """An archive whose comment holds the data."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "hello")
        archive.comment = data
    return stream.getvalue()


def exif(data: bytes) -> Image.Exif:
    """Exif whose user comment, in a block of its own, holds the data."""
    found = Image.Exif()
    found[0x8769] = {0x9286: data}
    return found


def described(data: bytes) -> pa.Table:
    """A table whose column has the data as metadata."""
    return pa.table([pa.array([1, 2])], schema=pa.schema([pa.field("a", pa.int64(), metadata={"note": data})]))


def words(tables: Tables) -> str:
    """Sentences about one participant each."""
    found = rows(tables, 3)
    return "".join(
        f"Example {place}: LVEDV {row['LVEDV']:.4f} mL, LVESV {row['LVESV']:.4f} mL, LVM {row['LVM']:.4f} g.\n"
        for place, (_, row) in enumerate(found.iterrows(), 1)
    )


def text(tables: Tables) -> bytes:
    return rows(tables).to_csv(index=False).encode()


def zipped(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def standard_scores(tables: Tables) -> pd.DataFrame:
    """Those of 40 participants, within the whole cohort, and without names."""
    everybody = tables["images/phenotypes"].drop(columns="eid")
    return ((rows(tables) - everybody.mean()) / everybody.std()).rename(columns=lambda name: f"z{len(name)}{name[:1]}")


def ranks(tables: Tables) -> pd.DataFrame:
    return tables["images/phenotypes"].drop(columns="eid").rank()


def ends(tables: Tables) -> pd.DataFrame:
    values = tables["images/phenotypes"].drop(columns="eid")
    return pd.DataFrame(
        {"target": values.columns, "whislo": values.min().to_numpy(), "whishi": values.max().to_numpy()}
    )


def thresholds(tables: Tables) -> pd.DataFrame:
    """For each variable, one participant's value, as a threshold with the best F1 is: no row has two of anybody."""
    values = (
        tables["images/phenotypes"]
        .drop(columns="eid")
        .assign(**{name: tables["cohort/fields"][name] for name in ("weight", "income")})
    )
    found = [values[name].iloc[17 * place + 3] for place, name in enumerate(values)]
    return pd.DataFrame({"target": values.columns, "threshold": found})


def html(tables: Tables) -> str:
    cells = "".join(
        "<tr>" + "".join(f"<td>{value:.3f}</td>" for value in row) + "</tr>" for row in rows(tables).to_numpy()
    )
    return f"<!doctype html><html><body><table>{cells}</table></body></html>"


def scatter(tables: Tables, path: Path) -> None:
    found = tables["predictions/sa_phenotypes/vita"]
    figure, axes = plt.subplots()
    axes.scatter(found["truth"][:100], found["prediction"][:100])
    figure.savefig(path, format="svg")
    plt.close(figure)


def notebook(tables: Tables) -> str:
    text = rows(tables, 5).to_string()
    cell = {"cell_type": "code", "source": ["table"], "outputs": [{"data": {"text/plain": text.splitlines(True)}}]}
    return json.dumps({"cells": [cell], "nbformat": 4})


def database(tables: Tables, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        rows(tables).to_sql("found", connection, index=False)
    connection.close()


def thousands(tables: Tables) -> str:
    """The largest incomes with separators, and weights."""
    found = tables["cohort/fields"].sort_values("income", ascending=False)
    pairs = zip(found["income"][:30], found["weight"][:30], strict=True)
    return "\n".join(f"{income:,.4f};{weight}" for income, weight in pairs)


def subgroup(tables: Tables) -> str:
    labels = tables["cohort/labels"]
    fields = tables["cohort/fields"].merge(labels, on="eid")
    mean = fields.loc[fields["rare"], "income"].mean()
    return f"group,mean income\nrare,{mean!r}\n"


def dominated(tables: Tables) -> str:
    table = tables["cohort/fields"]
    totals = table.groupby("sex")["income"].sum()
    return "sex,income\n" + "\n".join(f"{sex},{total!r}" for sex, total in totals.items()) + "\n"


PLANT: dict[str, tuple[str, Callable[[Tables, Path], object]]] = {
    # rows of participants, in each format
    "rows.csv": ("singled out", lambda t, p: rows(t).to_csv(p, index=False)),
    "few_digits.csv": ("singled out", lambda t, p: rows(t, digits=3).to_csv(p, index=False)),
    "two_digits.tsv": ("singled out", lambda t, p: rows(t, 100, 2).to_csv(p, index=False, sep="\t")),
    "nameless.csv": ("singled out", lambda t, p: rows(t, digits=4).to_csv(p, index=False, header=False)),
    "records.json": ("singled out", lambda t, p: rows(t).to_json(p, orient="records")),
    "columns.json": ("singled out", lambda t, p: p.write_text(json.dumps(rows(t).to_dict("list")))),
    "page.html": ("singled out", lambda t, p: p.write_text(html(t))),
    "table.md": ("singled out", lambda t, p: p.write_text(
        "| a | b | c |\n| --- | --- | --- |\n"
        + "".join(f"| {a:.4f} | {b:.4f} | {c:.4f} |\n" for a, b, c in rows(t)[["LVEDV", "LVESV", "LVM"]].to_numpy()))),
    "examples.txt": ("singled out", lambda t, p: p.write_text(words(t))),
    "wide.txt": ("singled out", lambda t, p: p.write_bytes(words(t).encode("utf-16"))),
    "wide_without_mark.txt": ("singled out", lambda t, p: p.write_bytes(words(t).encode("utf-16-le"))),
    "rows.parquet": ("singled out", lambda t, p: rows(t).to_parquet(p)),
    "single.parquet": ("singled out", lambda t, p: rows(t).astype(np.float32).to_parquet(p)),
    "rows.npz": ("singled out", lambda t, p: np.savez(p, values=rows(t).to_numpy())),
    "weights.safetensors": ("singled out", lambda t, p: save_file(
        {"a": np.zeros(3, np.float32)}, p, metadata={"example": rows(t, 3).to_json(orient="values")})),
    "run.ipynb": ("singled out", lambda t, p: p.write_text(notebook(t))),
    "found.sqlite": ("singled out", lambda t, p: database(t, p)),
    "exponents.csv": ("singled out", lambda t, p: rows(t).to_csv(p, index=False, float_format="%.5e")),
    "separators.csv": ("singled out", lambda t, p: p.write_text("income;weight\n" + thousands(t))),
    "commas.csv": ("singled out", lambda t, p: rows(t).to_csv(p, index=False, sep=";", decimal=",")),
    "metadata.png": ("singled out", lambda t, p: p.write_bytes(
        png(np.zeros((40, 40), np.uint8), Comment=rows(t, 4).to_csv(index=False)))),
    "one_exact_value.txt": ("singled out", lambda t, p: p.write_text(
        f"largest volume: {t['images/phenotypes']['LVEDV'].max()!r} mL")),
    "long.csv": ("singled out", lambda t, p: t["predictions/sa_phenotypes/vita"].drop(columns=["eid", "split"]).to_csv(
        p, index=False, float_format="%.4g")),
    "sorted_columns.csv": ("singled out", lambda t, p: pd.DataFrame(
        {name: np.sort(values) for name, values in rows(t, 100).items()}).to_csv(p, index=False, float_format="%.6g")),
    "litres.csv": ("singled out", lambda t, p: (rows(t, 60)[["LVEDV"]] / 1000).to_csv(
        p, index=False, header=["volume"], float_format="%.5g")),
    "summary.csv": ("singled out", lambda t, p: t["images/phenotypes"].drop(columns="eid").describe().to_csv(p)),
    "largest.txt": ("singled out", lambda t, p: p.write_text(
        f"The largest LVEDV was {t['images/phenotypes']['LVEDV'].max():.1f} mL.")),
    # the same in other forms
    "pounds.csv": ("singled out", lambda t, p: (rows(t)[["LVM"]] / 453.59237).to_csv(
        p, index=False, header=["x"], float_format="%.5g")),
    "logarithms.csv": ("singled out", lambda t, p: np.log(rows(t)).to_csv(p, index=False, float_format="%.5f")),
    "standard_scores.csv": ("singled out", lambda t, p: standard_scores(t).to_csv(p, index=False, float_format="%.4f")),
    "ranks.csv": ("singled out", lambda t, p: ranks(t)[:60].astype(int).to_csv(p, index=False)),
    "percentiles.csv": ("singled out", lambda t, p: (ranks(t) / PEOPLE)[:60].to_csv(
        p, index=False, float_format="%.4f")),
    "sums.csv": ("singled out", lambda t, p: rows(t).eval("x = LVEDV + LVM")[["x"]].to_csv(
        p, index=False, float_format="%.5g")),
    "differences.csv": ("singled out", lambda t, p: rows(t).eval("x = LVEDV - LVESV")[["x"]].to_csv(
        p, index=False, float_format="%.5g")),
    "quotients.csv": ("singled out", lambda t, p: rows(t).eval("x = LVESV / LVEDV")[["x"]].to_csv(
        p, index=False, float_format="%.5f")),
    "columns_of_people.csv": ("singled out", lambda t, p: rows(t).T.to_csv(p, header=False, float_format="%.5g")),
    "thresholds.csv": ("singled out", lambda t, p: thresholds(t).to_csv(p, index=False, float_format="%.5g")),
    # packed and hidden
    "packed.csv": ("singled out", lambda t, p: p.write_text(f"name,data\nx,{base64.b64encode(text(t)).decode()}\n")),
    "packed.txt": ("singled out", lambda t, p: p.write_text(base64.encodebytes(text(t)).decode())),
    "address.json": ("singled out", lambda t, p: p.write_text(
        json.dumps({"a": base64.urlsafe_b64encode(gzip.compress(text(t))).decode()}))),
    "digits.txt": ("singled out", lambda t, p: p.write_text(text(t).hex())),
    "nested.json": ("singled out", lambda t, p: p.write_text(
        json.dumps({"x": json.dumps({"rows": rows(t).to_json(orient="records")})}))),
    "inner.zip": ("singled out", lambda t, p: p.write_bytes(zipped("a.zip", zipped("rows.csv", text(t))))),
    "comment.zip": ("singled out", lambda t, p: p.write_bytes(commented(text(t)))),
    "exif.png": ("singled out", lambda t, p: Image.fromarray(np.zeros((40, 40), np.uint8)).save(
        p, exif=exif(text(t)))),
    "column.parquet": ("singled out", lambda t, p: pq.write_table(described(text(t)), p)),
    "column.arrow": ("singled out", lambda t, p: feather.write_feather(described(text(t)), p)),
    "bits.npz": ("singled out", lambda t, p: np.savez(p, values=rows(t).to_numpy().view(np.int64))),
    "bytes.npz": ("singled out", lambda t, p: np.savez(
        p, values=np.frombuffer(rows(t).to_numpy().tobytes(), np.uint8))),
    "binary.csv": ("singled out", lambda t, p: rows(t).map(float.hex).to_csv(p, index=False)),
    "behind.png": ("singled out", lambda t, p: p.write_bytes(png(np.zeros((40, 40), np.uint8)) + text(t))),
    "styles.html": ("singled out", lambda t, p: p.write_text("<html>" + "".join(
        f'<div style="left:{x:.3f}px;top:{y:.3f}px"></div>' for x, y in rows(t)[["LVEDV", "LVM"]].to_numpy()))),
    "attributes.xml": ("singled out", lambda t, p: p.write_text("<data>" + "".join(
        f'<p v="{x:.3f}" w="{y:.3f}"/>' for x, y in rows(t)[["LVEDV", "LVM"]].to_numpy()) + "</data>")),
    "path.svg": ("singled out", lambda t, p: p.write_text('<svg><path d="M' + " L".join(
        f"{x:.3f} {y:.3f}" for x, y in rows(t)[["LVEDV", "LVM"]].to_numpy()) + '"/></svg>')),
    "moved.svg": ("singled out", lambda t, p: p.write_text("<svg>" + "".join(
        f'<g transform="translate({x:.3f} {y:.3f})"/>' for x, y in rows(t)[["LVEDV", "LVM"]].to_numpy()) + "</svg>")),
    # extreme values
    "whiskers.csv": ("singled out", lambda t, p: ends(t).to_csv(p, index=False, float_format="%.4g")),
    "ranges.md": ("singled out", lambda t, p: p.write_text("| Phenotype | Range |\n| --- | --- |\n" + "".join(
        f"| {name} | {low:.1f} to {high:.1f} |\n" for name, low, high in ends(t).to_numpy()))),
    # ids
    "ids.txt": ("id", lambda t, p: p.write_text(f"seen: {t['images/phenotypes']['eid'][7]}")),
    "wide_ids.txt": ("id", lambda t, p: p.write_bytes(f"seen: {t['images/phenotypes']['eid'][7]}".encode("utf-16"))),
    # as many rows or points as people
    "embedding.csv": ("rows of participants", lambda t, p: pd.DataFrame(
        np.random.default_rng(0).normal(size=(PEOPLE, 2)), columns=["x", "y"]).to_csv(p, index=False)),
    "scatter.svg": ("rows of participants", lambda t, p: scatter(t, p)),
    "numbered.csv": ("rows of participants", lambda t, p: p.write_text("participant,error\n1,0.25\n2,0.75\n")),
    # cells
    "counts.csv": ("small cell", lambda t, p: p.write_text("group,n,mean\nyoung,112,3.2\nold,7,3.9\n")),
    "counts.json": ("small cell", lambda t, p: p.write_text('[{"group": "a", "n": 30}, {"group": "b", "n": 4}]')),
    "counts.html": ("small cell", lambda t, p: p.write_text(
        "<html><table><tr><th>group</th><th>participants</th></tr><tr><td>a</td><td>3</td></tr></table></html>")),
    "sentence.md": ("small cell", lambda t, p: p.write_text("The effect was seen in men (n = 6).\n")),
    "share.csv": ("small cell", lambda t, p: p.write_text("disease,n,prevalence\nrare,120,0.025\n")),
    "unnamed_counts.csv": ("small cell", lambda t, p: p.write_text(
        "smoking,of them\nnever,250\nformer,146\ncurrent,4\n")),
    "small_mean.csv": ("small cell", lambda t, p: p.write_text(subgroup(t))),
    "dominated.csv": ("dominance", lambda t, p: p.write_text(dominated(t))),
    "largest.csv": ("dominance", lambda t, p: p.write_text("group,total,largest\na,1000.5,120.1\nb,900.2,700.4\n")),
    "matrix.json": ("small cell", lambda t, p: p.write_text("[[70, 8], [12, 30]]")),
    "matrix.csv": ("small cell", lambda t, p: p.write_text("truth,no,yes\n0,75,5\n1,10,30\n")),
    "complement.csv": ("small cell", lambda t, p: p.write_text("group,n,percent\nmen,120,97.5\n")),
    "recall.csv": ("small cell", lambda t, p: p.write_text(
        "target,n,positives,recall,precision\ncad,113,14,0.4286,0.24\n")),  # 6 of 14
    "recall.md": ("small cell", lambda t, p: p.write_text(
        "|  | Positive | n | Recall | Precision |\n| --- | --- | --- | --- | --- |\n"
        "| a | 0.218 | 142 | **0.290** | 0.600 |\n"
        "| b | 0.218 | 142 | 0.516 | 0.432 |\n")),  # 9 of 31
    "accuracy.csv": ("small cell", lambda t, p: p.write_text("target,metric,n,value\nsmoking,accuracy,60,0.95\n")),
    "nested_counts.json": ("small cell", lambda t, p: p.write_text('{"n": {"female": 396, "male": 4}}')),
    "part.md": ("small cell", lambda t, p: p.write_text("The effect was seen in 7 of 120 people.\n")),
    "fraction.md": ("small cell", lambda t, p: p.write_text("Infarct: 5/120 (4.2 %).\n")),
    "words.md": ("small cell", lambda t, p: p.write_text("Only three women had an infarct.\n")),
    # differencing
    "beyond.csv": ("differencing", lambda t, p: p.write_text("age over,n\n40,400\n50,396\n60,250\n")),
    "subtotals.csv": ("differencing", lambda t, p: p.write_text(
        "target,group,level,n,value\nLVEDV,all,all,120,9.1\nLVEDV,sex,female,114,9.0\nLVEDV,sex,male,<10,\n")),
    "total.md": ("differencing", lambda t, p: p.write_text(
        "|  | train | test | all |\n| --- | ---: | ---: | ---: |\n| Women | 140 | <10 | 146 |\n")),
    # pixels
    "heart.png": ("pixels", lambda t, p: p.write_bytes(png(scan()))),
    "colours.png": ("pixels", lambda t, p: p.write_bytes(png(
        (plt.get_cmap("viridis")(scan())[..., :3] * 255).astype(np.uint8)))),
    "enlarged.png": ("pixels", lambda t, p: p.write_bytes(png(np.kron(scan()[::4, ::4], np.ones((7, 7), np.uint8))))),
    "heart.bmp": ("pixels", lambda t, p: Image.fromarray(scan()).save(p)),
    "heart.svg": ("pixels", lambda t, p: p.write_text(
        f'<svg><image href="data:image/png;base64,{base64.b64encode(png(scan())).decode()}"/></svg>')),
    "heart.csv": ("pixels", lambda t, p: pd.DataFrame(scan()[:60, :60]).to_csv(p, index=False, header=False)),
    "heart.npz": ("pixels", lambda t, p: np.savez(p, voxels=scan()[None])),
    # not to be judged
    "model.pkl": ("unreadable", lambda t, p: p.write_bytes(b"\x80\x04\0\x95 \0 anything \0.")),
    "broken.parquet": ("unreadable", lambda t, p: p.write_bytes(b"PAR1 no table PAR1")),
}  # fmt: skip


def kinds(outputs: list[Output]) -> set[str]:
    return {finding.kind for output in outputs for finding in output.findings}


@pytest.mark.parametrize("name", PLANT)
def test_a_planted_leak_is_refused(name: str, tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    kind, plant = PLANT[name]
    plant(tables, tmp_path / name)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    assert kind in kinds(outputs)
    if kind == "singled out":
        assert any(finding.people for finding in outputs[0].findings)


def test_differencing_between_two_files(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("target,n,mae\nLVEDV,120,8.2\n")
    (tmp_path / "b.csv").write_text("target,n,mae\nLVEDV,116,8.1\n")
    assert kinds(check(tmp_path, cohort, CELL, cohort.ids)) == {"differencing"}
    (tmp_path / "b.csv").write_text("target,n,mae\nLVEDV,120,8.1\n")
    assert not kinds(check(tmp_path, cohort, CELL, cohort.ids))


def test_groups_named_by_decimals_in_two_files(cohort: Cohort, tmp_path: Path) -> None:
    """Limits of groups name them, since most recur; a mean that two tables have in common by chance does not."""
    header = "BMI,n,mae\n"
    (tmp_path / "a.csv").write_text(f"{header}22.5,120,8.2\n27.5,130,8.4\n")
    (tmp_path / "b.csv").write_text(f"{header}22.5,116,8.1\n27.5,130,8.3\n")
    assert kinds(check(tmp_path, cohort, CELL, cohort.ids)) == {"differencing"}
    (tmp_path / "b.csv").write_text(f"{header}22.5,116,8.1\n28.1,130,8.3\n31.2,140,8.0\n")
    assert not kinds(check(tmp_path, cohort, CELL, cohort.ids))


def test_a_total_and_its_group_in_two_files(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("group,n,mean\nall,120,146.2\n")
    (tmp_path / "b.csv").write_text("group,n,mean\nnever smoked,114,146.9\n")
    assert kinds(check(tmp_path, cohort, CELL, cohort.ids)) == {"differencing"}


def test_a_link_is_refused(results: Path, cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "cohort").symlink_to(results / "cohort")
    assert kinds(check(tmp_path, cohort, CELL, cohort.ids)) == {"unreadable"}


def aggregates(tables: Tables, folder: Path) -> None:
    """What a release may hold: means over groups of at least ten people, scores, a chart, settings."""
    values = tables["images/phenotypes"].drop(columns="eid")
    about = values.agg(["mean", "std"]).T.assign(n=len(values))
    about.to_csv(folder / "phenotypes.csv", index_label="target")
    (folder / "phenotypes.md").write_text(
        "| target | mean | sd |\n| --- | --- | --- |\n"
        + "".join(f"| {name} | {row['mean']:.1f} | {row['std']:.1f} |\n" for name, row in about.iterrows())
    )
    bands = values.groupby(pd.qcut(values["LVEDV"], 20)).mean().round(1).assign(n=20)
    bands.to_csv(folder / "bands.csv", index=False)
    groups = tables["cohort/fields"].merge(tables["images/phenotypes"], on="eid").groupby("sex")
    groups[["LVEDV", "LVESV", "LVM"]].mean().assign(n=groups.size()).to_csv(folder / "sex.csv")
    rng = np.random.default_rng(3)
    curves = pd.DataFrame({"epoch": range(1, 31), "loss": rng.random(30), "val_loss": rng.random(30)})
    curves.to_csv(folder / "curves.csv", index=False)
    (folder / "config.json").write_text(
        json.dumps({"epochs": 30, "size": [64, 64], "lr": 0.001, "seed": 2026, "parameters": 60 * 33})
    )
    figure, axes = plt.subplots()
    axes.hexbin(rng.normal(size=5000), rng.normal(size=5000), gridsize=20, mincnt=10)
    axes.set_title("At least ten people a hexagon (n = 5,000)")
    for form in ("png", "svg"):
        figure.savefig(folder / f"map.{form}")
    plt.close(figure)
    save_file({"a": rng.normal(size=(60, 33)).astype(np.float32)}, folder / "model.safetensors")


def test_aggregates_pass(tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    aggregates(tables, tmp_path)
    found = [finding for output in check(tmp_path, cohort, CELL, cohort.ids) for finding in output.findings]
    assert not found


def test_aggregates_of_another_cohort_are_nobodys(cohort: Cohort, tmp_path: Path) -> None:
    """Rows of people who are not in the cohort single nobody out, though their values are as dense."""
    rows(people(seed=77), 300, 4).to_csv(tmp_path / "others.csv", index=False)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    assert not any(finding.people for output in outputs for finding in output.findings)


def test_single_digits_and_hashes_are_nobodys(cohort: Cohort, tmp_path: Path) -> None:
    """Not even where a participant alone has values as small."""
    record = {"tool": "vita 0.1.0", "smallest": 10, "found": 0, "commit": "4e1793c0ffee00112233445566778899aabbccdd"}
    (tmp_path / "about.json").write_text(json.dumps(record))
    alone = pd.DataFrame({"eid": cohort.eid[:300], "volume": [0.05, *range(100, 399)], "mass": [0.1, *range(200, 499)]})
    path = tmp_path.parent / "alone.parquet"
    alone.to_parquet(path)
    assert not kinds(check(tmp_path, read_cohort([path], CELL), CELL, set()))


def test_the_people_singled_out_are_counted(tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    """All of 40 rows, and not one more: counted against the rows that were taken."""
    chosen = tables["images/phenotypes"].sample(40, random_state=2)
    rows(tables, digits=5).to_csv(tmp_path / "rows.csv", index=False)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    found = {int(cohort.eid[person]) for finding in outputs[0].findings for person in finding.people}
    assert found == set(chosen["eid"])


def test_phantom_hearts_may_leave(tables: Tables, tmp_path: Path) -> None:
    write(tmp_path / "results", tables, source="phantom")
    synthetic = read_cohort([tmp_path / "results"], CELL)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "heart.png").write_bytes(png(scan()))
    assert not kinds(check(tmp_path / "out", synthetic, CELL, synthetic.ids))


def test_the_command_names_file_place_and_remedy(
    tables: Tables, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(tables).to_csv(tmp_path / "rows.csv", index=False)
    for order in (
        ["--cohort", str(results), "--check", str(tmp_path)],
        ["--check", str(tmp_path), "--cohort", str(results)],
    ):
        with pytest.raises(UserError, match=r"1 of 1 files.*40 of 400 participants"):
            main(order)
    printed = capsys.readouterr().out
    assert "rows.csv: row 2: singled out" in printed
    assert "at least 10 people" in printed
    assert str(tables["images/phenotypes"]["LVEDV"].iloc[0])[:7] not in printed


def test_the_command_takes_ids_before_and_after_the_folder(results: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("eid\n7999999\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("about 7999999")
    ids, folder = ["--ids", str(tmp_path / "ids.csv")], [str(tmp_path / "out")]
    for order in (ids + folder, folder + ids):
        with pytest.raises(UserError, match="1 of 1 files"):
            main([*order, "--cohort", str(results)])


def test_a_folder_without_a_cohort_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(UserError, match="--cohort"):
        main(["--check", str(tmp_path)])


def test_smaller_cells_than_ten_are_refused(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="smallest allowed is 10"):
        main(["--check", str(tmp_path), "--cohort", str(results), "--cell", "5"])
