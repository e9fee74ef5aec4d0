"""Turn a checkpoint of the paper's published code into weights that this project's stages start from.

The checkpoint (a Lightning file of Stage I or II, or of Stage III's segmentation) is read without running code from
it. The output folder holds `model.safetensors` and `config.json`; give it as `init` of Stage I, II or III. A
segmentation is written as Stage III writes its own, and a segmentation that starts from it takes the decoder too.

    python -m vita.models.import_published --checkpoint published.ckpt --output results/models/published
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

if TYPE_CHECKING:  # these import torch, for which `--help` should not have to wait
    from torch import Tensor

    from vita.models.settings import ModelSettings

# positions are fixed; a difference above rounding means that they are encoded in another way
_POSITION_TOLERANCE = 1e-4
_PAPER_HEADS = 5


def main(arguments: list[str] | None = None) -> None:
    """Command line: read a checkpoint, check it, write weights and sizes."""
    parser = cli.parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="published Lightning or PyTorch file")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--heads",
        type=int,
        default=_PAPER_HEADS,
        help="number of attention heads, which cannot be read off the weights",
    )
    parser.add_argument("--allow-missing", action="store_true", help="import although some weights are missing")
    parser.add_argument(
        "--allow-left-over", action="store_true", help="import although some weights have no place here"
    )
    args = parser.parse_args(arguments)
    import_checkpoint(args.checkpoint, args.output, args.heads, args.allow_missing, args.allow_left_over)


def import_checkpoint(
    checkpoint: Path,
    output: Path,
    heads: int = _PAPER_HEADS,
    allow_missing: bool = False,
    allow_left_over: bool = False,
) -> None:
    """Write `model.safetensors` and `config.json` of a published checkpoint to the folder `output`.

    Args:
        checkpoint: Lightning or PyTorch file of the authors' code.
        output: folder, which is made.
        heads: number of attention heads, which cannot be read off the weights.
        allow_missing: import although some weights of a part that the checkpoint has are missing.
        allow_left_over: import although some weights have no place here.

    Raises:
        UserError: if the file cannot be read, its positions are not the published ones, or weights are missing or left
            over and that is not allowed.
    """
    from safetensors.torch import save_file

    from vita.models.published import rename, settings_of
    from vita.models.restricted import read_tensors

    state = read_tensors(checkpoint)
    settings = settings_of(state, heads)
    _check_positions(state, settings)
    weights, left_over = rename(state)
    left_over = _without_foreign_projectors(weights, left_over, settings)
    problems = unplaced(weights, settings)
    missing = [name for name in problems if name not in weights]
    left_over += [name for name in problems if name in weights]
    _refuse("missing", missing, allow_missing)
    _refuse("left over", left_over, allow_left_over)
    kept = {name: value.float().contiguous().clone() for name, value in weights.items() if name not in problems}
    if any(name.startswith("segmenter.") for name in kept):
        kept = {_as_segmenter(name): value for name, value in kept.items()}
    output.mkdir(parents=True, exist_ok=True)
    with replacing(output / "model.safetensors") as temporary:
        save_file(kept, temporary)
    config = {"model": settings.to_dict(), "source": checkpoint.name}
    write_text(output / "config.json", json.dumps(config, indent=2) + "\n")
    logging.info("%d weights of %s written to %s", len(kept), checkpoint, output)


def _without_foreign_projectors(
    weights: dict[str, "Tensor"], left_over: list[str], settings: "ModelSettings"
) -> list[str]:
    """Drop, in place, projectors of another form, such as with normalisation; return what else is left over.

    Everything after Stage II starts from the encoders, and a new Stage II can learn its own projectors.
    """
    for part, published in (("image_projector", "projector_imaging."), ("table_projector", "projector_tabular.")):
        foreign = [name for name in left_over if name.startswith(published)]
        problems = [name for name in unplaced(weights, settings) if name.startswith(f"{part}.")]
        if foreign or problems:
            logging.warning(
                "%s* is not two linear maps with biases (%s): it is left out, and Stage II will train its own "
                "from scratch",
                published,
                ", ".join(foreign or problems),
            )
            left_over = [name for name in left_over if name not in foreign]
            for name in [name for name in weights if name.startswith(f"{part}.")]:
                del weights[name]
    return left_over


def _as_segmenter(name: str) -> str:
    """A weight's name in a Stage III segmentation model, where the image encoder is called `encoder`."""
    part, rest = name.split(".", 1)
    return rest if part == "segmenter" else f"encoder.{rest}" if part == "image_encoder" else name


def _refuse(what: str, names: list[str], allowed: bool) -> None:
    """List weights that are missing or left over; stop unless the user allows them."""
    if not names:
        return
    listed = ", ".join(sorted(names))
    if not allowed:
        option = "--allow-" + what.replace(" ", "-")
        raise UserError(f"{len(names)} weights are {what}: {listed}; check the checkpoint, or add {option}")
    logging.warning("%d weights are %s: %s", len(names), what, listed)


def unplaced(weights: Mapping[str, "Tensor"], settings: "ModelSettings") -> list[str]:
    """Names of weights that are missing, left over or of another shape, part by part.

    A part that is absent from the checkpoint is not checked: Stage I, for example, has no tabular encoder.

    Args:
        weights: by this project's names.
        settings: sizes read off the checkpoint.
    """
    expected = expected_weights(weights, settings)
    parts = {name.split(".")[0] for name in weights}
    missing = [name for name in expected if name not in weights and name.split(".")[0] in parts]
    wrong = [name for name, value in weights.items() if name not in expected or expected[name] != tuple(value.shape)]
    return missing + wrong


def expected_weights(weights: Mapping[str, "Tensor"], settings: "ModelSettings") -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of a model with these sizes and with as many features as the checkpoint has."""
    import torch

    from vita.models.alignment import Alignment
    from vita.models.mae import Decoder
    from vita.models.segmenter import Segmenter

    scale, lookup = weights.get("tabular_encoder.scale"), weights.get("tabular_encoder.lookup.weight")
    numbers, rows = (0 if scale is None else len(scale)), (0 if lookup is None else len(lookup))
    with torch.device("meta"):  # only shapes, without allocating memory
        alignment = Alignment(settings, numbers, 0, [rows])
        decoder, segmenter = Decoder(settings), Segmenter(settings, alignment.image_encoder)
    expected = dict(alignment.state_dict()) | {f"decoder.{name}": value for name, value in decoder.state_dict().items()}
    segmenting = segmenter.state_dict().items()
    expected |= {f"segmenter.{name}": value for name, value in segmenting if not name.startswith("encoder.")}
    return {name: tuple(value.shape) for name, value in expected.items()}


def _check_positions(state: Mapping[str, "Tensor"], settings: "ModelSettings") -> None:
    """Check that the published positions are those that this project computes."""
    from vita.models.tokens import image_positions, tabular_positions

    for name in ("encoder_imaging.enc_pos_embed", "decoder_imaging.dec_pos_embed", "encoder_tabular.enc_pos_embed"):
        if name not in state:
            continue
        published = state[name].squeeze(0)
        tabular = name.startswith("encoder_tabular")
        own = tabular_positions(len(published) - 1, settings.width) if tabular else image_positions(settings)
        if published.shape != own.shape or not published.allclose(own, atol=_POSITION_TOLERANCE):
            raise UserError(f"'{name}' of the checkpoint are not the published positions; no model here can use it")


if __name__ == "__main__":
    cli.run(main)
