import torch

import filled
from vita.models.tokens import image_positions, sines_and_cosines, slice_in_view

SMALL = {"size": 32, "patch": (5, 8, 8), "width": 33, "heads": 3}


def test_slices_are_counted_within_their_view():
    assert slice_in_view((0, 0, 0, 1, 1, 1, 1, 1, 1)) == [0, 1, 2, 0, 1, 2, 3, 4, 5]


def test_interleaved_holds_the_same_values_as_equation_b1_orders_them():
    index = torch.arange(7)
    block, turn = sines_and_cosines(index, 8), sines_and_cosines(index, 8, interleaved=True)
    assert torch.equal(turn[:, 0::2], block[:, :4])
    assert torch.equal(turn[:, 1::2], block[:, 4:])
    # Equation (B.1): sin(p / 10000^(2i / width)) at channel 2i.
    assert torch.allclose(turn[:, 2], torch.sin(index.double() / 10_000 ** (2 / 8)))


def test_every_patch_has_its_own_position_but_without_the_view():
    settings = filled.model(**SMALL)
    assert len(image_positions(settings)[1:].unique(dim=0)) == settings.tokens
    without_view = filled.model(**SMALL, positions="4d")
    assert len(image_positions(without_view)[1:].unique(dim=0)) == 6 * 16  # long-axis slices coincide with others


def test_class_token_has_no_position():
    for positions in ("block", "interleaved", "4d"):
        assert not image_positions(filled.model(**SMALL, positions=positions))[0].any()
