"""Image encoder, masked autoencoder, tabular encoder and alignment, beyond parity."""

import pytest
import torch
from torch.nn import functional

import filled
from vita.models.alignment import Alignment, TabularEncoder, clip_loss, pool, retrieval_accuracy
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import ModelSettings
from vita.models.tokens import kept_count, random_order, take
from vita.runtime.errors import UserError

SMALL = filled.model(size=32, patch=(5, 8, 8), width=33, heads=3, depth=2, projection=16)
CHECKPOINTED = ModelSettings.from_dict(SMALL.to_dict() | {"checkpointing": True})


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 9, 5, 32, 32)


def test_patch_embedding_is_a_convolution(images):
    encoder = ImageEncoder(SMALL)
    weight = encoder.embed.weight.view(33, 1, *SMALL.patch)
    convolved = functional.conv3d(images.flatten(0, 1)[:, None], weight, encoder.embed.bias, stride=SMALL.patch)
    tokens = convolved.unflatten(0, (2, 9)).permute(0, 1, 3, 4, 5, 2).flatten(1, 4)
    assert torch.allclose(
        encoder._tokens(_patches(images), None, None)[:, 1:] - encoder.positions[1:], tokens, atol=1e-5
    )


def _patches(images: torch.Tensor) -> torch.Tensor:
    from vita.models.tokens import patchify

    return patchify(images, SMALL.patch)


def test_encoder_cannot_see_masked_patches(images):
    encoder, order, keep = ImageEncoder(SMALL).eval(), random_order(2, 144), 43
    patches = _patches(images)
    altered = patches.scatter(1, order[:, keep:, None].expand(-1, -1, 320), 9.0)
    assert torch.equal(encoder.encode(patches, order, keep), encoder.encode(altered, order, keep))


def test_keeping_all_in_another_order_only_reorders(images):
    encoder, order = ImageEncoder(SMALL).eval(), random_order(2, 144)
    assert torch.allclose(encoder(images, order)[:, 1:], take(encoder(images)[:, 1:], order), atol=1e-5)


def test_images_of_another_shape_are_refused(images):
    with pytest.raises(UserError, match=r"\(2, 9, 4, 32, 32\).*9, 5, 32, 32.*model.frames"):
        ImageEncoder(SMALL)(images[:, :, :4])


def test_checkpointing_changes_no_gradient(images):
    gradients = []
    for settings in (SMALL, CHECKPOINTED):
        torch.manual_seed(0)
        model = MaskedAutoencoder(settings)
        model(images, random_order(2, 144, torch.Generator().manual_seed(0)), 43).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("loss", ["masked", "all"])
def test_autoencoder_loss_and_reconstruction_agree(images, loss):
    model, keep = MaskedAutoencoder(SMALL, loss), kept_count(144, 0.7)
    output = model(images, random_order(2, 144), keep)
    error = (output.reconstruction - _patches(images)).square().mean(dim=2)
    expected = error.mean() if loss == "all" else error[output.masked].mean()
    assert torch.allclose(output.loss, expected, atol=1e-6)
    assert torch.allclose(model.images(_patches(images)), images)


def test_autoencoder_learns_one_batch(images):
    model = MaskedAutoencoder(SMALL)
    smooth = functional.avg_pool3d(images, (1, 9, 9), stride=1, padding=(0, 4, 4))
    optimiser, order = torch.optim.AdamW(model.parameters(), 3e-3), random_order(2, 144)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        output = model(smooth, order, 43)
        output.loss.backward()
        optimiser.step()
        losses.append(output.loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_every_feature_moves_the_tabular_embedding():
    categories = [3, 5, 4]
    encoder = TabularEncoder(SMALL, 4, 2, categories).eval()
    numbers, classes = torch.randn(1, 4), torch.zeros(1, 5, dtype=torch.long)
    before = pool(encoder(numbers, classes))
    for feature in range(4):
        changed = numbers.clone()
        changed[0, feature] += 1
        assert (pool(encoder(changed, classes)) - before).abs().max() > 1e-4
    for feature, count in enumerate([2, 2, *categories]):
        seen = [before]
        for kind in range(1, count):
            changed = classes.clone()
            changed[0, feature] = kind
            seen.append(pool(encoder(numbers, changed)))
        assert torch.cdist(torch.cat(seen), torch.cat(seen)).fill_diagonal_(1).min() > 1e-3


@pytest.mark.parametrize(("feature", "kind"), [(0, 2), (1, 3), (1, -1)])
def test_unknown_classes_are_refused(feature, kind):
    classes = torch.zeros(1, 2, dtype=torch.long)
    classes[0, feature] = kind
    with pytest.raises(UserError, match=f"class feature {feature}"):
        TabularEncoder(SMALL, 1, 1, [3])(torch.zeros(1, 1), classes)


def test_table_of_other_features_is_refused():
    with pytest.raises(UserError, match="2 numerical and 2"):
        TabularEncoder(SMALL, 1, 1, [3])(torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.long))


def test_alignment_learns_to_match():
    images = torch.rand(6, 9, 5, 32, 32) * torch.linspace(0.2, 1, 6).view(6, 1, 1, 1, 1)
    numbers, classes = torch.randn(6, 3), torch.randint(0, 2, (6, 2))
    model = Alignment(SMALL, 3, 1, [2])
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(30):
        optimiser.zero_grad()
        image, table = model(images, numbers, classes)
        loss = clip_loss(image, table, 0.1, 0.5)
        loss.backward()
        optimiser.step()
    assert image.shape == table.shape == (6, 16)
    assert retrieval_accuracy(image, table, 1) == 1
    assert loss.item() < 0.7


def test_lambda_weighs_image_to_table():
    image, table = torch.randn(5, 8), torch.randn(5, 8)
    assert torch.allclose(clip_loss(image, table, 0.2, 0.8), clip_loss(table, image, 0.2, 0.2))
    assert not torch.allclose(clip_loss(image, table, 0.2, 0.8), clip_loss(image, table, 0.2, 0.2))


def test_retrieval_counts_the_best():
    table = torch.eye(4)
    image = torch.tensor([[1.0, 0, 0, 0], [0.9, 0.8, 0, 0], [0.9, 0.8, 0.7, 0], [0, 0, 0, 1]])
    assert [retrieval_accuracy(image, table, best) for best in (1, 2, 3)] == [0.5, 0.75, 1.0]


def test_a_batch_of_one_is_refused():
    with pytest.raises(UserError, match=r"stage2\.batch"):
        clip_loss(torch.ones(1, 4), torch.ones(1, 4), 0.1, 0.5)
