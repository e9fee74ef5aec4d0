"""Where the network's weights lie: those that come with the package, and those of a run."""

from pathlib import Path

FILE = "contours.safetensors"
FOLDER = "contours"  # in a run's folder of models, of weights that went on learning on its scans
WEIGHTS = Path(__file__).with_name("weights") / FILE
