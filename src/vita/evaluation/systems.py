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

TASK_TITLES = {
    "stage1": "Stage I, reconstruction",
    "stage2": "Stage II, alignment",
    "sa_phenotypes": "Short-axis phenotypes",
    "la_phenotypes": "Long-axis phenotypes",
    "disease_cad": "Coronary artery disease",
}


def title(system: str) -> str:
    """The printed name, with the target of a model of one; a system that only this run knows keeps its own."""
    name, _, target = system.partition("-")
    return TITLES.get(name, name) + (f", {target.replace('_', ' ')}" if target else "")


def task_title(task: str) -> str:
    """A task or stage as it is printed."""
    if task in TASK_TITLES:
        return TASK_TITLES[task]
    words = task.removeprefix("disease_").replace("_", " ")
    return words[:1].upper() + words[1:]


def ordered(systems: set[str] | list[str]) -> list[str]:
    """Each system once: known ones in the order of the paper, then others by name."""
    known = [name for name in TITLES if name in systems]
    return known + sorted(set(systems) - set(known))
