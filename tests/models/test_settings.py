import pytest

import filled
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

PAPER = {
    "frames": 5,
    "size": 128,
    "patch": [5, 8, 8],
    "width": 1025,
    "heads": 5,
    "depth": 6,
    "decoder_depth": 2,
    "projection": 128,
    "segmenter_hidden": 576,
}


def test_sizes_of_the_default_and_of_the_paper():
    assert filled.model().grid == (9, 1, 4, 4)
    paper = filled.model(**PAPER)
    assert (paper.tokens, paper.patch_voxels) == (2304, 320)


def test_settings_survive_json():
    settings = filled.model(**PAPER)
    assert ModelSettings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 1024}, ["model.width", "1024", "5", "model.heads"]),
        ({"width": 1026, "heads": 3}, ["model.width", "1026", "8", "1025"]),
        ({"decoder_heads": 4}, ["model.width", "1025", "4", "model.decoder_heads"]),
        ({"size": 100}, ["model.size", "100", "8", "model.patch"]),
        ({"frames": 7}, ["model.frames", "7", "5", "model.patch"]),
        ({"frames": 3}, ["model.frames", "3", "5", "model.patch"]),
        ({"depth": 0}, ["model.depth", "0"]),
        ({"patch": [5, 8]}, ["model.patch", "three"]),
        ({"positions": "learnt"}, ["model.positions", "learnt", "block"]),
        ({"segmenter_hidden": 580}, ["model.segmenter_hidden", "580", "9 planes"]),
        ({"segmenter_frames": -1}, ["model.segmenter_frames", "-1"]),
        ({"size": 20, "patch": [5, 10, 10]}, ["images.size", "20", "8", "model.segmenter_frames"]),
        ({"dropout": 1.0}, ["model.dropout", "1.0"]),
        ({"view_of_plane": [0, 2]}, ["model.view_of_plane", "[0, 2]"]),
        ({"hedas": 5}, ["model.hedas", "heads"]),
    ],
)
def test_sizes_that_do_not_fit_are_named(change, words):
    with pytest.raises(UserError) as error:
        filled.model(**PAPER | change)
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)
