"""The frame decoder beside a plain computation: one frame at a time, with places and averages written out."""

import pytest
import torch
from torch import Tensor

import filled
from vita.models.frame_decoder import FrameDecoder
from vita.models.settings import ModelSettings

CLASSES = 3
BASE = {"size": 32, "patch": (5, 8, 8), "width": 33, "heads": 3, "depth": 1, "segmenter_frames": 4}


def decoder_of(**own) -> tuple[FrameDecoder, ModelSettings]:
    torch.manual_seed(0)
    settings = filled.model(**BASE | own)
    return FrameDecoder(settings, CLASSES).eval(), settings


def halved(image_chw: Tensor) -> Tensor:
    corners = [image_chw[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return sum(corners) / 4


def between(count: int, wanted: int) -> Tensor:
    """(wanted, count) weights of linear interpolation between the centres of `count` equal cells."""
    weights = torch.zeros(wanted, count)
    for place in range(wanted):
        at = min(max((place + 0.5) * count / wanted - 0.5, 0), count - 1)
        low = int(at)
        weights[place, low] += 1 - (at - low)
        if at > low:
            weights[place, low + 1] += at - low
    return weights


def by_hand(decoder: FrameDecoder, settings: ModelSettings, images: Tensor, tokens: Tensor) -> Tensor:
    """Logits (batch, classes, plane, time, height, width)."""
    size, (_, times, rows, columns) = settings.size, settings.grid
    logits = torch.zeros(len(images), CLASSES, settings.planes, settings.frames, size, size)
    down, across = between(rows, size // 8), between(columns, size // 8)
    for person in range(len(images)):
        for plane in range(settings.planes):
            cine = images[person, plane]
            for frame in range(settings.frames):
                middle = cine[:, size // 4 : size - size // 4, size // 4 : size - size // 4]
                image = ((cine[frame] - middle.mean()) / (middle.std() + 1e-3)).clamp(-3, 3)
                parts = [image[row::2, column::2] for row in (0, 1) for column in (0, 1)]
                parts += [torch.full_like(parts[0], value.item()) for value in decoder.plane[plane]]
                fine = decoder.fine(torch.stack(parts)[None])
                middle = decoder.middle(halved(fine[0])[None])
                first = 1 + (plane * times + frame // settings.patch[0]) * rows * columns
                places = [[first + row * columns + column for column in range(columns)] for row in range(rows)]
                around = torch.einsum("yr,rcd,xc->dyx", down, decoder.context(tokens[person, places]), across)
                coarse = decoder.coarse(torch.cat([halved(middle[0]), around])[None])
                found = decoder.to_pixels(decoder.to_fine(decoder.to_middle(coarse, middle), fine))[0]
                pixels = torch.cat([torch.zeros(len(found) // 4, size, size), image[None]])
                for place, values in enumerate(found):
                    channel, corner = divmod(place, 4)
                    pixels[channel, corner // 2 :: 2, corner % 2 :: 2] = rectified(values)
                logits[person, :, plane, frame] = decoder.out(rectified(decoder.pixel(pixels[None])))[0]
    return logits


def rectified(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, values / 100)


@pytest.mark.parametrize(
    "own",
    [
        {},  # a cell of the coarsest level for each patch
        {"size": 24, "patch": (5, 12, 12), "view_of_plane": (0, 0, 0), "frames": 10},  # fewer patches than cells
        {"size": 24, "patch": (1, 4, 6), "view_of_plane": (1,) * 6, "frames": 1},  # more patches than cells
        {"size": 16, "patch": (7, 8, 8), "view_of_plane": (0, 1), "frames": 7},
        {"size": 16, "patch": (5, 8, 8), "view_of_plane": (0,), "frames": 20},
        {"size": 16, "patch": (5, 8, 8), "view_of_plane": (1,), "frames": 50},
    ],
    ids=["9 planes", "3 planes, 10 frames", "6 planes, 1 frame", "7 frames", "20 frames", "50 frames"],
)
@torch.inference_mode()
def test_logits_are_those_of_a_plain_computation(own) -> None:
    decoder, settings = decoder_of(**own)
    images = torch.rand(2, settings.planes, settings.frames, settings.size, settings.size)
    images[1] = 0.2 + 0.1 * images[1]  # each person has a brightness and contrast of their own
    images[1, ..., 0] = 1  # and the fat of one is bright
    tokens = torch.randn(2, 1 + settings.tokens, settings.width)
    found = decoder(images, tokens)
    assert torch.allclose(found, by_hand(decoder, settings, images, tokens), atol=1e-4)


@torch.inference_mode()
def test_some_frames_are_drawn_as_among_all() -> None:
    """In a cycle of two patches in time, each of five frames."""
    decoder, settings = decoder_of(frames=10, view_of_plane=(0, 1))
    images, tokens = torch.rand(2, 2, 10, 32, 32), torch.randn(2, 1 + settings.tokens, settings.width)
    every, some = decoder(images, tokens), decoder(images, tokens, torch.tensor([3, 4, 5, 9]))
    assert torch.allclose(some, every[:, :, :, [3, 4, 5, 9]], atol=1e-5)


@torch.inference_mode()
def test_a_missing_plane_changes_no_other_plane() -> None:
    decoder, settings = decoder_of(view_of_plane=(0, 1, 1))
    images, tokens = torch.rand(1, 3, 5, 32, 32), torch.randn(1, 1 + settings.tokens, settings.width)
    whole = decoder(images, tokens)
    images[:, 1] = 0  # as a plane that is missing is stored
    without = decoder(images, tokens)
    assert without.isfinite().all()
    assert torch.equal(without[:, :, [0, 2]], whole[:, :, [0, 2]])
    assert not torch.equal(without[:, :, 1], whole[:, :, 1])


def test_black_planes_have_finite_gradients() -> None:
    decoder, settings = decoder_of(view_of_plane=(0, 1))
    images = torch.rand(2, 2, 5, 32, 32)
    images[:, 1] = 0
    decoder(images, torch.randn(2, 1 + settings.tokens, settings.width)).square().mean().backward()
    assert all(part.grad.isfinite().all() for part in decoder.parameters())
