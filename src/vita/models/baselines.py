"""Baselines that use a different network from the project's encoder."""

from collections.abc import Sequence

from monai.networks.nets.resnet import resnet50
from torch import Tensor, nn

from vita.models.heads import Output, total_width
from vita.models.settings import ModelSettings


class ResNet50(nn.Module):
    """A 2-D ResNet-50 from scratch; planes and frames are its input channels.

    Args:
        settings: sizes of the input.
        outputs: targets of the task.
    """

    def __init__(self, settings: ModelSettings, outputs: Sequence[Output]) -> None:
        super().__init__()
        self.outputs = tuple(outputs)
        self.network = resnet50(
            spatial_dims=2,
            n_input_channels=settings.planes * settings.frames,
            num_classes=total_width(outputs),
            conv1_t_size=7,
            conv1_t_stride=2,  # as in the original; MONAI's default of 1 is meant for small volumes
        )

    def forward(self, images_bsthw: Tensor) -> Tensor:
        """Images (batch, plane, time, height, width) to raw outputs (batch, total width of the outputs)."""
        outputs: Tensor = self.network(images_bsthw.flatten(1, 2))
        return outputs
