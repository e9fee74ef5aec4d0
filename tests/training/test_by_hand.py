"""Training in numbers that were worked out by hand, or by another library."""

import json
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from training import toy
from training.test_resume import arguments
from vita.models.alignment import Alignment, clip_loss, pool
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import ModelSettings
from vita.models.tokens import random_order
from vita.runtime.errors import UserError
from vita.tabular.targets import Target
from vita.training import finetune, stage1, stage3
from vita.training.alignment import AlignmentLearner
from vita.training.batches import TrainingOrder
from vita.training.callbacks import KeepState
from vita.training.data import Batch
from vita.training.learner import Learner
from vita.training.long_table import best_f1_threshold, calibrate, predict, thresholds
from vita.training.predictor import PredictionLearner
from vita.training.reconstruction import ReconstructionLearner
from vita.training.reconstruction_errors import errors
from vita.training.session import open_session
from vita.training.settings import read_settings
from vita.training.task import Statistics, Task, make_task, sampling_weights

NUMBER = Target("LVESV", "LVESV", "mL", "numerical", "phenotypes", "LVESV")
BINARY = Target("cad", "CAD", "", "binary", "labels", "cad", 2)
GROUP = Target("group", "Group", "", "categorical", "fields", "group", 3)


def test_a_scripted_validation_loss(cohort, tmp_path, monkeypatch):
    """Best after epoch 4; the next is worse and the sixth the same, so it is the last. Rates are worked out by hand."""
    script: Iterator[float] = iter([5.0, 3.0, 4.0, 2.0, 6.0, 2.0, 1.0, 1.0])
    seen: list[dict[str, torch.Tensor]] = []
    original = KeepState.on_train_epoch_end

    def spied(self, trainer, learner):
        seen.append({name: tensor.clone() for name, tensor in learner.model.state_dict().items()})
        original(self, trainer, learner)

    monkeypatch.setattr(ReconstructionLearner, "summary", lambda self, values: {"val_loss": next(script)})
    monkeypatch.setattr(KeepState, "on_train_epoch_end", spied)
    stage1.main(arguments(cohort, "stage1", tmp_path, epochs=8, patience=2, warmup_epochs=1.0, lr=2e-3))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_loss"].tolist() == [5, 3, 4, 2, 6, 2]
    written = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(tensor, seen[3][name]) for name, tensor in written.items())
    assert not all(torch.equal(tensor, seen[5][name]) for name, tensor in written.items())
    # the last of four steps of an epoch, in its middle: after 0.875, 1.875, ... of 8 epochs; the first warms up
    rates = [0.875 * 0.002, 0.00192388]
    rates += [0.002 * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / 7)) for epoch in (2.875, 3.875, 4.875, 5.875)]
    assert history["learning_rate"].tolist() == pytest.approx(rates, rel=1e-4)


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_own_steps(cohort, tmp_path, monkeypatch):
    """Steps 0 to 3, then 4 to 7, with their number as their loss."""

    def numbered(self: ReconstructionLearner, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        return 0.0 * self.model.decoder.head.bias.sum() + self.progress.step

    monkeypatch.setattr(ReconstructionLearner, "training_loss", numbered)
    stage1.main(arguments(cohort, "stage1", tmp_path, epochs=2))
    assert pd.read_csv(tmp_path / "history.csv")["train_loss"].tolist() == [1.5, 5.5]


def test_psnr_by_hand():
    """Squared errors of 0.01 and 0.0001 are 20 and 40 dB, on average 30; their mean would be 23 dB."""
    sizes = ModelSettings.from_dict(toy.MODEL)
    learner = ReconstructionLearner(MaskedAutoencoder(sizes), read_settings("stage1", toy.blocks()))
    found = learner.summary({"masked": torch.tensor([0.01, 0.0001]), "all": torch.tensor([0.1, 0.1])})
    assert found == pytest.approx({"val_loss": 0.00505, "psnr_masked": 30, "psnr_all": 10})


def test_errors_over_masked_patches_and_over_all_by_hand():
    sizes = ModelSettings.from_dict(toy.MODEL)
    torch.manual_seed(0)
    model = MaskedAutoencoder(sizes)
    images, order = torch.rand(3, 9, 5, toy.SIZE, toy.SIZE), random_order(3, sizes.tokens)
    with torch.no_grad():
        masked, everything = errors(model, images, order, 10)
        rebuilt = model.images(model(images, order, 10).reconstruction)
    for number in range(3):
        squared = (rebuilt[number] - images[number]).square()
        hidden = model.images(torch.zeros(1, sizes.tokens, sizes.patch_voxels).index_fill(1, order[number, 10:], 1.0))[
            0
        ]
        assert masked[number].item() == pytest.approx(squared[hidden == 1].mean().item(), rel=1e-5)
        assert everything[number].item() == pytest.approx(squared.mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("clip", "gradient", "clipped"),
    [(1.0, [3.0, 4.0], [0.6, 0.8]), (1.0, [0.3, 0.4], [0.3, 0.4]), (0.0, [3.0, 4.0], [3.0, 4.0])],
)
def test_clipping_a_known_gradient(clip, gradient, clipped):
    """The norm is that of all groups together: 3 in one and 4 in the other are 5."""
    first, second = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    first.grad, second.grad = (torch.tensor([value]) for value in gradient)
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)
    Learner(nn.Identity(), read_settings("stage3", toy.blocks())).configure_gradient_clipping(optimizer, clip or None)
    assert [first.grad.item(), second.grad.item()] == pytest.approx(clipped, rel=1e-4)


def test_a_training_clips_by_the_settings(cohort, tmp_path, monkeypatch):
    asked = []
    original = Learner.configure_gradient_clipping

    def spied(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None):
        original(self, optimizer, gradient_clip_val, gradient_clip_algorithm)
        squares = [p.grad.square().sum() for group in optimizer.param_groups for p in group["params"]]
        asked.append((gradient_clip_val, torch.stack(squares).sum().sqrt().item()))

    monkeypatch.setattr(Learner, "configure_gradient_clipping", spied)
    stage1.main(cohort.arguments("stage1", tmp_path, epochs=1, clip=1e-3))
    assert {clip for clip, _ in asked} == {1e-3}
    assert all(norm == pytest.approx(1e-3, rel=1e-2) for _, norm in asked)


def test_statistics_come_from_the_training_split():
    values = pd.DataFrame(
        {"LVESV": [10.0, 20, 30, 40, 1e9, -1e9], "cad": [1.0, 0, 0, 0, 1, 1], "group": [0.0, 1, 1, 1, 2, 2]},
        index=[1, 2, 3, 4, 5, 6],
    )
    task = make_task(values, [NUMBER, BINARY, GROUP], SimpleNamespace(eids=np.array([1, 2, 3, 4])))
    number, binary, group = task.statistics
    assert (number.mean, number.std) == (25, pytest.approx(math.sqrt(125)))
    assert binary.shares == (0.75, 0.25)
    assert group.shares == (0.25, 0.75, 0)


@pytest.fixture
def judged() -> tuple[Task, SimpleNamespace, pd.Series, list[np.ndarray]]:
    """A disease whose best threshold on validation is 0.6 and on test 0.2; nobody of training is predicted."""
    split = pd.Series(["train"] * 4 + ["val"] * 5 + ["test"] * 5, index=range(1, 15))
    truth = pd.DataFrame({"cad": [1.0, 0, 0, 0, *(0, 0, 0, 1, 1), *(0, 1, 1, 1, 1)]}, index=split.index)
    task = make_task(truth, [BINARY], SimpleNamespace(eids=np.array([1, 2, 3, 4])))
    predicted = split[split != "train"]
    samples = SimpleNamespace(split=predicted, eids=predicted.index.to_numpy())
    return task, samples, split, [np.array([*(0.1, 0.3, 0.5, 0.6, 0.8), *(0.1, 0.2, 0.4, 0.5, 0.9)])]


def test_thresholds_come_from_the_validation_split(judged):
    task, samples, _, predictions = judged
    assert thresholds(task, samples, predictions) == {"cad": 0.6}


def test_of_two_thresholds_with_the_same_f1_the_lower_one():
    """At 0.9 one of two positives is found, at 0.6 both with two negatives: 2/3 either way."""
    assert best_f1_threshold(np.array([1.0, 0, 0, 1]), np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx(0.6)


def test_calibration_comes_from_the_validation_split_and_the_prevalence_from_training_too(judged):
    task, samples, split, predictions = judged
    first = [predictions[0].copy()]
    line = calibrate(task, split, samples, first)["cad"]
    assert first[0][:5].mean() == pytest.approx(3 / 9)  # one of four in training, two of five in validation
    assert first[0] == pytest.approx(line.apply(predictions[0]))
    for part, same in (("test", True), ("val", False), ("train", False)):
        changed = task.truth.copy()
        changed.loc[split == part, "cad"] = 1 - changed.loc[split == part, "cad"]
        other = calibrate(Task(task.targets, changed, task.statistics), split, samples, [predictions[0].copy()])
        assert (other["cad"] == line) == same, part


def test_balanced_sampling_by_hand(cohort, tmp_path, monkeypatch):
    """One of four is positive: it is drawn three times as often as a negative; who is unknown is never drawn."""
    truth = pd.DataFrame({"cad": [1.0, 0, 0, 0, np.nan]}, index=[1, 2, 3, 4, 5])
    train = SimpleNamespace(eids=np.array([1, 2, 3, 4, 5]))
    task = make_task(truth, [BINARY], train)
    weights = sampling_weights(task, train)
    assert weights.tolist() == pytest.approx([3, 1, 1, 1, 0])
    drawn = torch.tensor(TrainingOrder(5, 5, 1, weights).epoch(0) + TrainingOrder(5, 5, 2, weights).epoch(0)).flatten()
    assert 4 not in drawn
    many = weights.repeat(400)
    rows = torch.tensor(TrainingOrder(2000, 2000, 1, many).epoch(0)).flatten()
    assert (rows % 5 == 0).float().mean().item() == pytest.approx(0.5, abs=0.04)
    handed = []
    original = finetune.fit

    def spied(*positional):
        handed.append(positional[5])
        return original(*positional)

    monkeypatch.setattr(finetune, "fit", spied)
    for imbalance in ("sampling", "weights"):
        stage3.main(cohort.stage3("disease_cad", "vit", tmp_path / imbalance, epochs=1, imbalance=imbalance))
    assert handed[0] is not None
    assert handed[1] is None


def numbers(**changes: Any) -> PredictionLearner:
    """A learner of a number with mean 30 mL and SD 10 mL."""
    task = Task((NUMBER,), pd.DataFrame(columns=["LVESV"]), (Statistics(30, 10),))
    return PredictionLearner(nn.Identity(), read_settings("stage3", toy.blocks(**changes)), task)


class Drawing(Learner):
    """Shows the random numbers of a step; `rank` as in a training of several processes."""

    rank = 0

    @property
    def global_rank(self) -> int:
        return self.rank

    def training_loss(self, batch, generator):
        return torch.stack([torch.rand(1, generator=generator), torch.rand(1)])  # masks and such, and dropout


def test_random_numbers_of_ranks_and_steps():
    learner = Drawing(nn.Identity(), read_settings("stage3", toy.blocks()))
    drawn = {}
    for rank in (0, 1):
        for step in (0, 1):
            learner.rank, learner.progress.step = rank, step
            first, again = learner.training_step({}, 0), learner.training_step({}, 5)
            assert torch.equal(first, again), "a function of seed, step and rank alone"
            drawn[rank, step] = first
    for source in (0, 1):
        assert len({tensor[source].item() for tensor in drawn.values()}) == 4


def test_random_numbers_are_those_of_the_runs_seed():
    both = (Drawing(nn.Identity(), read_settings("stage3", toy.blocks() | {"seed": seed})) for seed in (7, 8))
    first, second = both
    one, other = first.training_step({}, 0), second.training_step({}, 0)  # of masks and such, and of dropout
    assert (one != other).all()


def test_masks_of_validation_are_the_same_in_every_epoch():
    """The second batch has other masks than the first, but the same ones after any number of steps."""
    sizes = ModelSettings.from_dict(toy.MODEL)
    torch.manual_seed(0)
    learner = ReconstructionLearner(MaskedAutoencoder(sizes), read_settings("stage1", toy.blocks()))
    batch = {"images": torch.rand(4, 9, 5, toy.SIZE, toy.SIZE)}
    found = []
    with torch.no_grad():
        for step, index in ((0, 0), (50, 0), (0, 1)):
            learner.progress.step = step
            learner.validation_step(batch, index)
            found.append(learner._values.pop()["masked"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_dropout_at_a_fixed_seed():
    """A training step's dropout is torch's own at the step's seed, and there is none in validation."""
    sizes, without = (ModelSettings.from_dict(toy.MODEL | {"dropout": dropout}) for dropout in (0.5, 0.0))
    torch.manual_seed(0)
    model = Regressor(sizes, ImageEncoder(sizes), [Output("LVESV", "numerical")])
    plain = Regressor(without, ImageEncoder(without), model.outputs)
    plain.load_state_dict(model.state_dict())
    images = torch.rand(2, 9, 5, toy.SIZE, toy.SIZE)
    block = model.encoder.blocks[0]
    tokens = torch.randn(2, 5, sizes.width)
    torch.manual_seed(3)
    found = block(tokens)
    torch.manual_seed(3)
    attended = tokens + F.dropout(block.attention(block.norm1(tokens)), 0.5)
    by_hand = attended + F.dropout(block.fc2(F.gelu(block.fc1(block.norm2(attended)))), 0.5)
    assert torch.allclose(found, by_hand, atol=1e-6)
    assert not torch.allclose(model(images), plain(images), atol=1e-3)
    assert torch.equal(model.eval()(images), plain.eval()(images))


def test_the_two_directions_of_the_contrastive_loss():
    """At lambda 0.3 and tau 0.5, with similarities that are not symmetric, against torch's cross-entropy."""
    image = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    table = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]])
    logits = torch.tensor([[1.0, 0.6, 0.8], [1.0, 0.6, 0.8], [0.0, 0.8, 0.6]]) / 0.5
    rows = torch.arange(3)
    image_to_table, table_to_image = F.cross_entropy(logits, rows), F.cross_entropy(logits.T, rows)
    assert abs(image_to_table - table_to_image) > 0.02
    expected = 0.3 * image_to_table + 0.7 * table_to_image
    assert clip_loss(image, table, 0.5, 0.3).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_class_token_is_left_out_of_pooling():
    assert pool(torch.tensor([[[100.0], [1.0], [3.0]]])).tolist() == [[2.0]]
    sizes = ModelSettings.from_dict(toy.MODEL)
    torch.manual_seed(0)
    model = Alignment(sizes, 2, 1, [3]).eval()
    images, numbers, classes = torch.rand(2, 9, 5, toy.SIZE, toy.SIZE), torch.randn(2, 2), torch.zeros(2, 2).long()
    image, table = model(images, numbers, classes)
    for projection, projector, tokens in (
        (image, model.image_projector, model.image_encoder(images)),
        (table, model.table_projector, model.tabular_encoder(numbers, classes)),
    ):
        first, second = projector[0], projector[2]
        mean = tokens[:, 1:].sum(dim=1) / (tokens.shape[1] - 1)
        by_hand = F.relu(mean @ first.weight.T + first.bias) @ second.weight.T + second.bias
        assert torch.allclose(projection, by_hand, atol=1e-6)


def test_published_projectors_see_the_class_token_and_the_batch():
    """Mean over all tokens; linear maps without biases; after each the batch's own mean and variance."""
    sizes = ModelSettings.from_dict(toy.MODEL)
    torch.manual_seed(0)
    model = Alignment(sizes, 2, 1, [3], projector="batchnorm", class_token=True)
    images, numbers, classes = torch.rand(4, 9, 5, toy.SIZE, toy.SIZE), torch.randn(4, 2), torch.zeros(4, 2).long()
    image, table = model(images, numbers, classes)

    def normed(rows):
        return (rows - rows.mean(dim=0)) / (rows.var(dim=0, correction=0) + 1e-5).sqrt()

    for projection, projector, tokens in (
        (image, model.image_projector, model.image_encoder(images)),
        (table, model.table_projector, model.tabular_encoder(numbers, classes)),
    ):
        first, second = (part for part in projector if isinstance(part, nn.Linear))
        assert first.bias is second.bias is None
        mean = tokens.sum(dim=1) / tokens.shape[1]
        by_hand = normed(F.relu(normed(mean @ first.weight.T)) @ second.weight.T)
        assert torch.allclose(projection, by_hand, atol=1e-4)


def test_the_metric_selects_the_weights_where_it_is_asked_for(cohort, tmp_path, monkeypatch):
    """Losses 5, 3, 4 and PSNR 10, 11, 12: the loss takes the second epoch, the metric the third, whose loss is kept."""
    for select, best in {"loss": (2, 3.0), "metric": (3, 4.0)}.items():
        script = iter([(5.0, 10.0), (3.0, 11.0), (4.0, 12.0)])

        def summary(self, values, script=script):
            return dict(zip(("val_loss", "psnr_masked"), next(script), strict=True))

        monkeypatch.setattr(ReconstructionLearner, "summary", summary)
        stage1.main(arguments(cohort, "stage1", tmp_path / select, epochs=3, select=select))
        config = json.loads((tmp_path / select / "config.json").read_text())
        assert (config["best_epoch"], config["best_val_loss"]) == best


def test_a_constant_rate_warms_up_and_stays(cohort, tmp_path):
    stage1.main(arguments(cohort, "stage1", tmp_path, epochs=3, warmup_epochs=1.0, lr=2e-3, schedule="constant"))
    rates = pd.read_csv(tmp_path / "history.csv")["learning_rate"]
    assert rates.tolist() == pytest.approx([0.875 * 0.002, 0.002, 0.002])  # the last of an epoch's four steps


def test_metrics_of_class_targets_by_hand(cohort):
    """Of eight pairs the yes/no target has six in order; then nobody's is known, and all are of one class."""
    people = SimpleNamespace(eids=np.arange(6), split=pd.Series("train", index=range(6)))
    values = pd.DataFrame({"cad": [1, 1, 0, 0, 0, 0], "group": [0, 1, 2, 0, 1, 2]}, dtype=float)
    learner = _learner(make_task(values, [BINARY, GROUP], people), select="metric", imbalance="none")
    raw = torch.tensor([[0.9], [0.2], [0.1], [0.0], [0.3], [0.8]])
    group = F.one_hot(torch.tensor([0, 1, 2, 0, 1, 2]), 3).float()  # everybody right: each class against the rest is 1
    targets = torch.tensor(values.to_numpy(np.float32))
    found = learner.metric({"raw": torch.cat([raw, group], dim=1), "targets": targets}, {"val_loss": 7.0})
    assert found == pytest.approx(-(6 / 8 + 1) / 2)
    targets[:, 0], targets[:, 1] = float("nan"), 1.0
    assert learner.metric({"raw": torch.cat([raw, group], dim=1), "targets": targets}, {"val_loss": 7.0}) == 7.0


@pytest.mark.parametrize(("loss", "by_hand"), [("mse", 9.25 / 2), ("l1", 3.5 / 2), ("huber", (2.5 + 0.125) / 2)])
def test_losses_of_numbers_by_hand(loss, by_hand):
    """Errors of 3 and 0.5 standard deviations; Huber's loss is half the square up to 1, and then the error less 1/2."""
    learner = numbers(loss=loss)
    assert learner.loss(torch.tensor([[3.0], [1.5]]), torch.tensor([[0.0], [1.0]])).item() == pytest.approx(by_hand)


def test_a_rectified_number_is_not_below_zero_in_its_unit():
    """Mean 30 and SD 10: 0 mL are -3 SD, so -5 SD count as -3 and -1 SD, or 20 mL, stay as they are."""
    learner, raw = numbers(rectify=True), torch.tensor([[-5.0], [-1.0]])
    assert learner.loss(raw, torch.zeros(2, 1)).item() == pytest.approx((3**2 + 1**2) / 2)
    assert learner.predict(raw)[0].tolist() == [0, 20]
    assert numbers().loss(raw, torch.zeros(2, 1)).item() == pytest.approx((5**2 + 1**2) / 2)


def test_positives_count_twice_and_their_odds_are_halved_again():
    """Two of five are ill; all have logit 0: the loss is (2 x 2 + 3) ln 2 over (5 x 1.4), and the odds 1 become 1/2."""
    people = SimpleNamespace(eids=np.arange(5), split=pd.Series("train", index=range(5)))
    values = pd.DataFrame({"cad": [1.0, 1, 0, 0, 0]})
    learner = _learner(make_task(values, [BINARY], people), imbalance="double")
    raw, targets = torch.zeros(5, 1), torch.tensor(values.to_numpy(np.float32))
    assert learner.loss(raw, targets).item() == pytest.approx(7 * math.log(2) / (5 * 1.4))
    one_ill = torch.tensor([[1.0], [math.nan], [math.nan], [math.nan], [math.nan]])
    assert learner.loss(raw, one_ill).item() == pytest.approx(2 * math.log(2) / 1.4)
    (probability,) = learner.predict(raw)
    assert probability.tolist() == pytest.approx([1 / 3] * 5)


def _learner(task: Task, **stage) -> PredictionLearner:
    settings = read_settings("stage3", toy.blocks(**stage))
    return PredictionLearner(nn.Linear(1, 4), settings, task)


def test_batch_normalisation_needs_two_participants_on_each_device():
    with pytest.raises(UserError, match=r"'stage2.projector' is batchnorm, .* a 'stage2.batch' of 1"):
        read_settings("stage3", toy.blocks(batch=1, projector="batchnorm"))
    assert read_settings("stage3", toy.blocks(batch=2, projector="batchnorm")).stage.projector == "batchnorm"


class Shown(Learner):
    """Keeps the batch that its loss is computed of."""

    def training_loss(self, batch, generator):
        self.batch = batch
        return batch["images"].sum()


def test_masks_are_moved_with_the_images_of_a_training_step():
    learner = Shown(
        nn.Identity(), read_settings("stage3", toy.blocks(augment=True, rotation_degrees=0, contrast=0, flip=True))
    )
    masks = torch.zeros(6, 2, 1, 8, 8, dtype=torch.uint8)
    masks[..., :3, :5] = 1
    learner.training_step({"images": masks.float(), "masks": masks}, 0)
    moved = learner.batch["masks"]
    assert torch.equal(moved, (learner.batch["images"] > 0.5).to(torch.uint8))
    assert 0 < (moved != masks).flatten(1).any(dim=1).sum() <= 6


def test_each_part_learns_at_its_share_of_the_rate():
    """In the middle of the first of four steps of warm-up, an eighth of 2e-3; the pretrained part at half of it."""
    learner = Shown(nn.Identity(), read_settings("stage3", toy.blocks(epochs=8, lr=2e-3, warmup_epochs=1.0)))
    parts = [{"params": [nn.Parameter(torch.zeros(1))], "scale": scale} for scale in (0.5, 1.0)]
    optimizer = torch.optim.SGD(parts, lr=7.0)
    learner._trainer, learner.steps_per_epoch = SimpleNamespace(optimizers=[optimizer]), 4
    learner.on_train_batch_start({}, 0)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1.25e-4, 2.5e-4])


@pytest.mark.parametrize("stage", ["stage2", "stage3"])
def test_a_pretrained_encoder_has_its_own_share_of_the_rate(stage):
    sizes = ModelSettings.from_dict(toy.MODEL)
    settings = read_settings(stage, toy.blocks(encoder_lr_scale=0.3))
    learner: Learner
    if stage == "stage2":
        alignment = Alignment(sizes, 1, 0, [])
        learner, encoder = AlignmentLearner(alignment, settings, 0.3), alignment.image_encoder
    else:
        encoder = ImageEncoder(sizes)
        task = Task((NUMBER,), pd.DataFrame(columns=["LVESV"]), (Statistics(30, 10),))
        learner = PredictionLearner(Regressor(sizes, encoder, task.outputs), settings, task, encoder)
    groups = learner.configure_optimizers().param_groups
    scale = {id(parameter): group["scale"] for group in groups for parameter in group["params"]}
    own = {id(parameter) for parameter in encoder.parameters()}
    assert {scale[key] for key in own} == {0.3}
    assert {value for key, value in scale.items() if key not in own} == {1.0}


def test_predictions_are_without_dropout(cohort):
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks(model={"dropout": 0.5}))
    samples = session.samples(["val"], "predict")
    values = pd.DataFrame({"LVESV": np.arange(len(samples.eids), dtype=float)}, index=samples.eids)
    task = make_task(values, [NUMBER], samples)
    torch.manual_seed(0)
    model = Regressor(session.model, ImageEncoder(session.model), task.outputs)
    learner = PredictionLearner(model.train(), session.settings, task)
    first, again = (predict(learner, samples, session.device)[0] for _ in range(2))
    with torch.inference_mode():
        by_hand = model.eval()(samples[[(row, 0) for row in range(len(samples))]]["images"])[:, 0]
    assert first == pytest.approx(again)
    assert first == pytest.approx(by_hand.numpy() * task.statistics[0].std + task.statistics[0].mean, rel=1e-5)


class Bright(nn.Module):
    """The brightness of the first plane's first frame as the log odds, strongly stretched."""

    def __init__(self) -> None:
        super().__init__()
        self.stretch = nn.Parameter(torch.tensor(60.0))

    def forward(self, images_bsthw: torch.Tensor) -> torch.Tensor:
        return self.stretch * (images_bsthw[:, 0, 0].mean(dim=(1, 2))[:, None] - 0.3)


def test_log_odds_are_averaged_over_sections_and_not_probabilities(cohort):
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks(sections="cycle", imbalance="none"))
    samples = session.samples(["val"], "predict")
    truth = pd.DataFrame({"cad": np.arange(len(samples.eids)) % 2.0}, index=samples.eids)
    learner = PredictionLearner(Bright(), session.settings, make_task(truth, [BINARY], samples))
    sections = range(len(samples.sections.in_turn))
    with torch.inference_mode():
        odds = torch.stack(
            [learner.model(samples[[(row, k) for row in range(len(samples))]]["images"])[:, 0] for k in sections]
        )
    found = predict(learner, samples, session.device)[0]
    assert found == pytest.approx(odds.mean(dim=0).sigmoid().numpy(), rel=1e-4)
    assert np.abs(found - odds.sigmoid().mean(dim=0).numpy()).max() > 0.005
