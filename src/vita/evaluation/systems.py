"""The systems that are compared: their order and the names that tables and figures print."""

TITLES = {
    "mean_guess": "Mean guess",
    "resnet50": "ResNet-50",
    "vit": "ViT",
    "mae": "MAE",
    "vita_sa": "ViTa (SA)",
    "vita_la": "ViTa (LA)",
    "nnunet": "nnU-Net",
    "vita": "ViTa",
}


def title(system: str) -> str:
    """The printed name; a system that only this run knows keeps its own."""
    return TITLES.get(system, system)


def ordered(systems: set[str] | list[str]) -> list[str]:
    """Each system once: known ones in the order of the paper, then others by name."""
    known = [name for name in TITLES if name in systems]
    return known + sorted(set(systems) - set(known))
