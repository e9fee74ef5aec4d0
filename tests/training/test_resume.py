"""Interrupted trainings end with the weights of uninterrupted ones, bit by bit."""

import json
import multiprocessing
import os
import random
import re
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from training import toy
from vita.runtime.errors import UserError
from vita.training import callbacks, stage1, stage2, stage3
from vita.training.callbacks import KeepState
from vita.training.device import chosen_device

LONG = {"epochs": 3, "augment": True}
MODULES = {"stage1": stage1, "stage2": stage2, "stage3": stage3, "segmentation": stage3}


def arguments(cohort: toy.Toy, name: str, output: Path, **settings) -> list[str]:
    settings = LONG | {"training": {"checkpoint_steps": 3}} | settings
    if name in ("stage3", "segmentation"):
        task = "sa_phenotypes" if name == "stage3" else name
        return cohort.stage3(task, "vit", output, **settings)
    return cohort.arguments(name, output, **settings)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(first: Path, second: Path) -> bool:
    a, b = weights(first), weights(second)
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, action) -> None:
    """Do something when a step is done, before anything is saved for it."""
    original = KeepState.on_train_batch_end

    def spied(self, trainer, learner, outputs, batch, index):
        if learner.progress.step + 1 == step:
            action()
        original(self, trainer, learner, outputs, batch, index)

    monkeypatch.setattr(KeepState, "on_train_batch_end", spied)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", list(MODULES))
def test_muon_goes_on_bit_by_bit(cohort, tmp_path, monkeypatch, name):
    main, own = MODULES[name].main, {"optimizer": "muon"}
    main(arguments(cohort, name, tmp_path / "whole", **own))
    main(arguments(cohort, name, tmp_path / "adamw"))
    assert not same(tmp_path / "whole", tmp_path / "adamw")

    def kill():
        raise Killed

    with monkeypatch.context() as patch:
        stop_at(patch, 8, kill)
        with pytest.raises(Killed):
            main(arguments(cohort, name, tmp_path / "m", **own))
    main(arguments(cohort, name, tmp_path / "m", **own))
    assert same(tmp_path / "whole", tmp_path / "m")


@pytest.mark.parametrize("name", list(MODULES))
def test_seed_decides_and_interruption_does_not(cohort, tmp_path, monkeypatch, name):
    main = MODULES[name].main
    main(arguments(cohort, name, tmp_path / "whole"))
    for step, how in ((6, "kill"), (10, "kill"), (7, "term"), (8, "term")):
        folder = tmp_path / f"{how}{step}"

        def kill():
            raise Killed

        with monkeypatch.context() as patch:
            stop_at(patch, step, kill if how == "kill" else lambda: os.kill(os.getpid(), signal.SIGTERM))
            with pytest.raises(Killed if how == "kill" else SystemExit):
                main(arguments(cohort, name, folder))
        assert not (folder / "model.safetensors").exists()
        main(arguments(cohort, name, folder))
        assert same(tmp_path / "whole", folder), (step, how)


def saved_step(folder: Path) -> int:
    """Step of the state on disk, 0 without one."""
    state = folder / "checkpoints" / "state.pt"
    return torch.load(state, weights_only=True)["progress"]["step"] if state.exists() else 0


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Starts processes in which torch is imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vita.training.finetune", "vita.training.alignment"])
    return context


def wait_until(process: BaseProcess, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 600
    while not holds():
        assert process.exitcode is None, "it ended by itself"
        assert time.monotonic() < end
        time.sleep(0.01)


MANY = 40  # epochs that are not over before a test on a busy machine has looked


@pytest.mark.thorough
@pytest.mark.parametrize("name", list(MODULES))
def test_a_process_signalled_and_killed_at_random_moments(cohort, tmp_path, processes, name):
    """SIGUSR1 and then SIGKILL, SIGTERM for the next process, and a third one trains to the end."""
    main, folder, every = MODULES[name].main, tmp_path / "m", 8
    long = {"epochs": MANY, "training": {"checkpoint_steps": every}}
    own = arguments(cohort, name, folder, **long)

    def start() -> BaseProcess:
        process = processes.Process(target=main, args=(own,))
        process.start()
        return process

    def saved_by_signal() -> bool:
        os.kill(process.pid, signal.SIGUSR1)
        return saved_step(folder) % every != 0

    process = start()
    wait_until(process, lambda: saved_step(folder) > 0)  # by now it hears signals
    wait_until(process, saved_by_signal)
    time.sleep(random.uniform(0, 0.2))
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    killed_at = saved_step(folder)
    process = start()
    wait_until(process, lambda: saved_step(folder) > killed_at)
    time.sleep(random.uniform(0, 0.1))
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    assert killed_at < saved_step(folder) < MANY * 4
    main(own)
    main(arguments(cohort, name, tmp_path / "whole", **long))
    assert same(tmp_path / "whole", folder)


def test_signals_save_at_once(cohort, tmp_path, monkeypatch):
    own = arguments(cohort, "stage1", tmp_path / "m", training={"checkpoint_steps": 1000})
    stop_at(monkeypatch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as stopped:
        stage1.main(own)
    assert stopped.value.code == 143
    assert torch.load(tmp_path / "m/checkpoints/state.pt", weights_only=True)["progress"]["step"] == 5


def test_sigusr1_saves_and_goes_on(cohort, tmp_path, monkeypatch):
    saved = []
    original = callbacks.save_state

    def spied(path, state):
        saved.append(state.progress.step)
        original(path, state)

    monkeypatch.setattr(callbacks, "save_state", spied)
    stop_at(monkeypatch, 5, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", training={"checkpoint_steps": 1000}))
    assert saved == [5, 12]  # and the end
    assert torch.load(tmp_path / "m/checkpoints/state.pt", weights_only=True)["progress"]["step"] == 12


def test_large_states_are_not_kept_after_the_end(cohort, tmp_path):
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", training={"checkpoint_steps": 5, "keep_state_mb": 0}))
    assert not (tmp_path / "m/checkpoints/state.pt").exists()
    assert (tmp_path / "m/model.safetensors").exists()


def test_other_configuration_of_an_unfinished_training_is_refused(cohort, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            stage1.main(arguments(cohort, "stage1", tmp_path / "m"))
    with pytest.raises(UserError, match=r"stage\.lr.*0\.002.*0\.003"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m", lr=3e-3))
    with pytest.raises(UserError, match=r"model\.depth' 1,.*2"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m", model={"depth": 2}))
    with pytest.raises(UserError, match=r"settings\.precision' \"32\",.*\"bf16\""):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m", training={"precision": "bf16"}))


def test_unfinished_training_on_other_data_is_deleted(cohort, tmp_path, monkeypatch):
    """As after a withdrawal: nobody can set that back, and the state has seen who withdrew."""
    with monkeypatch.context() as patch:
        stop_at(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            stage1.main(arguments(cohort, "stage1", tmp_path / "m"))
    assert list((tmp_path / "m").rglob("state.pt"))
    split = pd.read_parquet(cohort.split)
    split.drop(split.index[split["split"] == "train"][0]).to_parquet(tmp_path / "split.parquet")
    for folder in ("m", "fresh"):
        own = arguments(cohort, "stage1", tmp_path / folder)
        own[own.index("--split") + 1] = str(tmp_path / "split.parquet")
        stage1.main(own)
    assert same(tmp_path / "m", tmp_path / "fresh")


def test_finished_training_is_not_repeated_but_goes_on_for_more_epochs(cohort, tmp_path, monkeypatch):
    folder = tmp_path / "m"
    stage1.main(arguments(cohort, "stage1", folder))
    first = weights(folder)
    (folder / "model.safetensors").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(KeepState, "on_train_batch_end", lambda *_: pytest.fail("trained again"))
        stage1.main(arguments(cohort, "stage1", folder))
    assert all(torch.equal(first[name], tensor) for name, tensor in weights(folder).items())
    stage1.main(arguments(cohort, "stage1", folder, epochs=5))
    rows = (folder / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4", "5"]
    assert json.loads((folder / "config.json").read_text())["steps"] == 20


def test_other_epochs_for_an_unfinished_training(cohort, tmp_path, monkeypatch):
    """Epochs that are still to come may be more or fewer; those that are done cannot be undone."""
    with monkeypatch.context() as patch:
        stop_at(patch, 9, lambda: os.kill(os.getpid(), signal.SIGTERM))  # in the third epoch of three
        with pytest.raises(SystemExit):
            stage1.main(arguments(cohort, "stage1", tmp_path / "m"))
    with pytest.raises(UserError, match=r"stage\.epochs' 3, but now it is 1; set it back"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m", epochs=1))
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", epochs=4))
    history = pd.read_csv(tmp_path / "m/history.csv")
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["learning_rate"].iloc[-1] < 0.1 * toy.STAGE["lr"]


def test_several_gpus_of_which_one_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match=r"2 GPUs are requested \(.*'resources\.rules'\), but there are 1"):
        chosen_device("auto", 2)
    assert chosen_device("cpu", 2).type == "cpu"


@pytest.mark.parametrize("change", [{"lr": 1e-3}, {"training": {"precision": "bf16"}}])
def test_finished_training_of_another_configuration_starts_anew(cohort, tmp_path, change):
    stage1.main(arguments(cohort, "stage1", tmp_path / "m"))
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", **change))
    stage1.main(arguments(cohort, "stage1", tmp_path / "fresh", **change))
    assert same(tmp_path / "m", tmp_path / "fresh")


def test_no_participant_in_any_file(cohort, tmp_path):
    stage3.main(arguments(cohort, "stage3", tmp_path / "m"))
    eid = re.compile(rb"50000\d\d")
    for path in (tmp_path / "m").rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            assert not eid.search(path.read_bytes()), path.name


def test_a_broken_state_is_one_clear_line(cohort, tmp_path):
    (tmp_path / "m/checkpoints").mkdir(parents=True)
    (tmp_path / "m/checkpoints/state.pt").write_bytes(b"no state")
    with pytest.raises(UserError, match="delete it"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m"))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(cohort, tmp_path, monkeypatch):
    from vita.training.reconstruction import ReconstructionLearner

    original = ReconstructionLearner.training_loss

    def poisoned(self, batch, generator):
        return original(self, batch, generator) * (float("nan") if self.progress.step == 7 else 1)

    monkeypatch.setattr(ReconstructionLearner, "training_loss", poisoned)
    with pytest.raises(UserError, match=r"nan at step 8 \(epoch 2\).*step 6"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m"))
    assert torch.load(tmp_path / "m/checkpoints/state.pt", weights_only=True)["progress"]["step"] == 6
