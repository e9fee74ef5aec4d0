import importlib
import itertools
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

import filled
from evaluation import synthetic
from vita.evaluation import segmentation
from vita.evaluation.predictions import Pairs
from vita.mask_classes import NOT_ANNOTATED
from vita.report.figures import (
    calibration,
    embedding_map,
    fig4_phenotype_tsne,
    fig8_segmentation_examples,
    figB9_reconstructions,
    learning_curves,
    mosaic,
    style,
    target_scatter,
)
from vita.runtime.errors import UserError


def _targets(folder):
    return synthetic.targets(folder / "targets.tsv")


def _scatter(folder, *tasks_and_names):
    paths = []
    for task, names in tasks_and_names:
        paths.append(folder / task / "vita.parquet")
        synthetic.regression(paths[-1], names, 0.4, n=40)
    return ["--predictions", *map(str, paths), "--targets", str(_targets(folder))]


def _fig5(folder):
    inputs = _scatter(folder, ("sa_phenotypes", ["LVEDV", "LVM"]), ("la_phenotypes", ["LAV max"]))
    return [*inputs, "--tasks", "sa_phenotypes", "la_phenotypes"]


def _fig6(folder):
    return [*_scatter(folder, ("physiological", ["age", "bmi"])), "--tasks", "physiological", "--columns", "4"]


def _fig4(folder, n=60, sections=2):
    draw = np.random.default_rng(0)
    latent = draw.normal(size=(n, 3))
    vectors = (latent @ draw.normal(size=(3, 12))).astype(np.float32)
    eid = np.arange(n) + 1000000
    rows = [
        {"eid": int(e), "split": "test", "section": s, "vector": v + 0.01 * s}
        for e, v in zip(eid, vectors, strict=True)
        for s in range(sections)
    ]
    pd.DataFrame(rows).to_parquet(folder / "embeddings.parquet")
    phenotypes = pd.DataFrame(latent, columns=["LVEDV", "LVESV", "LVM"]).assign(eid=eid)
    phenotypes["LAV max"] = np.nan
    phenotypes.loc[:3, "LVEDV"] = np.nan
    phenotypes.to_parquet(folder / "phenotypes.parquet")
    arguments = ["--embeddings", str(folder / "embeddings.parquet"), "--targets", str(_targets(folder))]
    return [
        *arguments,
        "--phenotypes",
        str(folder / "phenotypes.parquet"),
        "--settings",
        filled.argument(seed=1, evaluation={}),
    ]


def _sections(folder, people=20, sections=6):
    draw = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(sections) / sections
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ draw.normal(size=(2, 12))
    rows = [
        {"eid": 1000000 + person, "split": "test" if person else "train", "section": place}
        | {"vector": (own + circle[place]).astype(np.float32)}
        for person, own in enumerate(draw.normal(size=(people, 12)))
        for place in range(sections)
    ]
    pd.DataFrame(rows).to_parquet(folder / "embeddings.parquet")
    return ["--embeddings", str(folder / "embeddings.parquet")]


def _fig7(folder):
    paths = []
    for model, shift in {"vit": 2.0, "vita": 0.5}.items():
        synthetic.masks(folder / f"{model}.npz", shift=shift, n=10, frames=2)
        paths.append(str(folder / f"{model}_participants.parquet"))
        arguments = ["--model", model, "--masks", str(folder / f"{model}.npz"), "--output", str(folder / "m.csv")]
        segmentation.main([*arguments, "--per-participant", paths[-1], *filled.EVALUATION])
    return ["--participants", *paths]


def _fig8(folder):
    for model, shift in {"vit": 2.0, "vita": 0.5}.items():
        synthetic.masks(folder / f"{model}.npz", shift=shift, n=3, frames=2)
    return ["--masks", str(folder / "vit.npz"), str(folder / "vita.npz")]


def _fig_b9(folder):
    draw = np.random.default_rng(0)
    image = draw.random((2, 9, 2, 32, 32)).astype(np.float32)
    hidden = draw.random(image.shape) < 0.7
    for name in ("vita", "ratio_90"):
        np.savez(folder / f"{name}.npz", input=image, masked=hidden, reconstruction=image * 0.9)
    psnr = pd.DataFrame({"eid": [1, 2], "split": "test", "target": "psnr_masked"})
    psnr.assign(prediction=[20.0, 30.0]).to_parquet(folder / "vita.parquet")
    examples = ["--examples", str(folder / "vita.npz"), str(folder / "ratio_90.npz")]
    return [*examples, "--predictions", str(folder / "vita.parquet"), "--titles", "vita=Both views, 70 %"]


def _bland_altman(folder):
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"eid": np.arange(30) + 1000000, "target": "LVEDV", "reference": draw.normal(150, 30, 30)})
    rows = rows.assign(predicted=rows["reference"] + draw.normal(2, 5, 30), model="vita")
    rows.to_parquet(folder / "p.parquet")
    return ["--participants", str(folder / "p.parquet"), "--targets", str(_targets(folder))]


def _calibration(folder):
    for target, strength in {"cad": 1.5, "stroke": 0.5}.items():
        synthetic.disease(folder / f"disease_{target}" / "vita.parquet", target, strength)
    paths = [str(folder / f"disease_{target}" / "vita.parquet") for target in ("cad", "stroke")]
    return ["--predictions", *paths, "--targets", str(_targets(folder))]


def _learning_curves(folder):
    paths = []
    for task, model in [("stage1", "vita"), ("sa_phenotypes", "vit"), ("sa_phenotypes", "vita")]:
        paths.append(folder / task / model / "history.csv")
        paths[-1].parent.mkdir(parents=True)
        epochs = np.arange(1, 6)
        history = pd.DataFrame({"epoch": epochs, "train_loss": 1 / epochs, "val_loss": 1.2 / epochs})
        history.assign(step=epochs * 10).to_csv(paths[-1], index=False)
    return ["--histories", *map(str, paths)]


def test_learning_curves_have_names_and_colours_that_differ(tmp_path):
    inputs = _learning_curves(tmp_path)
    for name in ("view_la", "mask_50", "positions_4d"):
        path = tmp_path / "stage1" / name / "history.csv"
        path.parent.mkdir()
        path.write_bytes((tmp_path / "stage1" / "vita" / "history.csv").read_bytes())
        inputs.append(str(path))
    svg = _make("learning_curves", inputs, tmp_path / "out")["svg"].read_text(encoding="utf-8")
    for words in ("ViTa (LA)", "ViTa, 50 % hidden", "ViTa, 4D positions"):
        assert f">{words}</text>" in svg
    assert "view_la" not in svg
    assert len(set(style.colours(["vita", "vita_la", "mask_50", "positions_4d"]).values())) == 4


@pytest.mark.parametrize(("first", "cut"), [(9.0, True), (0.9, False), (0.1, False)])
def test_a_first_epoch_that_would_flatten_the_others_is_cut_off(first, cut):
    later = [0.8, 0.7, 0.65, 0.6]
    history = pd.DataFrame({"task": "stage1", "model": "vita", "epoch": range(1, 6), "train_loss": [first, *later]})
    figure = learning_curves.draw(history.assign(val_loss=history["train_loss"]))
    low, high = figure.axes[0].get_ylim()
    assert (high < first) == cut
    assert low < min(first, *later)
    assert any("epoch 1 lies above" in text.get_text() for text in figure.axes[0].texts) == cut


FIGURES = {
    "fig2_temporal_sections": _sections,
    "fig3_subject_trajectories": _sections,
    "fig4_phenotype_tsne": _fig4,
    "fig5_phenotype_scatter": _fig5,
    "fig6_physiological_scatter": _fig6,
    "fig7_segmentation": _fig7,
    "fig8_segmentation_examples": _fig8,
    "figB9_reconstructions": _fig_b9,
    "bland_altman": _bland_altman,
    "calibration": _calibration,
    "learning_curves": _learning_curves,
}


MODULES = {"fig5_phenotype_scatter": "target_scatter", "fig6_physiological_scatter": "target_scatter"}


def _make(name, inputs, folder):
    folder.mkdir()
    paths = {kind: folder / f"{name}.{kind}" for kind in ("svg", "png", "csv")}
    outputs = [text for kind, path in paths.items() for text in (f"--{kind}", str(path))]
    if "--settings" not in inputs:
        outputs += ["--settings", filled.argument(seed=1, evaluation={})]
    importlib.import_module(f"vita.report.figures.{MODULES.get(name, name)}").main(inputs + outputs)
    return paths


@pytest.mark.parametrize("name", list(FIGURES))
def test_figure_is_made_the_same_twice_without_ids(name, tmp_path):
    inputs = FIGURES[name](tmp_path)
    first, second = (_make(name, inputs, tmp_path / folder) for folder in ("first", "second"))
    for kind in first:
        assert first[kind].read_bytes() == second[kind].read_bytes()
    assert ElementTree.parse(first["svg"]).getroot().tag.endswith("svg")
    assert first["png"].read_bytes().startswith(b"\x89PNG")
    drawn = pd.read_csv(first["csv"])
    assert len(drawn) > 0
    assert "eid" not in drawn.columns
    for kind in ("svg", "csv"):
        assert "100000" not in first[kind].read_text(encoding="utf-8")  # where the made-up ids start


def test_tsne_keeps_neighbours_and_draws_every_participant_once(tmp_path):
    paths = _make("fig4_phenotype_tsne", _fig4(tmp_path), tmp_path / "out")
    drawn = pd.read_csv(paths["csv"])
    assert len(drawn) == 60
    assert drawn["LVEDV"].isna().sum() == 4
    position = drawn[["x", "y"]].to_numpy()
    distance = np.linalg.norm(position[:, None] - position, axis=-1) + np.diag(np.full(60, np.inf))
    near = np.argsort(distance, axis=1)[:, :3]
    spread = np.abs(drawn["LVM"].to_numpy()[near] - drawn["LVM"].to_numpy()[:, None]).mean()
    apart = np.abs(drawn["LVM"].to_numpy()[:, None] - drawn["LVM"].to_numpy()).mean()
    assert spread < 0.7 * apart


def test_variance_that_neighbours_explain_by_hand():
    """Two far groups of twelve: of values that are the group's, all; of 0 and 1 by turns, less than none."""
    position = np.array([[group * 1000.0, place**2.1] for group in range(2) for place in range(12)])
    group, mixed = np.repeat([0.0, 1.0], 12), np.tile([0.0, 1.0], 12)
    assert fig4_phenotype_tsne.neighbour_r2(position, group) == 1
    near = [np.argsort(np.linalg.norm(position - place, axis=1))[1:11] for place in position]
    errors = [value - mixed[places].mean() for value, places in zip(mixed, near, strict=True)]
    explained = 1 - np.mean(np.square(errors)) / 0.25
    assert fig4_phenotype_tsne.neighbour_r2(position, mixed) == pytest.approx(explained)
    assert fig4_phenotype_tsne.neighbour_r2(position, mixed) < 0
    assert np.isnan(fig4_phenotype_tsne.neighbour_r2(position[:10], group[:10]))
    assert np.isnan(fig4_phenotype_tsne.neighbour_r2(position, np.ones(24)))


def test_tsne_shows_at_most_so_many(tmp_path):
    inputs = _fig4(tmp_path)
    inputs[-1] = '{"seed": 1, "evaluation": {"tsne_participants": 20}}'
    assert len(pd.read_csv(_make("fig4_phenotype_tsne", inputs, tmp_path / "out")["csv"])) == 20


def test_sections_lie_on_a_circle_once_the_participant_is_taken_away(tmp_path):
    paths = _make("fig2_temporal_sections", _sections(tmp_path), tmp_path / "out")
    drawn = pd.read_csv(paths["csv"])
    assert (drawn.groupby(["panel", "section"]).size() == 19).all()  # the test split only
    motion = drawn[drawn["panel"] == "motion"]
    centres = motion.groupby("section")[["x", "y"]].mean()
    within = (motion[["x", "y"]].to_numpy() - centres.loc[motion["section"]].to_numpy()).std()
    assert within < 0.5 * centres.to_numpy().std()
    assert motion["alike"].mean() == 1


def test_numbers_of_paths_by_hand():
    """A square's last section is a step from its first; a line there, with its order shuffled or not, is no ring."""
    square = np.array([[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 1, 5]], float)
    assert embedding_map.closing(square) == pytest.approx(1)
    assert embedding_map.closing(square[[0, 1, 2, 2]] * [1, 3, 1]) == pytest.approx(np.sqrt(10) / 1)
    assert embedding_map.winds_once(square) == 1
    assert embedding_map.winds_once(square[::-1]) == 1
    assert embedding_map.winds_once(np.concatenate([square, square])) == 0  # twice
    assert embedding_map.winds_once(np.array([[3.0, 0.2], [2, 0.1], [-1, 0.1], [2, 0.2], [5, 0]]) * [1, 1e-3]) == 0
    assert np.isnan([embedding_map.closing(square[:2]), embedding_map.winds_once(square[:2])]).all()


def test_chance_of_winding_is_that_of_all_orders():
    """Of a pentagon's corners, with all 120 orders counted; its star goes around twice."""
    angle = 2 * np.pi * np.arange(5) / 5
    pentagon = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    every = [embedding_map.winds_once(pentagon[list(order)]) for order in itertools.permutations(range(5))]
    chance, p = embedding_map.winds_by_chance([pentagon] * 20, 1)
    assert chance.mean() == pytest.approx(np.mean(every), abs=0.02)
    assert p < 0.01
    star = pentagon[[0, 2, 4, 1, 3]]
    assert embedding_map.winds_once(star) == 0
    assert embedding_map.winds_by_chance([star] * 20, 1)[1] == 1
    # sections in any order are no better than chance
    random = np.random.default_rng(4)
    values = [embedding_map.winds_by_chance(list(random.normal(size=(30, 10, 6))), seed)[1] for seed in range(20)]
    assert 0.2 < np.mean(values) < 0.8
    assert np.isnan(embedding_map.winds_by_chance([star[:2]], 1)[1])


def test_shares_of_variance_by_hand():
    """Vectors of two columns that are phenotypes and one that is noise: two thirds are explained, all noise not."""
    random = np.random.default_rng(2)
    values, noise = random.normal(size=(400, 2)), random.normal(size=(400, 1))
    vectors = np.concatenate([values @ [[1, 0.5], [0, 1]], noise], axis=1)
    assert embedding_map.explained_by(vectors, values, 1) == pytest.approx(2 / 3, abs=0.01)
    assert embedding_map.explained_by(np.repeat(noise, 3, axis=1), values, 1) < 0.01
    assert np.isnan(embedding_map.explained_by(vectors[:9], values[:9], 1))
    unknown = np.where(np.arange(400)[:, None] < 395, np.nan, values)
    assert np.isnan(embedding_map.explained_by(vectors, unknown, 1))
    assert embedding_map.first_two_components(np.repeat(noise, 3, axis=1)) == pytest.approx(1)
    assert embedding_map.first_two_components(random.normal(size=(4000, 8))) == pytest.approx(2 / 8, abs=0.02)


def test_whether_the_nearest_is_alike_by_hand():
    """On a line: a at 0, a at 1, b at 2.2, a at 5; the nearest of other people skips the own neighbour."""
    vectors = np.array([[0.0], [1.0], [2.2], [5.0]], np.float32)
    labels = np.array(["a", "a", "b", "a"])
    assert embedding_map.same_as_nearest(vectors, labels).tolist() == [True, True, False, False]
    people = np.array([1, 1, 2, 3])
    assert embedding_map.same_as_nearest(vectors, labels, people).tolist() == [False, False, False, False]


def test_trajectories_show_whole_cycles_of_so_many(tmp_path):
    inputs = [*_sections(tmp_path), "--people", "3"]
    drawn = pd.read_csv(_make("fig3_subject_trajectories", inputs, tmp_path / "out")["csv"])
    assert drawn["person"].value_counts().drop(0).to_dict() == {1: 6, 2: 6, 3: 6}
    assert len(drawn) == 19 * 6
    assert (drawn["winds_once"] == 1).all()  # the sections of everybody lie on a circle
    assert drawn["closing"].to_numpy() == pytest.approx(1, abs=0.2)
    assert 0 < drawn["winds_by_chance"].mean() < 1
    assert drawn["winds_p"].unique().tolist() == [0.001]  # 19 rings, and none of 999 sets of random orders is as good


def test_scatter_draws_the_test_split_of_printed_targets(tmp_path):
    paths = _make("fig5_phenotype_scatter", _fig5(tmp_path), tmp_path / "out")
    assert pd.read_csv(paths["csv"])["target"].value_counts().to_dict() == {"LVEDV": 40, "LVM": 40, "LAV max": 40}


def test_examples_csv_agrees_with_the_masks(tmp_path):
    paths = _make("fig8_segmentation_examples", _fig8(tmp_path), tmp_path / "out")
    drawn = pd.read_csv(paths["csv"]).set_index(["plane", "system", "structure"])
    assert drawn.loc[("4-chamber", "Reference", "RABP"), "dice"] == 1
    assert 0 < drawn.loc[("4-chamber", "ViT", "RABP"), "dice"] <= 1
    assert drawn.loc[("2-chamber", "Reference", "LVBP"), "area_mm2"] == 0
    assert np.isnan(drawn.loc[("2-chamber", "Reference", "LVBP"), "dice"])
    areas = drawn.loc[("Mid", "Reference", "LVBP"), "area_mm2"] / 3.6**2
    assert areas == pytest.approx(round(areas))


def test_examples_show_slices_with_a_ring_and_nothing_of_planes_that_a_system_does_not_see(tmp_path):
    """Slices 2 to 5 of six have 20, 50, 50 and 30 pixels of myocardium, of which 20 are as many as 40 % of 50."""
    reference = np.zeros((9, 20, 20), np.uint8)
    for plane, pixels in {3: 19, 4: 20, 5: 50, 6: 50, 7: 30}.items():
        reference[plane].flat[100 : 100 + pixels] = 2
    assert fig8_segmentation_examples.shown_planes(reference) == {
        0: "2-chamber", 2: "4-chamber", 4: "Base", 6: "Mid", 7: "Apex"
    }  # fmt: skip
    half = reference.copy()
    half[5].flat[100:110] = 0  # plane 5 is not shown
    half[6].flat[100:125] = 0  # Dice 2 x 25 / (25 + 50)
    blind = np.full_like(reference, NOT_ANNOTATED)
    masks = {"Reference": reference, "Half": half, "Blind": blind}
    described = fig8_segmentation_examples.describe(masks, np.ones((9, 2)))
    assert "Blind" not in set(described["system"])
    figure = fig8_segmentation_examples.draw(masks, None, described)
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts[5:10] == [[], [], ["1.00"], ["0.67"], ["1.00"]]
    assert texts[10:] == [["not seen"]] * 5
    assert figure.axes[3].get_ylim() == (20 * 0.5 + 9.5, -0.5)  # the extent of two rows of 20 pixels is the whole image


def test_masks_of_reconstructions_must_be_boolean(tmp_path):
    inputs = _fig_b9(tmp_path)
    with np.load(tmp_path / "vita.npz") as stored:
        np.savez(tmp_path / "vita.npz", **{name: stored[name].astype(np.float32) for name in stored})
    with pytest.raises(UserError, match="true where a voxel was hidden"):
        _make("figB9_reconstructions", inputs, tmp_path / "out")


def test_reconstruction_csv_holds_psnr(tmp_path):
    paths = _make("figB9_reconstructions", _fig_b9(tmp_path), tmp_path / "out")
    drawn = pd.read_csv(paths["csv"]).set_index(["variant", "plane", "quantity"])["value"]
    with np.load(tmp_path / "vita.npz") as stored:
        error = np.mean((0.1 * stored["input"][0, 0, 0]) ** 2)
    assert drawn[("vita", "2-chamber", "psnr_panel_db")] == pytest.approx(-10 * np.log10(error), rel=1e-4)
    assert drawn[("vita", "all", "psnr_masked_mean_db")] == 25


def test_calibration_tells_of_no_few(tmp_path):
    inputs = _calibration(tmp_path)
    drawn = pd.read_csv(_make("calibration", inputs, tmp_path / "out")["csv"])
    positives = (drawn["n"] * drawn["observed"]).round()
    for counts in (positives, drawn["n"] - positives):
        assert not counts.between(1, 9).any()
    assert (drawn["target"] == "stroke").sum() > 1


def test_calibration_bins_hold_everybody_once(tmp_path):
    drawn = pd.read_csv(_make("calibration", _calibration(tmp_path), tmp_path / "out")["csv"])
    table = pd.read_parquet(tmp_path / "disease_cad" / "vita.parquet")
    cad = drawn[drawn["target"] == "cad"]
    assert cad["n"].sum() == len(table)
    assert (cad["n"] * cad["observed"]).sum() == pytest.approx(table["truth"].sum(), rel=1e-4)
    assert (cad["n"] * cad["predicted"]).sum() == pytest.approx(table["prediction"].sum(), rel=1e-4)
    assert ((cad["low"] <= cad["observed"]) & (cad["observed"] <= cad["high"])).all()


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("fig4_phenotype_tsne", "--embeddings"),
        ("fig5_phenotype_scatter", "--predictions"),
        ("fig7_segmentation", "--participants"),
        ("fig8_segmentation_examples", "--masks"),
        ("figB9_reconstructions", "--examples"),
        ("learning_curves", "--histories"),
    ],
)
def test_a_missing_file_is_named(name, argument, tmp_path):
    inputs = FIGURES[name](tmp_path)
    inputs[inputs.index(argument) + 1] = str(tmp_path / "missing.file")
    with pytest.raises(UserError, match=r"missing\.file"):
        _make(name, inputs, tmp_path / "out")


def _example(hidden, seen=range(9)):
    """Arrays of one variant as the figure holds them: the input is 1 in the planes that it sees."""
    image = np.zeros((9, 4, 4))
    image[list(seen)] = 1.0
    return {"input": image, "masked": np.where(hidden, np.nan, image), "reconstruction": image}


def test_reconstructions_go_from_few_to_many_hidden_and_show_what_is_hidden_once():
    draw = np.random.default_rng(3).random((9, 4, 4))
    examples = {
        "vita": _example(draw < 0.7),
        "mask_90": _example(draw < 0.9),
        "mask_50": _example(draw < 0.5),
        "positions_4d": _example(draw < 0.7),
        "view_la": _example(draw < 0.7, seen=range(3)),
    }
    groups = figB9_reconstructions.masked_alike(examples)
    assert groups == [["mask_50"], ["vita", "positions_4d", "view_la"], ["mask_90"]]
    figure = figB9_reconstructions.draw(examples, {}, figB9_reconstructions.split_psnr([]))
    assert sum(bool(re.fullmatch(r"\d+ % hidden", axes.get_ylabel())) for axes in figure.axes) == 3
    assert len(figure.axes) == (1 + 3 + 5) * 5


def test_two_views_alone_share_rows():
    draw = np.random.default_rng(3).random((9, 4, 4))
    examples = {
        "vita": _example(draw < 0.7),
        "view_sa": _example(draw < 0.8, seen=range(3, 9)),
        "view_la": _example(draw < 0.9, seen=range(3)),
    }
    figure = figB9_reconstructions.draw(examples, {}, figB9_reconstructions.split_psnr([]))
    assert len(figure.axes) == 5 * 5
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels[-1].splitlines() == ["ViTa (SA)", "ViTa (LA)"]
    assert not [text for axes in figure.axes for text in axes.texts]  # no panel is empty


def test_outlines_follow_the_edges_of_pixels():
    """A pixel has four sides, two side by side six; what touches the border of the image is closed too."""
    mask = np.zeros((3, 4), bool)
    mask[0, 1:3] = True
    edges = mosaic.edges_of(mask)
    assert len(edges) == 6
    assert set(edges) == {
        ((0.5, -0.5), (0.5, 0.5)),
        ((2.5, -0.5), (2.5, 0.5)),
        *(((x, y), (x + 1, y)) for x in (0.5, 1.5) for y in (-0.5, 0.5)),
    }


@pytest.mark.parametrize(
    ("hardly_vary", "slope", "last"), [(0, 0.5, "too few cases for a curve"), (1, np.nan, "predictions hardly vary")]
)
def test_one_bin_of_calibration_is_told_in_words(hardly_vary, slope, last):
    row = {"target": "cad", "title": "CAD", "brier": 0.1, "n": 180, "predicted": 0.14, "observed": 0.12}
    row |= {"low": 0.08, "high": 0.18, "slope": slope, "intercept": 0.0, "lowest": 0.1, "highest": 0.2}
    row |= {"hardly_vary": hardly_vary}
    figure = calibration.draw(pd.DataFrame([row]), "black")
    (axes,) = figure.axes
    printed = "–" if hardly_vary else "0.50"
    assert axes.texts[0].get_text() == f"observed 12 %\npredicted 14 %\nslope {printed}, n = 180\n{last}"
    assert not axes.lines


@pytest.mark.parametrize(("spread", "one"), [(1.5, False), (0.01, True), (0.0, True)])
def test_predictions_that_hardly_vary_are_one_bin_of_calibration(spread, one):
    """The truth goes with the predicted log odds; of 400 people, log odds with an SD of 0.01 have no slope."""
    draw = np.random.default_rng(0)
    odds = draw.normal(0, 1.5, 400)
    truth = (draw.random(400) < 1 / (1 + np.exp(-odds))).astype(float)
    found = Pairs(np.arange(400), truth, 1 / (1 + np.exp(-odds * spread / 1.5)), 0.5)
    shown, fitted = calibration.curve(found), calibration.fit(found)
    assert (len(shown) == 1) == one
    assert shown["n"].sum() == 400
    assert bool(fitted["hardly_vary"]) == np.isnan(fitted["slope"]) == one


@pytest.mark.parametrize(("spread", "flat"), [(0.01, True), (0.5, False)])
def test_flat_predictions_are_named(spread, flat):
    truth = np.linspace(0, 10, 20)
    drawn = pd.DataFrame({"target": "x", "title": "X", "unit": "mL", "truth": truth, "prediction": 5 + spread * truth})
    (axes,) = target_scatter.draw(drawn, "black", 6).axes
    assert axes.texts[0].get_text().endswith(", flat") == flat
