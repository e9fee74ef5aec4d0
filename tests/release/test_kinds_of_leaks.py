"""Leaks of kinds rather than of spellings: runs in any language, curves, hidden parts of files, what stands beside."""

import gzip
import io
import json
import os
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin
from safetensors.numpy import save
from tests.release.conftest import PEOPLE

from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort

ROWS, UNREADABLE, SMALL, APART = "rows of participants", "unreadable", "small cell", "differencing"


@pytest.fixture(scope="module")
def cohort(results: Path) -> Cohort:
    return read_cohort([results], 10)


def scores(count: int = 40) -> np.ndarray:
    """(count, 2) numbers of people that no table holds."""
    return np.random.default_rng(8).normal(size=(count, 2))


CIRCLE = '<circle cx="{x:.2f}" cy="{y:.2f}" r="2"/>'


def each(form: str, count: int = 40) -> str:
    """A line for each person."""
    numbered = enumerate(scores(count))
    return "\n".join(form.format(a=a, b=b, x=200 + 50 * a, y=200 + 50 * b, i=i) for i, (a, b) in numbered)


def drawn(inner: str) -> str:
    return f"<svg>{inner}</svg>"


def saved(save_to: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save_to(stream)
    return stream.getvalue()


def picture(**about: object) -> bytes:
    return saved(lambda stream: Image.new("L", (40, 40)).save(stream, "PNG", **about))  # type: ignore[arg-type]


def scatter() -> bytes:
    figure, axes = plt.subplots()
    axes.scatter(*scores(60).T)
    data = saved(lambda stream: figure.savefig(stream, format="png"))
    plt.close(figure)
    return data


def member(**about: object) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        for key, value in about.items():
            setattr(info, key, value)
        archive.writestr(info, "hello")
    return stream.getvalue()


def schema(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE a (x /* {each('{a:.4f}')} */)")
    connection.close()
    return path.read_bytes()


def roc() -> list[tuple[float, float]]:
    ill = np.random.default_rng(3).random(16) < 0.5
    return list(zip(np.cumsum(~ill) / (~ill).sum(), np.cumsum(ill) / ill.sum(), strict=True))


LEAKS: dict[str, tuple[str, Callable[[], str | bytes]]] = {
    # the same words again and again, whatever the language
    "run.log": (ROWS, lambda: each("2026-11-29 12:00:03 INFO loss of this scan {a:.5f}")),
    "layout.dot": (ROWS, lambda: each('n{i} [pos="{a:.4f},{b:.4f}!"];')),
    "nested.yaml": (ROWS, lambda: each("- name: scan\n  score: {a:.4f}")),
    "figure.eps": (ROWS, lambda: "%!PS\n" + each("{x:.2f} {y:.2f} 2 0 360 arc fill")),
    "rules.css": (ROWS, lambda: each(".p{i}{{left:{x:.3f}px;top:{y:.3f}px}}")),
    "anchors.html": (ROWS, lambda: "<html>" + each('<a href="#{a:.4f}/{b:.4f}">x</a>')),
    "prose.md": (ROWS, lambda: f"The scores were {', '.join(each('{a:.4f}').splitlines())}.\n"),
    "strings.json": (ROWS, lambda: json.dumps({"z": each("{a:.4f} SD").splitlines()})),
    "nulls.json": (ROWS, lambda: json.dumps({"z": [value for a, _ in scores() for value in (round(a, 4), None)]})),
    "crate.json": (ROWS, lambda: json.dumps([
        {"@id": f"#item-{i}", "v": round(a, 4)} for i, (a, _) in enumerate(scores())])),
    "answers.json": (ROWS, lambda: json.dumps({"ill": [bool(a > 0) for a, _ in scores(150)]})),
    # drawings
    "defined.svg": (ROWS, lambda: drawn("<defs>" + each(CIRCLE) + "</defs>")),
    "matrix.svg": (ROWS, lambda: drawn(each('<circle r="2" transform="matrix(1 0 0 1 {x:.2f} {y:.2f})"/>'))),
    "one_path.svg": (ROWS, lambda: drawn('<path d="' + each("M{x:.2f} {y:.2f}h2v2h-2z") + '"/>')),
    "nine.svg": (ROWS, lambda: drawn(each(CIRCLE, 9))),
    "opacity.svg": (ROWS, lambda: drawn(each('<path opacity="{a:.4f}"/>'))),
    "roc.svg": (ROWS, lambda: drawn(
        '<path d="M0 100' + "".join(f"L{99 * x:.2f} {99 - 99 * y:.2f}" for x, y in roc()) + '"/>')),
    "scatter.png": (UNREADABLE, scatter),
    # curves
    "roc.csv": (ROWS, lambda: "fpr,tpr\n" + "".join(f"{x:.4f},{y:.4f}\n" for x, y in roc())),
    "running.csv": (APART, lambda: "n,mean\n" + "".join(f"{n},{140 + 9 / n:.4f}\n" for n in range(10, 60))),
    "epochs.csv": (ROWS, lambda: "epoch,loss\n" + "".join(f"{i},{a:.5f}\n" for i, (a, _) in enumerate(scores(130)))),
    "same_n.csv": (ROWS, lambda: "score,n\n" + "".join(f"{a:.4f},50\n" for a, _ in scores(PEOPLE))),
    # parts of files that are not content
    "profile.png": (UNREADABLE, lambda: picture(icc_profile=each("{a:.4f}").encode())),
    "palette.png": (UNREADABLE, lambda: saved(lambda s: Image.new("P", (9, 9)).save(s, "PNG"))),
    "picture.jpg": (UNREADABLE, lambda: saved(lambda s: Image.new("L", (9, 9)).save(s, "JPEG"))),
    "software.png": (ROWS, lambda: picture(pnginfo=software())),
    "comment.zip": (ROWS, lambda: member(comment=each("{a:.4f}").encode())),
    "extra.zip": (UNREADABLE, lambda: member(extra=struct.pack("<HH", 0x7777, 4) + b"1234")),
    "name.gz": (ROWS, lambda: named_gzip(each("{a:.4f}").replace("\n", ";"))),
    "complex.npy": (ROWS, lambda: saved(lambda s: np.save(s, scores()[:, 0] + 1j * scores()[:, 1]))),
    "planes.npy": (ROWS, lambda: saved(lambda s: np.save(s, np.random.default_rng(0).normal(size=(30, 16, 16))))),
    "raw.npy": (UNREADABLE, lambda: saved(lambda s: np.save(s, np.ascontiguousarray(scores()).view("V16")))),
    "memory.safetensors": (ROWS, lambda: save({"memory": scores(90).astype(np.float32)})),
    # encodings
    "quoted.txt": (UNREADABLE, lambda: "\n".join(
        "".join(f"={ord(c):02X}" for c in line) for line in each("{a:.4f}").split())),
    "letters.txt": (UNREADABLE, lambda: each("{a:.4f} {b:.4f}").translate(
        str.maketrans("0123456789.-", "abcdefghijkl"))),
    "chinese.txt": ("", lambda: each("{a:.4f}").translate(str.maketrans("0123456789.", "〇一二三四五六七八九点"))),
    # few people
    "all_but.md": (SMALL, lambda: "All but four participants had a normal ejection fraction.\n"),
    "single.md": (SMALL, lambda: "A single woman had both.\n"),
    "of_all.md": (SMALL, lambda: "Of the 193 people of the test split, 190 had no stroke.\n"),
    "sizes.csv": (SMALL, lambda: "set,size\nCAD only,40\nCAD & stroke,3\nCAD & infarct,22\n"),
    "margin.csv": (APART, lambda: "sex,stroke,none,all\nwomen,12,88,101\nmen,20,69,89\n"),
}  # fmt: skip


def software() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", each("{a:.4f}"))
    return info


def named_gzip(name: str) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=stream) as file:
        file.write(b"hello")
    return stream.getvalue()


@pytest.mark.parametrize("name", LEAKS)
def test_a_kind_of_leak_is_refused(name: str, cohort: Cohort, tmp_path: Path) -> None:
    kind, content = LEAKS[name]
    data = content()
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    found = {finding.kind for output in check(tmp_path, cohort, 10, cohort.ids) for finding in output.findings}
    assert (kind in found) if kind else found


def test_a_schema_and_bytes_beside_members_are_read(cohort: Cohort, tmp_path: Path) -> None:
    schema(tmp_path / "a.sqlite")
    (tmp_path / "b.zip").write_bytes(member()[:31] + each("{a:.4f}").encode() + member())
    refused = {output.path.name for output in check(tmp_path, cohort, 10, cohort.ids) if output.findings}
    assert refused == {"a.sqlite", "b.zip"}


def test_places_that_are_no_files_are_searched(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "heart_145.2313").mkdir()
    (tmp_path / "tables").mkdir()
    (tmp_path / "a.txt").write_text("hello")
    os.setxattr(tmp_path / "a.txt", "user.note", b"145.2313")
    found = {str(output.path) for output in check(tmp_path, cohort, 10, cohort.ids) if output.findings}
    assert found == {"heart_145.2313", "a.txt"}


def test_halves_and_their_total_in_three_tables(cohort: Cohort, tmp_path: Path) -> None:
    for name, count in (("everybody", 193), ("women", 101), ("men", 88)):
        (tmp_path / f"{name}.csv").write_text(f"group,n\n{name},{count}\n")
    assert any(output.findings for output in check(tmp_path, cohort, 10, cohort.ids))


def test_a_drawing_with_its_table_and_a_picture_with_its_drawing_pass(cohort: Cohort, tmp_path: Path) -> None:
    points = scores(9)
    circles = "".join(f'<circle cx="{200 + 50 * a:.1f}" cy="{200 + 50 * b:.1f}" r="2"/>' for a, b in points)
    (tmp_path / "bands.svg").write_text(f"<svg>{circles}</svg>")
    (tmp_path / "bands.png").write_bytes(picture())
    table = pd.DataFrame(points.round(2), columns=["mean", "difference"]).assign(n=30)
    table.to_csv(tmp_path / "bands.csv", index=False)
    assert not any(output.findings for output in check(tmp_path, cohort, 10, cohort.ids))


def test_tensors_are_those_that_the_configuration_accounts_for(cohort: Cohort, tmp_path: Path) -> None:
    weights = {"a": np.random.default_rng(1).normal(size=(12, 12)).astype(np.float32)}
    (tmp_path / "config.json").write_text(json.dumps({"parameters": 144}))
    (tmp_path / "model.safetensors").write_bytes(save(weights))
    assert not any(output.findings for output in check(tmp_path, cohort, 10, cohort.ids))
    (tmp_path / "model.safetensors").write_bytes(save({**weights, "memory": scores(30).astype(np.float32)}))
    assert any(output.findings for output in check(tmp_path, cohort, 10, cohort.ids))
