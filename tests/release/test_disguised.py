"""Leaks in disguise: other spellings, forms without names, codes, hidden parts of files, drawings and shares."""

import base64
import hashlib
import io
import json
import lzma
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as pq
from safetensors.numpy import save_file
from scipy import ndimage
from tests.release.conftest import PEOPLE

from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.findings import Output

Tables = dict[str, pd.DataFrame]
CELL = 10


@pytest.fixture(scope="module")
def cohort(results: Path) -> Cohort:
    return read_cohort([results], CELL)


def rows(tables: Tables, count: int = 40) -> np.ndarray:
    """(count, 2) LVEDV and LVM of some participants, in another order."""
    return tables["images/phenotypes"][["LVEDV", "LVM"]].sample(count, random_state=2).to_numpy()


def lines(tables: Tables) -> str:
    return "\n".join(f"{one:.4f} {other:.4f}" for one, other in rows(tables))


def column(tables: Tables) -> list[str]:
    return [f"{value:.5g}" for value, _ in rows(tables)]


def ids(tables: Tables) -> list[int]:
    found: list[int] = tables["images/phenotypes"]["eid"].sample(40, random_state=2).tolist()
    return found


def listed(header: str, values: object) -> str:
    return "\n".join([header, *map(str, values)]) + "\n"  # type: ignore[call-overload]


def moved(text: str, to: str) -> str:
    """Digits and points in another script."""
    return text.translate(str.maketrans("0123456789.", to))


WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def spelled(tables: Tables) -> str:
    return "\n".join(
        " ".join("point" if each == "." else WORDS[int(each)] for each in f"{value:.3f}") for value, _ in rows(tables)
    )


def roman(number: int) -> str:
    signs = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
    written = ""
    for value, sign in signs:
        written, number = written + sign * (number // value), number % value
    return written


def whole(tables: Tables, form: Callable[[int], str], factor: int = 100) -> str:
    """Whole multiples of the numbers in another form."""
    return listed("a,b", (",".join(form(round(value * factor)) for value in row) for row in rows(tables)))


def standard(tables: Tables) -> pd.DataFrame:
    """Scores of 40 people in standard deviations of the training split."""
    split, values = tables["cohort/split"], tables["images/phenotypes"].drop(columns="eid")
    train = values[split["split"].eq("train")]
    return ((values.sample(40, random_state=2) - train.mean()) / train.std()).rename(columns=lambda name: name[:1])


def packed(tables: Tables) -> bytes:
    return lzma.compress(lines(tables).encode())


def chunk(data: bytes) -> bytes:
    """A PNG with a chunk that no viewer shows."""
    stream = io.BytesIO()
    Image.new("L", (20, 20)).save(stream, "PNG")
    png, body = stream.getvalue(), b"vtDa" + data
    return png[:33] + struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body)) + png[33:]


def deleted(tables: Tables, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE found (a REAL, b REAL)")
    connection.executemany("INSERT INTO found VALUES (?, ?)", rows(tables).tolist())
    connection.commit()
    connection.execute("DELETE FROM found")
    connection.commit()
    connection.close()


def named_members(tables: Tables, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for one, other in rows(tables):
            archive.writestr(f"heart_{one:.4f}_{other:.4f}.txt", "hello")


def scan() -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(48, 48)), 2)
    return np.clip((smooth - smooth.min()) / np.ptp(smooth) * 255, 0, 255).astype(np.uint8)


def squares() -> str:
    grey = scan()
    return "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill="#{grey[y, x]:02x}{grey[y, x]:02x}{grey[y, x]:02x}"/>'
        for y in range(len(grey))
        for x in range(len(grey))
    )


def scaled(tables: Tables) -> np.ndarray:
    """(40, 2) points in a drawing's pixels."""
    return np.array([50, 400]) + (rows(tables) - 60) * np.array([2.37, -2.11])


def steps(tables: Tables) -> str:
    """A survival curve with a step per participant, at uneven times."""
    times = np.sort(rows(tables)[:, 0])
    return "M0 0" + "".join(f"H{time:.3f}V{place / 40:.4f}" for place, time in enumerate(times, 1))


def drawn(inner: str) -> str:
    return f"<svg>{inner}</svg>"


def dates(tables: Tables, form: str) -> list[str]:
    days = np.random.default_rng(4).choice(3000, 40, replace=False)
    return [f"{pd.Timestamp('2014-05-01') + pd.Timedelta(days=int(day)):{form}}" for day in days]


def histogram(tables: Tables) -> str:
    heights, edges = np.histogram(tables["images/phenotypes"]["LVEDV"], 20)
    return listed(
        "from,density", (f"{edge:.0f},{high / PEOPLE:.5f}" for edge, high in zip(edges, heights, strict=False))
    )


PLANT: dict[str, tuple[str, Callable[[Tables, Path], object]]] = {
    # other spellings
    "fullwidth.txt": ("singled out", lambda t, p: p.write_text(moved(lines(t), "０１２３４５６７８９．"))),
    "arabic.txt": ("singled out", lambda t, p: p.write_text(moved(lines(t), "٠١٢٣٤٥٦٧٨٩٫"))),
    "circled.txt": ("singled out", lambda t, p: p.write_text(moved(lines(t), "⓪①②③④⑤⑥⑦⑧⑨."))),
    "invisible.txt": ("singled out", lambda t, p: p.write_text("\u200b".join(lines(t)))),
    "utf32.txt": ("singled out", lambda t, p: p.write_bytes(lines(t).encode("utf-32"))),
    "utf32_without_mark.txt": ("singled out", lambda t, p: p.write_bytes(lines(t).encode("utf-32-le"))),
    "address.txt": ("singled out", lambda t, p: p.write_text("\n".join(
        "".join(f"%{ord(each):02x}" for each in line) for line in lines(t).splitlines()))),
    "entities.md": ("singled out", lambda t, p: p.write_text("\n".join(
        "".join(f"&#{ord(each)};" for each in line) for line in lines(t).splitlines()))),
    "powers.txt": ("singled out", lambda t, p: p.write_text("\n".join(
        f"{one / 100:.6f}×10² {other / 100:.6f} \\times 10^{{2}}" for one, other in rows(t)))),
    "words.txt": ("singled out", lambda t, p: p.write_text(spelled(t))),
    "roman.csv": ("singled out", lambda t, p: p.write_text(whole(t, roman, 10))),
    "binary.csv": ("singled out", lambda t, p: p.write_text(whole(t, lambda value: f"{value:b}"))),
    "hexadecimal.csv": ("singled out", lambda t, p: p.write_text(whole(t, hex))),
    "touching.txt": ("singled out", lambda t, p: p.write_text("\n".join(
        f"v{one:.4f}w{other:.4f}" for one, other in rows(t)))),
    "two_cells.csv": ("singled out", lambda t, p: p.write_text(listed("a,b", (
        f"{one:.4f}".replace(".", ",") for one, _ in rows(t))))),
    "digits.csv": ("singled out", lambda t, p: p.write_text(listed("a,b,c,d,e,f", (
        ",".join(f"{value * 1000:06.0f}") for value, _ in rows(t))))),
    "tags.html": ("singled out", lambda t, p: p.write_text("<html>" + "".join(
        "<p>" + "".join(f"<b>{each}</b>" for each in line) + "</p>" for line in lines(t).splitlines()))),
    "class.html": ("singled out", lambda t, p: p.write_text("<html>" + "".join(
        f'<i class="v{one:.4f}" id="w{other:.4f}"></i>' for one, other in rows(t)))),
    "by_age.csv": ("small cell", lambda t, p: p.write_text("group,women,men\n40-49,30,25\n50-59,4,33\n60-69,41,28\n")),
    "by_class.csv": ("small cell", lambda t, p: p.write_text("class,women,men\nI,30,25\nII,4,33\nIII,41,28\n")),
    "by_degree.csv": ("small cell", lambda t, p: p.write_text("degree,women,men\nmild,30,25\nsevere,4,33\n")),
    # one column in a text
    "prose.md": ("singled out", lambda t, p: p.write_text(f"The volumes were {', '.join(column(t))} mL.\n")),
    "script.html": ("singled out", lambda t, p: p.write_text(
        f"<html><script>var x=[{','.join(column(t))}];</script></html>")),
    "comments.yaml": ("singled out", lambda t, p: p.write_text(
        "a: 1\n" + "".join(f"# seen {value}\n" for value in column(t)))),
    # in names
    "keys.json": ("singled out", lambda t, p: p.write_text(json.dumps(dict.fromkeys(column(t), "seen")))),
    "parts.json": ("singled out", lambda t, p: p.write_text(json.dumps({key: {"a": "b"} for key in column(t)}))),
    "members.zip": ("singled out", named_members),
    # rows that say nothing of whom they are about
    "scores.csv": ("rows of participants", lambda t, p: standard(t).to_csv(p, index=False, float_format="%.4f")),
    "affine.csv": ("rows of participants", lambda t, p: pd.DataFrame(rows(t) * 1.3717 + 11.9).to_csv(
        p, index=False, header=["a", "b"], float_format="%.4f")),
    "half.npz": ("rows of participants", lambda t, p: np.savez(
        p, a=np.random.default_rng(0).normal(size=(40, 9)).astype(np.float16))),
    "tensor.safetensors": ("rows of participants", lambda t, p: save_file(
        {"memory": np.zeros((PEOPLE, 8), np.float16)}, p)),
    "dates.csv": ("rows of participants", lambda t, p: p.write_text(listed("visit", dates(t, "%Y-%m-%d")))),
    "days.csv": ("rows of participants", lambda t, p: p.write_text(listed("visit", dates(t, "%d.%m.%Y")))),
    "sequence.txt": ("rows of participants", lambda t, p: p.write_text(
        "".join(str(int(each)) for each in t["cohort/labels"]["cad"]))),
    "sexes.csv": ("rows of participants", lambda t, p: p.write_text(
        listed("sex", np.where(t["cohort/fields"]["sex"].eq(1), "male", "female")))),
    "lengths.txt": ("rows of participants", lambda t, p: p.write_text(
        "\n".join("a " * int(value) for value in t["images/phenotypes"]["LVEDV"]))),
    # ids
    "hashes.csv": ("rows of participants", lambda t, p: p.write_text(
        listed("key", (hashlib.md5(f"salt{each}".encode()).hexdigest()[:10] for each in ids(t))))),
    "encoded.csv": ("rows of participants", lambda t, p: p.write_text(
        listed("key", (base64.b64encode(str(each).encode()).decode() for each in ids(t))))),
    "reversed.csv": ("rows of participants", lambda t, p: p.write_text(
        listed("key", (str(each)[::-1] for each in ids(t))))),
    "spaced.txt": ("id", lambda t, p: p.write_text("\n".join(" ".join(str(each)) for each in ids(t)))),
    "dashed.txt": ("id", lambda t, p: p.write_text("\n".join(f"{str(each)[:3]}-{str(each)[3:]}" for each in ids(t)))),
    # hidden parts of files, and encodings
    "chunk.png": ("unreadable", lambda t, p: p.write_bytes(chunk(lines(t).encode()))),
    "deep.png": ("unreadable", lambda t, p: Image.fromarray((rows(t) * 100).astype(np.uint16)).save(p)),
    "library.parquet": ("singled out", lambda t, p: pq.write_table(
        pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": lines(t)}), p)),
    "deleted.sqlite": ("singled out", deleted),
    "latin.bin": ("unreadable", lambda t, p: p.write_bytes((scan() // 2 + 100).astype(np.uint8).tobytes())),
    "base85.txt": ("unreadable", lambda t, p: p.write_text(base64.b85encode(packed(t)).decode())),
    "base32.txt": ("unreadable", lambda t, p: p.write_text(base64.b32encode(packed(t)).decode())),
    "drawing.pdf": ("unreadable", lambda t, p: p.write_bytes(b"%PDF-1.4\n1 0 obj <</Length 9>> endobj\n")),
    # drawings
    "relative.svg": ("rows of participants", lambda t, p: p.write_text(drawn('<path d="m0 0' + "".join(
        f"l{x:.3f} {y:.3f}" for x, y in np.diff(scaled(t), axis=0, prepend=0)) + '"/>'))),
    "along_axes.svg": ("rows of participants", lambda t, p: p.write_text(drawn(f'<path d="{steps(t)}"/>'))),
    "dots.svg": ("rows of participants", lambda t, p: p.write_text(drawn("".join(
        f'<path d="M{x:.2f} {y:.2f}h2v2h-2z"/>' for x, y in scaled(t))))),
    "few_dots.svg": ("rows of participants", lambda t, p: p.write_text(drawn("".join(
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2"/>' for x, y in scaled(t)[:20])))),
    "corners.svg": ("rows of participants", lambda t, p: p.write_text(drawn('<path d="M0 0' + "".join(
        f"H{x:.3f}V{y:.3f}" for x, y in scaled(t)) + '"/>'))),
    "styles.svg": ("rows of participants", lambda t, p: p.write_text(drawn("".join(
        f'<text style="transform: translate({x:.2f}px, {y:.2f}px)">o</text>' for x, y in scaled(t))))),
    "squares.svg": ("pixels", lambda t, p: p.write_text(drawn(squares()))),
    # small groups
    "percent.md": ("small cell", lambda t, p: p.write_text("Of 20 women, 15 % had an infarct.\n")),
    "percent_of.md": ("small cell", lambda t, p: p.write_text("An infarct had 15 % of 20 women.\n")),
    "percent.csv": ("small cell", lambda t, p: p.write_text("group,n,diabetes\nwomen,20,15 %\nmen,24,25 %\n")),
    "density.csv": ("small cell", lambda t, p: p.write_text(histogram(t))),
    "centres.csv": ("small cell", lambda t, p: p.write_text("centre,ill,well\na,12,40\nb,3,51\nc,14,62\n")),
    "leaves.txt": ("small cell", lambda t, p: p.write_text("tree\nleaf_count=120 3 40\n")),
    "risk.csv": ("differencing", lambda t, p: p.write_text("years,at risk\n0,150\n1,148\n2,120\n")),
    "nested.csv": ("differencing", lambda t, p: p.write_text(
        "group,n,mean\nwomen,700,140.1\nwomen under 80,697,139.8\n")),
}  # fmt: skip


def kinds(outputs: list[Output]) -> set[str]:
    return {finding.kind for output in outputs for finding in output.findings}


@pytest.mark.parametrize("name", PLANT)
def test_a_disguised_leak_is_refused(name: str, tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    kind, plant = PLANT[name]
    plant(tables, tmp_path / name)
    assert kind in kinds(check(tmp_path, cohort, CELL, cohort.ids))


def test_names_of_files_single_people_out(tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    for one, other in rows(tables):
        (tmp_path / f"heart_{one:.4f}_{other:.4f}.txt").write_text("hello")
    assert "singled out" in kinds(check(tmp_path, cohort, CELL, cohort.ids))


def test_a_file_for_each_participant_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    for number in range(PEOPLE):
        (tmp_path / f"{number}.txt").write_text("hello")
    assert "rows of participants" in kinds(check(tmp_path, cohort, CELL, cohort.ids))


PASS: dict[str, str] = {
    "losses.csv": listed("epoch,loss", (f"{epoch},{0.9**epoch + 0.137:.5f}" for epoch in range(60))),
    "short.csv": listed("model,epoch,loss", (
        f"model,{epoch},{0.7**epoch * (1.1 + place / 37):.5f}" for place in range(9) for epoch in (1, 2, 3))),
    "errors.csv": listed("target,error", (
        f"{one}{two},{0.013 * (place + 7) ** 1.3:.5f}" for place, (one, two) in enumerate(
            (one, two) for one in ("left ", "right ", "both ") for two in "abcdefghijkl"))),
    "people.csv": listed("from,mean,n", (
        f"{place / 7:.3f},{(place + 3) ** 1.5:.3f},{40 + place}" for place in range(40))),
    "ticks.svg": drawn('<path d="M' + " L".join(f"{4 * x} {100 * 0.93**x:.3f}" for x in range(60)) + '"/>'),
    "contour.svg": drawn('<path d="M' + " L".join(
        f"{60 * np.cos(angle):.3f} {40 * np.sin(angle):.3f}" for angle in np.linspace(0, 2 * np.pi, 90)) + 'Z"/>'),
    "link.md": "See https://example.org/a-page/with-a-long-name/that-goes-on-and-on/until-it-ends/2024/part-3.\n",
    "spoken.md": "Two or three of the four views were taken in one of two ways.\n",
    "percent.md": "Of 200 people, 45 % were women.\n",
    "commits.txt": "commit 4e1793c0ffee00112233445566778899aabbccdd\n",
}  # fmt: skip


@pytest.mark.parametrize("name", PASS)
def test_what_only_looks_like_it_passes(name: str, cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PASS[name])
    found = [finding for output in check(tmp_path, cohort, CELL, cohort.ids) for finding in output.findings]
    assert not found
