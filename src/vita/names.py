"""Names of everything that is compared, with the order, titles and colours that tables, figures and pages use.

A new system, task, structure, table or figure needs one row here and the module that makes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe and Ito's palette, whose colours remain distinct in grey and with any colour vision.
PALETTE = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = PALETTE
GREY = "#8A8A8A"
WINE = "#882255"  # from Tol's palette; yellow lines are hard to see on white


@dataclass(frozen=True)
class System:
    """A system that is compared: its name in paths, its printed title and its colour."""

    name: str
    title: str
    colour: str


@dataclass(frozen=True)
class Task:
    """A stage or a task of targets.tsv; `short` heads its rows in a table of several tasks.

    Kinds: stage, phenotypes (numbers that are measured on masks), numbers, disease, binary, categorical, masks.
    """

    name: str
    title: str
    kind: str
    short: str = ""


@dataclass(frozen=True)
class Structure:
    """A structure of the heart: its class in masks, its name in tables and its colour."""

    label: int
    name: str
    colour: str


@dataclass(frozen=True)
class Table:
    """A table of the report on these tasks.

    `systems` have a column or rows even if they were not run, because the paper shows them.
    """

    name: str
    title: str
    caption: str = ""
    tasks: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        reads: the module's options that take files, each named after the files that it takes (`vita.plan.products`
            resolves them) or, where the names differ, `option=source`.
        tasks: tasks whose predictions the figure shows; a run without any of them has no such figure.
        options: the module's arguments other than files.
        scans_alone: whether the figure can be drawn without UK Biobank's tables.
        drawn_by: module of vita.report.figures, by default the one with the figure's name.
    """

    name: str
    title: str
    reads: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    options: str = ""
    scans_alone: bool = False
    drawn_by: str = ""

    @property
    def module(self) -> str:
        """Dotted name of the module that draws the figure."""
        return f"vita.report.figures.{self.drawn_by or self.name}"


SYSTEMS = (
    System("mean_guess", "Mean guess", GREY),
    System("demographics", "Demographics", "#B5B5B5"),
    System("brightness", "Brightness", "#6E6E6E"),
    System("random_encoder", "Random encoder", "#4A4A4A"),
    System("probe_mae", "MAE, frozen", "#7FCFB6"),
    System("probe_vita", "ViTa, frozen", "#7FB8D8"),
    System("resnet50", "ResNet-50", ORANGE),
    System("vit", "ViT", VERMILION),
    System("mae", "MAE", GREEN),
    System("vita_sa", "ViTa (SA)", PURPLE),
    System("vita_la", "ViTa (LA)", WINE),
    System("nnunet", "nnU-Net", BLACK),
    System("vita", "ViTa", BLUE),
)
# trivial predictors, which a trained system has to beat to show anything
CONTROLS = ("demographics", "brightness", "random_encoder", "probe_mae", "probe_vita")
PROBES = ("probe_mae", "probe_vita")  # controls on features of a trained encoder
TASKS = (
    Task("stage1", "Stage I, reconstruction", "stage"),
    Task("stage2", "Stage II, alignment", "stage"),
    Task("sa_phenotypes", "Short-axis phenotypes", "phenotypes", "Short axis"),
    Task("la_phenotypes", "Long-axis phenotypes", "phenotypes", "Long axis"),
    Task("physiological", "Physiological features", "numbers", "Physiological"),
    Task("disease_cad", "Coronary artery disease", "disease"),
    Task("disease_stroke", "Stroke", "disease"),
    Task("disease_hypertension", "Hypertension", "disease"),
    Task("disease_infarct", "Myocardial infarction", "disease"),
    Task("disease_diabetes", "Diabetes", "disease"),
    Task("disease_high_blood_pressure", "High blood pressure", "disease"),
    Task("binary_features", "Binary features", "binary"),
    Task("categorical_features", "Categorical features", "categorical"),
    Task("segmentation", "Segmentation", "masks"),
)
PHENOTYPE_TASKS = tuple(task.name for task in TASKS if task.kind == "phenotypes")
REGRESSION_TASKS = tuple(task.name for task in TASKS if task.kind in ("phenotypes", "numbers"))
DISEASE_TASKS = tuple(task.name for task in TASKS if task.kind == "disease")
STRUCTURES = (
    Structure(1, "LVBP", VERMILION),
    Structure(2, "LVMYO", YELLOW),
    Structure(3, "RVBP", BLUE),
    Structure(4, "LABP", GREEN),
    Structure(5, "RABP", PURPLE),
)
PLANES = ("2-chamber", "3-chamber", "4-chamber", *(f"SA {number}" for number in range(1, 7)))  # of a sample, in order
TABLES = (
    Table(
        "table1_sa_phenotypes",
        "Table 1: short-axis phenotypes",
        "Short-axis phenotypes: MAE ± SD of the absolute error on the test split",
        ("sa_phenotypes",),
        ("mean_guess", "resnet50", "vit", "mae", "vita_sa", "vita"),
    ),
    Table(
        "table2_la_phenotypes",
        "Table 2: long-axis phenotypes",
        "Long-axis phenotypes: MAE ± SD of the absolute error on the test split",
        ("la_phenotypes",),
        ("mean_guess", "resnet50", "vit", "mae", "vita_la", "vita"),
    ),
    Table(
        "table3_physiological",
        "Table 3: physiological features",
        "Physiological features: MAE ± SD of the absolute error on the test split",
        ("physiological",),
        ("mean_guess", "resnet50", "vita"),
    ),
    Table(
        "table4_diseases",
        "Table 4: diseases",
        "Diseases classified from images, on the test split",
        DISEASE_TASKS,
        ("resnet50", "vita"),
    ),
    Table(
        "tableA5_positional_encoding",
        "Table A.5: positional encoding",
        "Reconstruction by positional encoding: PSNR in dB, mean ± SD over the test split",
    ),
    Table(
        "tableA6_masking_ratio",
        "Table A.6: masking ratio",
        "Reconstruction by masking ratio: PSNR in dB, mean ± SD over the test split",
    ),
    Table(
        "tableC7_acquisition",
        "Table C.7: acquisition",
        "Acquisition parameters of the scans by view",
    ),
    Table(
        "tableC8_cohort",
        "Table C.8: the test split",
        "The test split, and the error of guessing the training mean",
        REGRESSION_TASKS,
        ("mean_guess",),
    ),
    Table(
        "segmentation",
        "Segmentation",
        "Segmentation of the test split: Dice over all planes that a system sees and the trained frames of a "
        "participant, Hausdorff distances per plane and frame",
        ("segmentation",),
        ("vit", "mae", "nnunet", "vita_sa", "vita_la", "vita"),
    ),
    Table(
        "binary_features",
        "Binary features",
        "Binary features predicted from images, on the test split",
        ("binary_features",),
        ("vita",),
    ),
    Table(
        "categorical_features",
        "Categorical features",
        "Categorical features predicted from images, on the test split",
        ("categorical_features",),
        ("vita",),
    ),
    Table("overlap", "Inputs that reveal a target"),
    Table(
        "ablation_frames",
        "Frames of a sample",
        "Reconstruction by frames of a sample: PSNR in dB, mean ± SD over the test split",
    ),
    Table(
        "incident_disease",
        "Incident disease",
        "Incident disease after the scan on the test split, with death as a competing event (95 % CI)",
    ),
    Table(
        "associations",
        "Associations",
        "The strongest associations of image and phenotypes with features and diseases, in participants not used "
        "to train any encoder (95 % CI)",
    ),
    Table(
        "conformal",
        "Conformal prediction",
        "Conformal 90 % intervals and sets: width, and coverage by sex and age, on the test split",
    ),
    Table(
        "label_efficiency",
        "Label efficiency",
        "Tables 1 and 4 by the fraction of the training labels from which a head on frozen features or, for Table 1, a "
        "whole system learns",
    ),
    Table(
        "any_part",
        "With any part of the table",
        "Diseases by image and any part of the table, on the test split: AUC-ROC (95 % CI) by what is there of it",
    ),
    Table(
        "any_part_phenotypes",
        "Phenotypes with any part of the table",
        "Phenotypes by image and any part of the table, on the test split: error as a ratio to the mean guess's "
        "(95 % CI) by what is there of it",
    ),
    Table(
        "reproducibility",
        "Directions over seeds",
        "Canonical correlations of ViTa's embeddings between seeds: fitted on the training split, measured on the test "
        "split (95 % CI)",
    ),
    Table(
        "ablation_alignment",
        "Alignment: tau and lambda",
        "Alignment by temperature and weight: retrieval of a participant's own table row on the validation split, %",
    ),
)
FIGURES = (
    Figure("fig2_temporal_sections", "Figure 2: sections of the cardiac cycle", ("embeddings",)),
    Figure("fig3_subject_trajectories", "Figure 3: trajectories through the cycle", ("embeddings",)),
    Figure("fig4_phenotype_tsne", "Figure 4: map of phenotypes", ("embeddings", "phenotypes", "targets")),
    Figure(
        "fig5_phenotype_scatter",
        "Figure 5: phenotypes",
        ("predictions", "targets"),
        tasks=PHENOTYPE_TASKS,
        options=f"--tasks {' '.join(PHENOTYPE_TASKS)} --columns 6",
        drawn_by="target_scatter",
    ),
    Figure(
        "fig6_physiological_scatter",
        "Figure 6: physiological features",
        ("predictions", "targets"),
        tasks=("physiological",),
        options="--tasks physiological --columns 4",
        drawn_by="target_scatter",
    ),
    Figure("fig7_segmentation", "Figure 7: segmentation", ("participants=dice",)),
    Figure("fig8_segmentation_examples", "Figure 8: masks", ("masks", "shards")),
    Figure("figB9_reconstructions", "Figure B.9: reconstructions", ("examples", "predictions=psnr"), scans_alone=True),
    Figure("calibration", "Calibration of diseases", ("predictions", "targets"), tasks=DISEASE_TASKS),
    Figure("bland_altman", "Phenotypes from predicted masks", ("participants=mask_phenotypes", "targets")),
    Figure("scan_quality", "Quality of scans", ("shards",), scans_alone=True),
    Figure("volume_curves", "Volumes over the cycle", ("curves",), scans_alone=True),
    Figure("plane_intersections", "Plane intersections", ("index",), scans_alone=True),
    Figure("cumulative_incidence", "Incidence by predicted risk", ("curves=risk_curves",)),
    Figure("association_map", "Associations by group of features", ("associations",)),
    Figure("latent_directions", "Hearts along directions", ("images=direction_images", "numbers=directions")),
    Figure("conformal_coverage", "Coverage by subgroup", ("coverage",)),
    Figure("label_curves", "With few labels", ("metrics=label_efficiency",)),
    Figure("availability_curves", "With any part of the table", ("metrics=any_part",)),
    Figure("phenotype_curves", "Phenotypes with any part of the table", ("metrics=any_part_phenotypes",)),
    Figure("learning_curves", "Learning curves", ("histories",), scans_alone=True),
)

ABLATION_TABLES = ("tableA5_positional_encoding", "tableA6_masking_ratio")
FRAMES_TABLE, ALIGNMENT_TABLE = "ablation_frames", "ablation_alignment"
ACQUISITION_TABLE = "tableC7_acquisition"
DRIFT_TABLE = "calibration_drift"  # for trained models on another cohort
# extensions in the configuration, and the table of each
EXTENSION_TABLES = {
    "survival": "incident_disease",
    "associations": "associations",
    "conformal": "conformal",
    "label_efficiency": "label_efficiency",
    "any_part": "any_part",
    "any_part_phenotypes": "any_part_phenotypes",
    "reproducibility": "reproducibility",
}
# systems that are trained with a part of the labels too, and the task for which they are
FEW_LABELS_SYSTEMS, FEW_LABELS_TASK = ("vit", "mae", "vita"), "sa_phenotypes"
LABEL_PERCENTS = (2, 10, 25, 50, 100)
# models of the extensions that are not systems
SOURCE_TITLES = {
    "clinical": "Age, sex, blood pressure",
    "table": "Table",
    "image_table": "Table and image",
    "boosted_table": "Boosted table",
    "any_part": "Any part and image",
}
# what the model card includes
CARD_TABLES = (*(table.name for table in TABLES[:4]), "segmentation")
POSITIONS = {"4d": "4D", "block": "5D", "interleaved": "5D, interleaved"}
# Stages I and II of a single view are those of the system with that view
STARTS = {"view_sa": "vita_sa", "view_la": "vita_la"}
# other variants of Stages I and II, by the prefix of their names
VARIANTS = {
    "mask": "ViTa, {} % hidden",
    "positions": "ViTa, {} positions",
    "frames": "ViTa, {} frames",
    "tau": "ViTa, tau {}",
    "lambda": "ViTa, lambda {}",
}
MEAN_GUESS, MAIN_SYSTEM = (
    SYSTEMS[0].name,
    SYSTEMS[-1].name,
)  # the floor that every system must beat, and the system that is tested against the others
SYSTEM_TITLES = {system.name: system.title for system in SYSTEMS}
TASK_TITLES = {task.name: task.title for task in TASKS}
TABLE_TITLES = {table.name: table.title for table in TABLES}
FIGURE_TITLES = {figure.name: figure.title for figure in FIGURES}
STRUCTURE_NAMES = {structure.label: structure.name for structure in STRUCTURES}


def title(system: str) -> str:
    """The printed name, with the target if the model has only one; a system without a row here keeps its own name."""
    name, _, target = system.partition("-")
    base, _, without = name.partition("_without_")
    base = STARTS.get(base, base)
    words = SYSTEM_TITLES.get(base) or _variant(base)
    words += f" without {without.replace('_', ' ')}" if without else ""
    return words + (f", {target.replace('_', ' ')}" if target else "")


def model_title(model: str) -> str:
    """The printed name of a system, or of the input that an extension learns from."""
    return SOURCE_TITLES.get(model) or title(model)


def _variant(name: str) -> str:
    """The printed name of a variant of Stage I or II: `mask_92_5` is one with 92.5 % hidden."""
    kind, _, value = name.partition("_")
    if kind not in VARIANTS or not value:
        return name
    return VARIANTS[kind].format(POSITIONS.get(value, value.replace("_", ".")))


def task_title(task: str) -> str:
    """The printed name of a task or stage."""
    return TASK_TITLES.get(task, task)


def table(name: str) -> Table:
    """Look up a table by its name.

    Raises:
        KeyError: there is no such table.
    """
    return {row.name: row for row in TABLES}[name]


def figure(name: str) -> Figure:
    """Look up a figure by its name.

    Raises:
        KeyError: there is no such figure.
    """
    return {row.name: row for row in FIGURES}[name]


def ordered_tasks(tasks: Iterable[str]) -> list[str]:
    """Each stage or task once: known ones in the order above, followed by others in alphabetical order."""
    return _ordered(tasks, TASK_TITLES)


def ordered(systems: Iterable[str]) -> list[str]:
    """Each system once: known ones in the paper's order, followed by others in alphabetical order."""
    return _ordered(systems, SYSTEM_TITLES)


def _ordered(names: Iterable[str], known: dict[str, str]) -> list[str]:
    given = set(names)
    first = [name for name in known if name in given]
    return first + sorted(given - set(first))
