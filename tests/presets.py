"""The presets that ship with the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRESETS = sorted((ROOT / "workflow" / "presets").glob("*.yaml"))


def layers(preset: Path) -> list[Path]:
    """A preset and, before it, the one that it lies over."""
    return [preset.with_stem("paper"), preset] if preset.stem in ("published", "rap") else [preset]
