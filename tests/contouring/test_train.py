"""A training that goes on from weights, and those in another world of hearts or in several."""

import numpy as np
import pytest
import torch

from vita.contouring import average, card, fitting, network, train
from vita.contouring.mixture import mixed
from vita.contouring.pictures import Pictures
from vita.contouring.resuming import beside
from vita.contouring.sections import draw_sections
from vita.contouring.worlds import LAYERED, WIDE
from vita.runtime import state
from vita.runtime.errors import UserError


@pytest.fixture
def short(monkeypatch):
    for name, value in {"JUDGED_HEARTS": 1, "JUDGED_BATCHES": 1, "BATCH": 2}.items():
        monkeypatch.setattr(train, name, value)


def flat(path):
    return torch.cat([part.flatten() for part in network.load(path).state_dict().values()])


def test_it_goes_on_from_weights_in_another_world(short, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    one = ["--steps", "1", "--hearts", "1"]
    train.main([*one, "--seed", "3", "--output", str(first)])
    train.main([*one, "--seed", "4", "--world", "usual", "--start", str(first), "--output", str(second)])
    facts = network.facts_of(second)
    assert facts["world"] == "usual"
    assert network.facts_of(first)["world"] == "wide"
    assert facts["earlier"] == "--steps 1 --hearts 1 --seed 3 --world wide"
    moved = (flat(second) - flat(first)).abs()
    # the first step of Adam is as long as the rate, here 1/50 of ON_LR; halves round by up to 2^-11 of a weight
    assert moved.max() <= fitting.ON_LR / fitting.WARM_UP * 1.1 + float(flat(first).abs().max()) * 2**-10
    assert moved.max() > 0
    text = (tmp_path / card.FILE).read_text()
    assert "--seed 3 --world wide --output 1.second.safetensors" in text
    assert "--start 1.second.safetensors --steps 1 --hearts 1 --seed 4 --world usual" in text


class Killed(BaseException):
    pass


@pytest.mark.parametrize("worlds", [["wide"], ["wide", "layered"]])
def test_a_killed_training_goes_on_bit_by_bit(short, tmp_path, monkeypatch, worlds):
    """Killed in the third of four steps, when the mean over steps has begun with the second."""
    monkeypatch.setattr(fitting, "WARM_UP", 2)
    monkeypatch.setattr(train, "STATE_STEPS", 1)
    paths = [tmp_path / name / "w.safetensors" for name in ("whole", "killed")]
    own = ["--steps", "4", "--hearts", "1", "--seed", "3", "--world", *worlds]
    arguments = [[*own, "--output", str(path)] for path in paths]
    train.main(arguments[0])
    original = Pictures.batch

    def batch(self, size):
        if beside(paths[1]).exists() and state.read(beside(paths[1]))[1]["step"] == 2:
            raise Killed
        return original(self, size)

    with monkeypatch.context() as patch:
        patch.setattr(Pictures, "batch", batch)
        with pytest.raises(Killed):
            train.main(arguments[1])
    assert not paths[1].exists()
    with pytest.raises(UserError, match=r"an unfinished training with 'steps' 4, but now it is 5"):
        train.main([*arguments[1], "--steps", "5"])
    train.main(arguments[1])
    assert torch.equal(flat(paths[0]), flat(paths[1]))
    assert {each.name for each in paths[1].parent.iterdir()} == {"w.safetensors", card.FILE}


def test_a_world_changes_what_is_learnt(short, tmp_path):
    found = []
    for world in ("wide", "usual"):
        path = tmp_path / f"{world}.safetensors"
        train.main(["--steps", "1", "--hearts", "1", "--seed", "3", "--world", world, "--output", str(path)])
        found.append(flat(path))
    assert not torch.equal(*found)


def test_an_average_lies_between_and_its_card_repeats_it(short, tmp_path):
    first, second, mean = (tmp_path / name / "w.safetensors" for name in ("one", "two", "mean"))
    one = ["--steps", "1", "--hearts", "1"]
    train.main([*one, "--seed", "3", "--output", str(first)])
    train.main([*one, "--seed", "4", "--world", "layered", "--start", str(first), "--output", str(second)])
    both = ["--start", str(first), "--trained", str(second), "--output", str(mean)]
    average.main([*both, "--share", "0.25"])
    expected = 0.75 * flat(first) + 0.25 * flat(second)
    assert (flat(mean) - expected).abs().max() <= float(expected.abs().max()) * 2**-11  # halves
    assert network.facts_of(mean)["world"] == "layered"
    commands = mean.with_name(card.FILE).read_text()
    assert "--steps 1 --hearts 1 --seed 3 --world wide --output 1.w.safetensors" in commands
    assert "--seed 4 --world layered --output 2.w.safetensors" in commands
    assert "--start 1.w.safetensors --trained 2.w.safetensors --share 0.25 --output w.safetensors" in commands


def test_a_training_in_several_worlds_goes_on_from_an_average_and_its_card_has_every_command(short, tmp_path):
    first, second, third, last = (tmp_path / name / "w.safetensors" for name in ("one", "two", "three", "four"))
    one = ["--steps", "1", "--hearts", "1"]
    train.main([*one, "--seed", "3", "--output", str(first)])
    train.main([*one, "--seed", "4", "--world", "layered", "--start", str(first), "--output", str(second)])
    average.main(["--start", str(first), "--trained", str(second), "--share", "0.25", "--output", str(third)])
    train.main([*one, "--seed", "5", "--start", str(third), "--world", "wide", "layered", "--output", str(last)])
    text = last.with_name(card.FILE).read_text()
    assert "1 hearts of each of the worlds `wide` and `layered`" in text
    assert [line.split("vita.contouring.")[1] for line in text.splitlines() if line.startswith("    python")] == [
        "train --steps 1 --hearts 1 --seed 3 --world wide --output 1.w.safetensors",
        "train --start 1.w.safetensors --steps 1 --hearts 1 --seed 4 --world layered --output 2.w.safetensors",
        "average --start 1.w.safetensors --trained 2.w.safetensors --share 0.25 --output 3.w.safetensors",
        "train --start 3.w.safetensors --steps 1 --hearts 1 --seed 5 --world wide layered --output w.safetensors",
    ]


@pytest.fixture(scope="module")
def of_each():
    rng = np.random.default_rng(8)
    return [draw_sections(1, rng, world) for world in (WIDE, LAYERED)]


@pytest.mark.parametrize(("size", "counts"), [(4, (2, 2)), (5, (3, 2))])
def test_a_batch_has_as_many_pictures_of_each_world(of_each, size, counts):
    mixture = mixed([WIDE, LAYERED], 1, np.random.default_rng(8), 6)
    alone = [
        Pictures(sections, 6 + 1000 * number, world)
        for number, (sections, world) in enumerate(zip(of_each, (WIDE, LAYERED), strict=True))
    ]
    for images, views, classes in mixture.batches(size, 2):
        expected = [part.batch(count) for part, count in zip(alone, counts, strict=True)]
        for found, own in zip((images, views, classes), zip(*expected, strict=True), strict=True):
            assert torch.equal(found, torch.cat(own))


def test_one_world_alone_is_learnt_as_before_there_were_mixtures(of_each):
    (images, _, _), *_ = mixed([WIDE], 1, np.random.default_rng(8), 6).batches(3, 1)
    assert torch.equal(images, Pictures(of_each[0], 6).batch(3)[0])


@pytest.mark.parametrize(("share", "told"), [("1.5", "between 0 and 1"), ("0.5", "not the end of a training")])
def test_an_average_that_cannot_be_is_refused(short, tmp_path, share, told):
    path = tmp_path / "one.safetensors"
    train.main(["--steps", "1", "--hearts", "1", "--output", str(path)])
    with pytest.raises(UserError, match=told):
        average.main(["--start", str(path), "--trained", str(path), "--share", share, "--output", str(path)])
