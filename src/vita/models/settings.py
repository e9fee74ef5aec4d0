"""Sizes of the networks, checked once so that every module can rely on them."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from vita.config.blocks import check_complete
from vita.runtime.errors import UserError

Positions = Literal["block", "interleaved", "4d"]
POSITIONS: tuple[Positions, ...] = ("block", "interleaved", "4d")
Sampling = Literal["cycle", "ends"]
SAMPLINGS: tuple[Sampling, ...] = ("cycle", "ends")
LONG_AXIS, SHORT_AXIS = 0, 1
# 2ch, 3ch, 4ch, then six short-axis slices from base to apex: the order of planes everywhere in this project.
WHOLE_HEART = (LONG_AXIS,) * 3 + (SHORT_AXIS,) * 6
FRAME_SCALE = 8  # pixels of a crop to one of the frame decoder's coarsest level
# not keys of the configuration: they serve ablations, published weights and experiments from Python
NOT_CONFIGURED = {"decoder_heads", "dropout", "view_of_plane"}


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Sizes of every network; the configuration has them all, see `vita.config.blocks.whole`.

    The paper's run (Section 4.2, Appendix B): size 128, patch (5, 8, 8), width 1025, heads 5, depth 6,
    decoder_depth 2, tabular_depth 2, projection 128, head_width 256, segmenter_hidden 576.

    Attributes:
        view_of_plane: per plane 0 (long axis) or 1 (short axis); its length is the number of planes.
        frames: cine frames of a sample.
        sampling: which frames of the stored cycle are taken, see vita.training.sections.in_turn_frames.
        size: rows and columns of a crop, in pixels.
        patch: extent of a patch (frames, rows, columns).
        width: token width: one view channel and four blocks of sines and cosines.
        decoder_heads: attention heads of the Stage I decoder; 0 means as many as `heads`.
        segmenter_hidden: channels into which the segmentation decoder maps the tokens of all planes together.
        segmenter_feature: channels of the segmentation decoder at full resolution.
        segmenter_frames: channels of a decoder that draws each frame from its own image, see
            vita.models.frame_decoder; 0 for the published decoder, which the two sizes above are of.
        dropout: of attention and MLP outputs.
        checkpointing: recompute blocks in the backward pass, which trades time for memory.
    """

    frames: int
    sampling: Sampling
    size: int
    patch: tuple[int, int, int]
    width: int
    heads: int
    depth: int
    decoder_depth: int
    decoder_heads: int = 0
    tabular_depth: int
    projection: int
    head_width: int
    segmenter_hidden: int
    segmenter_feature: int
    segmenter_frames: int
    positions: Positions
    dropout: float = 0.0
    checkpointing: bool
    view_of_plane: tuple[int, ...] = WHOLE_HEART

    def __post_init__(self) -> None:
        _check_positive(self)
        _check_patch(self)
        _check_width(self)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> "ModelSettings":
        """Settings from the `model` block of the configuration, with `size` from `images.size` and a stage's
        `checkpointing`, as `vita.plan.systems.training_blocks` gives it.

        Raises:
            UserError: a key is unknown or missing, or sizes do not fit together.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(block) - known):
            raise UserError(f"config: unknown key 'model.{unknown[0]}'; known here: {', '.join(sorted(known))}")
        check_complete("model", block, [field.name for field in fields(cls) if field.default is MISSING])
        sequences = {key: tuple(block[key]) for key in ("patch", "view_of_plane") if key in block}
        return cls(**{**block, **sequences})

    @classmethod
    def recorded(cls, config: Mapping[str, Any]) -> "ModelSettings":
        """Settings of a trained model from its config.json, which has no keys that came after the model."""
        return cls.from_dict({"segmenter_frames": 0, **config["model"]})

    def to_dict(self) -> dict[str, object]:
        """The settings in a form that JSON can hold; `from_dict` reads them back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @property
    def planes(self) -> int:
        """Number of planes."""
        return len(self.view_of_plane)

    @property
    def grid(self) -> tuple[int, int, int, int]:
        """Number of patches along (plane, time, row, column)."""
        time, row, column = self.patch
        return self.planes, self.frames // time, self.size // row, self.size // column

    @property
    def tokens(self) -> int:
        """Number of patches of a sample, without the class token."""
        planes, time, row, column = self.grid
        return planes * time * row * column

    @property
    def patch_voxels(self) -> int:
        """Number of voxels of a patch."""
        time, row, column = self.patch
        return time * row * column


def check_frame_scale(size: int, segmenter_frames: int) -> None:
    """Check that a crop fits the decoder that draws each frame, if one is used: whole cells at its coarsest resolution.

    Args:
        size: `images.size`.
        segmenter_frames: `model.segmenter_frames`.

    Raises:
        UserError: the size does not fit that decoder.
    """
    if segmenter_frames and size % FRAME_SCALE:
        raise UserError(
            f"config: 'images.size' is {size}, not a multiple of {FRAME_SCALE}, the coarsest resolution of the decoder "
            "that 'model.segmenter_frames' asks for; change it, or set 'model.segmenter_frames' to 0"
        )


def _check_positive(settings: ModelSettings) -> None:
    counts = ("frames", "size", "width", "heads", "depth", "decoder_depth", "tabular_depth", "projection")
    for name in (*counts, "head_width", "segmenter_hidden", "segmenter_feature"):
        if getattr(settings, name) < 1:
            raise UserError(f"config: 'model.{name}' is {getattr(settings, name)}; it must be at least 1")
    if settings.segmenter_frames < 0:
        raise UserError(f"config: 'model.segmenter_frames' is {settings.segmenter_frames}; it must not be negative")
    if len(settings.patch) != 3 or min(settings.patch) < 1:
        raise UserError(
            f"config: 'model.patch' is {list(settings.patch)}; it needs three sizes (frames, rows, columns)"
        )
    if settings.positions not in POSITIONS:
        raise UserError(f"config: 'model.positions' is '{settings.positions}'; choose one of {', '.join(POSITIONS)}")
    if settings.sampling not in SAMPLINGS:
        raise UserError(f"config: 'model.sampling' is '{settings.sampling}'; choose one of {', '.join(SAMPLINGS)}")
    if not 0 <= settings.dropout < 1:
        raise UserError(f"config: 'model.dropout' is {settings.dropout}; it must be at least 0 and below 1")
    if not settings.view_of_plane or not set(settings.view_of_plane) <= {LONG_AXIS, SHORT_AXIS}:
        raise UserError(f"config: 'model.view_of_plane' is {list(settings.view_of_plane)}; give 0 or 1 for each plane")
    if settings.segmenter_hidden % settings.planes:
        raise UserError(
            f"config: 'model.segmenter_hidden' is {settings.segmenter_hidden}, not a multiple of the "
            f"{settings.planes} planes, which share these channels evenly; change it"
        )


def _check_patch(settings: ModelSettings) -> None:
    """Check that frames and crop are whole numbers of patches."""
    if settings.frames < settings.patch[0]:
        raise UserError(
            f"config: 'model.frames' is {settings.frames}, fewer than the {settings.patch[0]} frames of a patch in "
            "'model.patch'; take more frames or a shorter patch"
        )
    extents = [
        ("model.frames", settings.frames),
        ("model.size", settings.size),
        ("model.size", settings.size),
    ]
    for (key, extent), patch in zip(extents, settings.patch, strict=True):
        if extent % patch:
            origin = " (from images.size)" if key == "model.size" else ""
            raise UserError(
                f"config: '{key}'{origin} is {extent}, not a multiple of {patch} in 'model.patch'; change one of them"
            )
    check_frame_scale(settings.size, settings.segmenter_frames)


def _check_width(settings: ModelSettings) -> None:
    """Check that the heads share the width evenly, and that positions have a view channel and four blocks of an even
    width.
    """
    for key, heads in (
        ("heads", settings.heads),
        ("decoder_heads", settings.decoder_heads or settings.heads),
    ):
        if settings.width % heads:
            raise UserError(
                f"config: 'model.width' is {settings.width}, not a multiple of {heads}, the 'model.{key}'; "
                "change one of them"
            )
    if settings.width < 9 or (settings.width - 1) % 8:
        low = max(9, settings.width - (settings.width - 1) % 8)
        raise UserError(
            f"config: 'model.width' is {settings.width}, not 1 more than a multiple of 8 (view channel and sines and "
            f"cosines of four positions); take {low} or {low + 8}, and 'model.heads' that divide it"
        )
