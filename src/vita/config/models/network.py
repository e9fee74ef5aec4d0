"""The blocks of the configuration about the networks and the machines that train them."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import Block, Count, Number, Positions, Share, unit


class Network(Block):
    """Sizes of the networks."""

    frames: Count = 5
    """frames per sample, evenly spaced over the cycle; a stage may use another number"""
    sampling: Literal["cycle", "ends"] = "cycle"
    """which frames: cycle: evenly spaced around the cycle | ends: from the first to the last (published code)"""
    patch: Annotated[list[Count], Field(min_length=3, max_length=3)] = [5, 12, 12]
    """extent of a patch: frames, rows, columns"""
    width: Annotated[int, Field(ge=9)] = 105
    """token width: 1 view channel + 4 blocks of sines and cosines"""
    heads: Count = 5
    """attention heads; their number must divide the width"""
    depth: Count = 3
    """layers of the image encoder"""
    decoder_depth: Count = 1
    """layers of the Stage I decoder"""
    tabular_depth: Count = 1
    """layers of the tabular encoder"""
    projection: Count = 64
    """width of Stage II's shared embedding space"""
    head_width: Count = 256
    """hidden width of the Stage III heads"""
    segmenter_hidden: Annotated[int, Field(ge=18, multiple_of=18)] = 288
    """channels into which the segmentation decoder maps the tokens of all planes together"""
    segmenter_feature: Count = 16
    """channels of the segmentation decoder at full resolution"""
    segmenter_frames: Number = 16
    """channels of a decoder that draws each frame of each plane from its own image; 0: the published one, which the
    two sizes above are of"""
    positions: Positions = "block"
    """block (published weights) | interleaved (as printed) | 4d (no view channel)"""


class Training(Block):
    """Where and how models are trained."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto | cpu | cuda"""
    precision: Literal["32", "bf16", "fp16"] = "32"
    """32 | bf16 | fp16"""
    checkpoint_steps: Count = 100
    """number of steps between resumable states"""
    cache_mb: Annotated[Number, unit("MB")] = 1500
    """samples are kept in memory up to this size"""
    workers: Number = 0
    """processes that read samples if they do not fit into cache_mb"""
    keep_state_mb: Annotated[Number, unit("MB")] = 100
    """the state of a finished training is kept up to this size, so that epochs can be added later"""
    not_learning: Literal["warn", "stop", "ignore"] = "warn"
    """if a training is no better than an answer that ignores the images: warn | stop | ignore"""
    not_learning_after: Share = 0.3
    """share of the epochs after which this is checked; it is checked once more at the end"""
    nodes: Count = 1
    """machines that a training spans; more than one only in a SLURM job"""
    compile: bool = False
    """compile models with torch.compile"""
    tensorboard: bool = True
    """events for TensorBoard, if it is installed"""
    wandb: str = ""
    """Weights & Biases project; empty for none"""
