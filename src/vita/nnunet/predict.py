"""Masks of the validation and test splits by a view's trained nnU-Net.

    python -m vita.nnunet.predict --folder results/nnunet/sa --output results/nnunet/sa/masks
        --settings '{"training": {"threads": 2, "device": "auto"}}'

Runs in nnU-Net's environment, with its defaults: last weights, averaging over mirrored images, no postprocessing.
"""

from pathlib import Path

from vita.config.blocks import needed
from vita.nnunet.engine import choose_device, set_up, threads_of
from vita.nnunet.layout import CHANNEL, DATASET, FILE_ENDING, FOLD, model_folder
from vita.runtime import cli
from vita.runtime.errors import UserError

CHECKPOINT = "checkpoint_final.pth"


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder of the view")
    parser.add_argument("--output", type=Path, required=True, help="folder for masks")
    cli.add_settings(parser, "the block training")
    args = parser.parse_args(arguments)
    threads, trained = threads_of(args.settings), model_folder(args.folder)
    if not (trained / f"fold_{FOLD}" / CHECKPOINT).is_file():
        raise UserError(f"{trained} holds no finished nnU-Net; run the rule train_nnunet")
    images = sorted((args.folder / "raw" / DATASET / "imagesTs").glob(f"*{CHANNEL}{FILE_ENDING}"))
    set_up(args.folder, threads, threads)
    device = choose_device(needed(args.settings, "training.device"), threads, seed=0)
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=device, perform_everything_on_device=device.type == "cuda", allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(trained), (FOLD,), CHECKPOINT)
    args.output.mkdir(parents=True, exist_ok=True)
    masks = [str(args.output / path.name.removesuffix(f"{CHANNEL}{FILE_ENDING}")) for path in images]
    predictor.predict_from_files_sequential([[str(path)] for path in images], masks)


if __name__ == "__main__":
    cli.run(main)
