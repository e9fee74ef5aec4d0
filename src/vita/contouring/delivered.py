"""Where the weights that come with the package lie."""

from pathlib import Path

WEIGHTS = Path(__file__).with_name("weights") / "contours.safetensors"
