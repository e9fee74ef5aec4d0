"""Train nnU-Net on one view's preprocessed data set.

    python -m vita.nnunet.train --folder results/nnunet/sa --output results/nnunet/sa/model
        --settings '{"seed": 2026, "nnunet": {"epochs": 1000, "iterations": 250, "val_iterations": 50,
                     "checkpoint_epochs": 50}, "training": {"threads": 2, "device": "auto", "compile": false}}'

Runs in nnU-Net's environment, with nnU-Net's unchanged trainer except for the lengths in the settings. nnU-Net's state
is in the subfolder trained and survives an interruption: the same command resumes from the last checkpoint of a
training on the same data with the same settings. Writes model.safetensors, history.csv and training.json to the output
folder; nnU-Net itself predicts from its checkpoint_final.pth.
"""

import hashlib
import json
import os
import resource
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita.config.blocks import needed
from vita.nnunet.engine import choose_device, set_up, threads_of
from vita.nnunet.layout import CONFIGURATION, DATASET, FOLD, PLANS, TRAINER, model_folder
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.digest import code_digest

_KB_PER_MB = 1024
_PERFECT = 1.0  # nnU-Net's loss is cross-entropy - Dice; this makes it cross-entropy + 1 - Dice, as the others' loss


def identity(folder: Path, settings: Mapping[str, object]) -> str:
    """What must agree for a training to be resumed: plan, cases, settings, and the code here."""
    digest = hashlib.sha256(code_digest("vita.nnunet.train").encode())
    learnt = {
        "epochs": needed(settings, "nnunet.epochs"),
        "iterations": needed(settings, "nnunet.iterations"),
        "val_iterations": needed(settings, "nnunet.val_iterations"),
    }
    digest.update(json.dumps([learnt, needed(settings, "seed")], sort_keys=True).encode())
    data = folder / "preprocessed" / DATASET
    for name in (f"{PLANS}.json", "splits_final.json", "dataset_fingerprint.json"):
        digest.update((data / name).read_bytes())
    return digest.hexdigest()[:16]


def forget_another(folder: Path, own: str) -> None:
    """Remove nnU-Net's state of another training, and mark the folder as this one's."""
    mark = folder / "identity.txt"
    if folder.exists() and not (mark.is_file() and mark.read_text(encoding="utf-8") == own):
        shutil.rmtree(folder)
    write_text(mark, own)


def make_trainer(settings: Mapping[str, object], device: Any) -> Any:
    """nnU-Net's trainer with the lengths of the settings."""
    from nnunetv2.run.run_training import get_trainer_from_args

    trainer = get_trainer_from_args(DATASET, CONFIGURATION, FOLD, TRAINER, PLANS, True, device)
    trainer.num_epochs = needed(settings, "nnunet.epochs")
    trainer.num_iterations_per_epoch = needed(settings, "nnunet.iterations")
    trainer.num_val_iterations_per_epoch = needed(settings, "nnunet.val_iterations")
    trainer.save_every = needed(settings, "nnunet.checkpoint_epochs")
    write = trainer.save_checkpoint

    def save_checkpoint(filename: str) -> None:
        """Write atomically: nnU-Net writes in place, and a kill would leave an unreadable file."""
        with replacing(filename) as path:
            write(str(path))

    trainer.save_checkpoint = save_checkpoint
    return trainer


def history(trainer: Any) -> str:
    """nnU-Net's record of its epochs as the CSV that every model has."""
    names = ("lrs", "train_losses", "val_losses", "mean_fg_dice", "epoch_start_timestamps", "epoch_end_timestamps")
    rows = ["epoch,step,learning_rate,train_loss,val_loss,seconds,dice"]
    columns = zip(*(trainer.logger.get_value(name, None) for name in names), strict=True)
    for epoch, (rate, train_loss, val_loss, dice, start, end) in enumerate(columns, 1):
        losses = [f"{loss + _PERFECT:.6g}" for loss in (train_loss, val_loss)]
        step = epoch * trainer.num_iterations_per_epoch
        rows.append(f"{epoch},{step},{rate:.6g},{','.join(losses)},{end - start:.6g},{dice:.6g}")
    return "\n".join(rows) + "\n"


def weights(trainer: Any) -> dict[str, Any]:
    """The network's weights under their own names, compiled or not; nnU-Net registers many of them twice."""
    network = getattr(trainer.network, "_orig_mod", trainer.network)
    named = dict(network.named_parameters()) | dict(network.named_buffers())
    return {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}


def describe(trainer: Any, device: Any, seconds: float) -> dict[str, Any]:
    """What was trained, on what."""
    import torch

    plan = trainer.configuration_manager
    hardware: dict[str, Any] = {"cpu": os.uname().machine, "cores": os.cpu_count()}
    if device.type == "cuda":
        hardware["gpu"] = torch.cuda.get_device_name(device)
    return {
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "patch": [int(extent) for extent in plan.patch_size],
        "batch": int(plan.batch_size),
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB_PER_MB),
        "hardware": hardware,
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder of the view")
    parser.add_argument("--output", type=Path, required=True, help="folder for weights and records")
    cli.add_settings(parser, "seed and the blocks nnunet and training")
    args = parser.parse_args(arguments)
    settings, threads = args.settings, threads_of(args.settings)
    # one CPU is for the training itself; with a single CPU nnU-Net augments in the same process
    set_up(args.folder, threads, threads - 1, needed(settings, "training.compile"))
    device = choose_device(needed(settings, "training.device"), threads, needed(settings, "seed"))
    forget_another(model_folder(args.folder), identity(args.folder, settings))
    from nnunetv2.run.run_training import maybe_load_checkpoint
    from safetensors.torch import save_file

    start = time.monotonic()
    trainer = make_trainer(settings, device)
    if any(Path(trainer.output_folder).glob("checkpoint_*.pth")):
        maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
    trainer.run_training()
    with replacing(args.output / "model.safetensors") as path:
        save_file(weights(trainer), path)
    write_text(args.output / "history.csv", history(trainer))
    record = describe(trainer, device, time.monotonic() - start)
    write_text(args.output / "training.json", json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    cli.run(main)
