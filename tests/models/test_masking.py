import pytest
import torch

from vita.models.tokens import kept_count, masked_patches, random_order, take
from vita.runtime.errors import UserError


@pytest.mark.parametrize(
    ("patches", "ratio", "kept"), [(144, 0.7, 43), (2304, 0.7, 691), (10, 0.9, 1), (15, 0.5, 7), (144, 0.0, 144)]
)
def test_kept_count(patches, ratio, kept):
    assert kept_count(patches, ratio) == kept


@pytest.mark.parametrize("ratio", [-0.1, 1.0])
def test_ratio_out_of_range(ratio):
    with pytest.raises(UserError, match=r"mask_ratio.*" + str(ratio)):
        kept_count(144, ratio)


def test_orders_are_permutations_seeded_and_independent():
    order = random_order(64, 20, torch.Generator().manual_seed(1))
    assert torch.equal(order.sort(dim=1).values, torch.arange(20).expand(64, -1))
    assert torch.equal(order, random_order(64, 20, torch.Generator().manual_seed(1)))
    assert len(order.unique(dim=0)) == 64


def test_every_patch_is_masked_as_often_as_every_other():
    keep = kept_count(20, 0.7)
    masked = masked_patches(random_order(4000, 20, torch.Generator().manual_seed(2)), keep)
    assert masked.sum(dim=1).eq(20 - keep).all()
    assert (masked.float().mean(dim=0) - 0.7).abs().max() < 0.04  # five standard errors


def test_take_picks_by_index():
    tokens = torch.arange(12.0).view(2, 3, 2)
    assert take(tokens, torch.tensor([[2, 0], [1, 1]])).tolist() == [[[4, 5], [0, 1]], [[8, 9], [8, 9]]]
