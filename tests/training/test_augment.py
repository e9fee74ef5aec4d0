import pytest
import torch

from vita.training.augment import NOT_ANNOTATED, Augmentation


def hearts(batch=6, size=32):
    """Discs off the centre, the same in all planes and frames, and their masks."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    masks = ((rows - 18).square() + (columns - 11).square() < 36).to(torch.uint8)
    masks = masks.expand(batch, 9, 5, size, size).clone()
    return masks.float() * 0.8, masks


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_masks_move_with_images():
    images, masks = hearts()
    moved, moved_masks = Augmentation(30, 0.0, True)(images, masks, generator())
    known = moved_masks != NOT_ANNOTATED
    agree = (moved > 0.4) == (moved_masks == 1)
    assert agree[known].float().mean() > 0.99
    assert not torch.equal(moved_masks, masks)


def test_what_the_rotation_brings_in_is_not_annotated():
    images, masks = hearts()
    moved, moved_masks = Augmentation(45, 0.0, False)(images + 0.1, masks, generator())
    outside = moved_masks == NOT_ANNOTATED
    assert outside.any()
    assert set(moved_masks[~outside].unique().tolist()) == {0, 1}
    assert moved[outside].mean() < 0.06


def test_same_for_all_planes_and_frames_but_not_for_all_participants():
    images, masks = hearts()
    moved, _ = Augmentation(30, 0.3, True)(images, masks, generator())
    assert torch.allclose(moved, moved[:, :1, :1].expand_as(moved))
    assert not torch.allclose(moved[0], moved[1])


def test_flips_alone_are_exact():
    images, masks = hearts()
    moved, moved_masks = Augmentation(0, 0.0, True)(images, masks, generator(3))
    for image, mask, before in zip(moved, moved_masks, images, strict=True):
        candidates = [before, before.flip(-1), before.flip(-2), before.flip(-1, -2)]
        assert any(torch.allclose(image, each, atol=1e-4) for each in candidates)
        assert torch.equal(mask, (image > 0.4).to(torch.uint8))


def test_contrast_keeps_the_range_and_the_seed_decides():
    images, _ = hearts()
    augmentation = Augmentation(20, 0.5, True)
    first, none = augmentation(images, None, generator(1))
    assert none is None
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, augmentation(images, None, generator(1))[0])
    assert not torch.equal(first, augmentation(images, None, generator(2))[0])


def test_full_contrast_is_by_frame_and_for_half_of_the_participants():
    images = torch.rand(200, 2, 3, 8, 8, generator=generator()) * 0.5 + 0.2
    images[:, 0, 0] = 0.4  # a frame without contrast stays
    changed, _ = Augmentation(0, 0.0, False, True)(images, None, generator(1))
    full = (changed[:, 1].amin(dim=(-2, -1)) == 0).all(dim=1)
    assert 70 < full.sum() < 130
    low, high = images.amin(dim=(-2, -1), keepdim=True), images.amax(dim=(-2, -1), keepdim=True)
    by_hand = (images - low) / (high - low)
    assert torch.allclose(changed[full][:, 1], by_hand[full][:, 1], atol=1e-4)
    assert torch.allclose(changed[~full], images[~full], atol=1e-4)
    assert torch.allclose(changed[:, 0, 0], images[:, 0, 0], atol=1e-4)


def test_contrast_is_stretched_around_the_mean_of_each_heart():
    images = 0.4 + 0.2 * torch.rand(8, 2, 3, 16, 16, generator=generator())
    changed, _ = Augmentation(0, 0.3, False)(images, None, generator(5))
    mean, before = changed.flatten(1).mean(dim=1), images.flatten(1).mean(dim=1)
    assert torch.allclose(mean, before, atol=1e-4)
    factors = changed.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert 0.7 < factors.min() < 0.9 < 1.1 < factors.max() < 1.3


def test_angles_are_between_minus_and_plus_the_setting():
    """2,000 uniform draws from -15 to 15 degrees: the largest are close to 15, and half lie within 7.5."""
    maps = Augmentation(15.0, 0.0, flip=False)._maps(2000, torch.Generator().manual_seed(0))
    angle = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]).rad2deg()
    assert torch.allclose(maps[:, 0, 0].square() + maps[:, 1, 0].square(), torch.ones(2000), atol=1e-5)
    assert (angle.min().item(), angle.max().item()) == pytest.approx((-15, 15), abs=0.1)
    assert angle.abs().max() <= 15 + 1e-4
    assert (angle.abs() < 7.5).float().mean().item() == pytest.approx(0.5, abs=0.05)
