"""Lines about running trainings: new epochs, not too often, of this run's logs alone."""

import io
import os
import time
from pathlib import Path

from vita.runtime.progress import Progress

LINE = (
    "04:26:19 INFO epoch {epoch}/30, {left} s left: learning_rate 0.00083, train_loss 0.1, val_loss 0.0{epoch}, x 1\n"
)


def write(log: Path, epoch: int, left: int) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(LINE.format(epoch=epoch, left=left))


def test_a_training_tells_its_epoch_time_and_validation_loss(tmp_path: Path) -> None:
    progress, log = Progress(tmp_path, again_s=15), tmp_path / "train_stage1" / "vita.log"
    start = time.time()
    assert list(progress.lines(start)) == []
    write(log, 1, 600)
    write(log, 2, 580)
    os.utime(log, (start + 5, start + 5))
    first = f"train_stage1 vita: epoch 2 of 30, 10 min left, validation loss 0.02 [{log}]"
    assert list(progress.lines(start)) == [first]
    assert list(progress.lines(start + 100)) == []  # nothing new
    write(log, 3, 90)
    assert list(progress.lines(start + 10)) == []  # told a moment ago
    assert next(progress.lines(start + 20)).startswith("train_stage1 vita: epoch 3 of 30, 90 s left")
    write(log, 30, 0)
    assert "epoch 30 of 30" in next(progress.lines(start + 21))  # an end is told at once


def test_logs_of_an_earlier_run_and_of_other_rules_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "train_stage1" / "vita.log", 4, 1)
    os.utime(tmp_path / "train_stage1" / "vita.log", (1, 1))
    write(tmp_path / "embed" / "vita.log", 4, 1)
    assert list(Progress(tmp_path).lines(time.time())) == []


def test_lines_are_printed_while_the_run_goes_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("vita.runtime.progress._LOOK_S", 0.01)
    stream = io.StringIO()
    progress = Progress(tmp_path, stream)
    progress.start()
    write(tmp_path / "train_stage3" / "disease_cad" / "vita.log", 1, 30)
    until = time.time() + 60
    while not stream.getvalue() and time.time() < until:
        time.sleep(0.02)
    progress.stop()
    assert stream.getvalue().startswith("train_stage3 disease_cad vita: epoch 1 of 30, 30 s left")
