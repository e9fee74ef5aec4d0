"""Names of what is compared, in the order and words that tables, figures and the report print.

A new system, task, table or figure is a row here, beside the module that makes it.
"""

ABLATION_TABLES = ("tableA5_positional_encoding", "tableA6_masking_ratio")
FRAMES_TABLE, ALIGNMENT_TABLE = "ablation_frames", "ablation_alignment"
POSITIONS = {"4d": "4D", "block": "5D", "interleaved": "5D, interleaved"}
SYSTEM_TITLES = {
    "mean_guess": "Mean guess",
    "resnet50": "ResNet-50",
    "vit": "ViT",
    "mae": "MAE",
    "vita_sa": "ViTa (SA)",
    "vita_la": "ViTa (LA)",
    "nnunet": "nnU-Net",
    "vita": "ViTa",
}
# Stages I and II of a single view are those of the system with that view
STARTS = {"view_sa": "vita_sa", "view_la": "vita_la"}
# other variants of Stages I and II, by what their names begin with
VARIANTS = {
    "mask": "ViTa, {} % hidden",
    "positions": "ViTa, {} positions",
    "frames": "ViTa, {} frames",
    "tau": "ViTa, tau {}",
    "lambda": "ViTa, lambda {}",
}
TASK_TITLES = {
    "stage1": "Stage I, reconstruction",
    "stage2": "Stage II, alignment",
    "sa_phenotypes": "Short-axis phenotypes",
    "la_phenotypes": "Long-axis phenotypes",
    "physiological": "Physiological features",
    "disease_cad": "Coronary artery disease",
    "disease_stroke": "Stroke",
    "disease_hypertension": "Hypertension",
    "disease_infarct": "Myocardial infarction",
    "disease_diabetes": "Diabetes",
    "disease_high_blood_pressure": "High blood pressure",
    "binary_features": "Binary features",
    "categorical_features": "Categorical features",
    "segmentation": "Segmentation",
}
TABLE_TITLES = {
    "table1_sa_phenotypes": "Table 1: short-axis phenotypes",
    "table2_la_phenotypes": "Table 2: long-axis phenotypes",
    "table3_physiological": "Table 3: physiological features",
    "table4_diseases": "Table 4: diseases",
    "tableA5_positional_encoding": "Table A.5: positional encoding",
    "tableA6_masking_ratio": "Table A.6: masking ratio",
    "tableC8_cohort": "Table C.8: the test split",
    "segmentation": "Segmentation",
    "binary_features": "Binary features",
    "categorical_features": "Categorical features",
    "overlap": "Inputs that tell a target",
    FRAMES_TABLE: "Frames of a sample",
    ALIGNMENT_TABLE: "Alignment: tau and lambda",
}
FIGURE_TITLES = {
    "fig2_temporal_sections": "Figure 2: sections of the cardiac cycle",
    "fig3_subject_trajectories": "Figure 3: paths through the cycle",
    "fig4_phenotype_tsne": "Figure 4: map of phenotypes",
    "fig5_phenotype_scatter": "Figure 5: phenotypes",
    "fig6_physiological_scatter": "Figure 6: physiological features",
    "fig7_segmentation": "Figure 7: segmentation",
    "fig8_segmentation_examples": "Figure 8: masks",
    "figB9_reconstructions": "Figure B.9: reconstructions",
    "calibration": "Calibration of diseases",
    "bland_altman": "Phenotypes from predicted masks",
    "scan_quality": "Quality of scans",
    "volume_curves": "Volumes over the cycle",
    "plane_intersections": "Where planes meet",
    "learning_curves": "Learning curves",
}


def title(system: str) -> str:
    """The printed name, with the target of a model of one; a system that only this run knows keeps its own."""
    name, _, target = system.partition("-")
    base, _, without = name.partition("_without_")
    base = STARTS.get(base, base)
    words = SYSTEM_TITLES.get(base) or _variant(base)
    words += f" without {without.replace('_', ' ')}" if without else ""
    return words + (f", {target.replace('_', ' ')}" if target else "")


def _variant(name: str) -> str:
    """A variant of Stage I or II in words: `mask_92_5` is one with 92.5 % hidden."""
    kind, _, value = name.partition("_")
    if kind not in VARIANTS or not value:
        return name
    return VARIANTS[kind].format(POSITIONS.get(value, value.replace("_", ".")))


def task_title(task: str) -> str:
    """A task or stage as it is printed."""
    return TASK_TITLES.get(task, task)


def ordered_tasks(tasks: set[str] | list[str]) -> list[str]:
    """Each stage or task once: known ones in the order above, then others by name."""
    return _ordered(tasks, TASK_TITLES)


def ordered(systems: set[str] | list[str]) -> list[str]:
    """Each system once: known ones in the order of the paper, then others by name."""
    return _ordered(systems, SYSTEM_TITLES)


def _ordered(names: set[str] | list[str], known: dict[str, str]) -> list[str]:
    first = [name for name in known if name in names]
    return first + sorted(set(names) - set(first))
