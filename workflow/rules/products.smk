# What a run delivers: tables with their metrics, figures with what they read, and the report on them.
from vita.names import ACQUISITION_TABLE, ALIGNMENT_TABLE, FRAMES_TABLE
from vita.names import ABLATION_TABLES as PAPER_ABLATIONS

TABLE_TASKS = {
    table.name: [task for task in table.tasks if task in ALL_TASKS]
    for table in names.TABLES
    if table.tasks
}


def table_metrics(table):
    """Metrics files of a table: of every system that is run for its tasks."""
    return [
        f"results/metrics/{task}/{system}.csv"
        for task in TABLE_TASKS[table]
        for system in systems_for(task)
        if table != "tableC8_cohort" or system == "mean_guess"
    ]


def systems_of(table):
    """Systems whose metrics a table holds."""
    return list(dict.fromkeys(Path(path).stem for path in table_metrics(table)))


TABLE_NAMES = [table for table in TABLE_TASKS if table_metrics(table)]


def model_folders():
    """Folders, below results/models, of every model that this run trains."""
    folders = ["stage1/vita"]
    if config["products"] == "all":
        folders = [f"stage1/{variant}" for variant in VARIANTS]
        folders += [f"stage2/{variant}" for variant in stage2_variants()]
        folders += [f"stage2/{variant}" for variant in ALIGNMENTS if variant != "vita"]
        folders += [
            f"{task}/{name}"
            for task in ALL_TASKS
            for system in systems_for(task)
            if system in TRAINED or system == "nnunet"  # the others have no weights
            for name in models_of(task, system)
        ]
    return folders


def model_files(name):
    """Files of this name of every model that this run trains."""
    return [f"results/models/{folder}/{name}" for folder in model_folders()]


def reconstructions(suffix):
    """What Stage I and its variants make of hidden patches."""
    shown = VARIANTS if config["products"] == "all" else ["vita"]
    return expand(
        "results/predictions/reconstruction/{variant}.{suffix}", variant=shown, suffix=suffix
    )


def ablation_tables():
    """Tables of the ablations that this run makes."""
    named = [*PAPER_ABLATIONS, FRAMES_TABLE] if config["ablations"]["run"] else []
    return [table for table in named if ablation_rows(table)] + [ALIGNMENT_TABLE] * bool(ALIGNMENTS)


def ablation_rows(table):
    """The row of each variant in one of the ablations' tables."""
    return {
        name: variant.rows[table] for name, variant in VARIANTS.items() if table in variant.rows
    }


# what the table of each extension is made of; without what an extension needs, it is not made
EXTENSION_NUMBERS = {
    "incident_disease": ["results/survival/incident_disease.csv"],
    "associations": [f"results/associations/{name}.csv" for name in ("associations", "inflation")],
    "conformal": ["results/conformal/coverage.csv"],
    "label_efficiency": ["results/label_efficiency/metrics.csv"],
}
EXTENSION_NEEDS = {
    "survival": EXTENSION_CONTROLS,
    "associations": EXTENSION_CONTROLS,
    "conformal": conformal_predictions(),
    "label_efficiency": EXTENSION_CONTROLS and LABEL_TASKS,
}
EXTENSION_TABLES = [
    names.EXTENSION_TABLES[extension]
    for extension in config["extensions"]
    if EXTENSION_NEEDS[extension] and TABLES
]


def extension_files(table, files):
    """Files of an extension, none where its table is not made."""
    return files if table in EXTENSION_TABLES else []


SEGMENTED = systems_for("segmentation")


def predictions(system, *tasks):
    """Predictions of a system for those of the tasks that it is run for."""
    run = [task for task in tasks_of(config, system) if task in tasks]
    return [f"results/predictions/{task}/{system}.parquet" for task in run]


# files by what names.FIGURES calls them; `predictions` are ViTa's, of the figure's tasks
FIGURE_SOURCES = {
    "embeddings": ["results/embeddings/vita.parquet"],
    "phenotypes": ["results/images/phenotypes.parquet"],
    "curves": ["results/images/curves.parquet"],
    "index": ["results/images/index.parquet"],
    "targets": [TARGETS],
    "shards": shards("npz"),
    "masks": expand("results/predictions/segmentation/{system}.npz", system=SEGMENTED),
    "dice": expand("results/metrics/segmentation/{system}_participants.parquet", system=SEGMENTED),
    "mask_phenotypes": expand(
        "results/metrics/mask_phenotypes/{system}_participants.parquet",
        system=[system for system in SEGMENTED if system == "vita"],
    ),
    "examples": reconstructions("npz"),
    "psnr": reconstructions("parquet"),
    "histories": model_files("history.csv"),
    "risk_curves": extension_files("incident_disease", ["results/survival/incidence_by_risk.csv"]),
    "associations": extension_files("associations", ["results/associations/associations.csv"]),
    "coverage": extension_files("conformal", EXTENSION_NUMBERS["conformal"]),
    "label_efficiency": extension_files("label_efficiency", EXTENSION_NUMBERS["label_efficiency"]),
}


def figure_files(figure):
    """Files of each option of a figure's module."""
    found = {}
    for text in figure.reads:
        option, _, source = text.partition("=")
        if text == "predictions":
            found[option] = predictions("vita", *figure.tasks)
        # two scans have no PSNR on a test split
        elif source != "psnr" or config["products"] == "all":
            found[option] = FIGURE_SOURCES[source or option]
    return found


FIGURES = {figure.name: figure_files(figure) for figure in names.FIGURES}
# what a figure takes beside files
FIGURE_OPTIONS = {figure.name: f" {figure.options}" for figure in names.FIGURES if figure.options}
if len(VARIANTS) > 1:
    FIGURE_OPTIONS["figB9_reconstructions"] = " --titles " + " ".join(
        shlex.quote(f"{name}={variant.title}") for name, variant in VARIANTS.items()
    )
FIGURE_SETTINGS = settings(evaluation=config["evaluation"])
# a figure of a task that is not run would have nothing to draw
FIGURE_NAMES = [figure for figure, files in FIGURES.items() if all(files.values())]
FIGURE_FORMS = ["svg", "pdf", "png"]
SCAN_FIGURES = [figure.name for figure in names.FIGURES if figure.scans_alone]


def scan_products():
    """Deliverables that need scans alone."""
    return [
        "results/cohort/exclusions.parquet",
        "results/images/phenotypes.parquet",
        "results/images/curves.parquet",
        *expand("results/figures/{figure}.{form}", figure=SCAN_FIGURES, form=FIGURE_FORMS),
    ]


# a table's numbers, and the page that the report shows
FORMS = ["csv", "html"]


def compared_tables():
    """Tables that stand beside the paper's."""
    return TABLE_NAMES + [table for table in ablation_tables() if table != ALIGNMENT_TABLE]


def table_and_figure_products():
    """Deliverables that need the table too: everything of the paper."""
    return [
        *expand(
            "results/tables/{table}.{form}",
            table=[
                *TABLE_NAMES,
                "overlap",
                ACQUISITION_TABLE,
                *ablation_tables(),
                *EXTENSION_TABLES,
            ],
            form=FORMS,
        ),
        *expand("results/tables/{table}_vs_paper.html", table=compared_tables()),
        *expand("results/figures/{figure}.{form}", figure=FIGURE_NAMES, form=FIGURE_FORMS),
        *expand("results/metrics/mask_phenotypes/{system}.{form}", system=SEGMENTED, form=FORMS),
        *expand(
            "results/metrics/subgroups/{task}/vita.{form}",
            task=tasks_of(config, "vita"),
            form=FORMS,
        ),
    ]


# tables that the data card counts in
CARD_TABLES = {
    "split": "results/cohort/split.parquet",
    "exclusions": "results/cohort/exclusions.parquet",
    "phenotypes": "results/images/phenotypes.parquet",
}
if config["products"] == "all":
    CARD_TABLES |= {name: f"results/cohort/{name}.parquet" for name in ("fields", "labels")}


def card_results():
    """The paper's tables, which the model card takes over."""
    tables = names.CARD_TABLES if config["products"] == "all" else []
    return [f"results/tables/{table}.md" for table in tables if table in TABLE_NAMES]


def measured():
    """Products whose rules' times and memory are listed."""
    found = scan_products() + (table_and_figure_products() if config["products"] == "all" else [])
    return [*found, "results/run_card.md", "results/data_card.md", "results/model_card.md"]


def reported():
    """What the report is about."""
    return [*measured(), "results/run_times.csv"]


def shared_products():
    """Products that may be shown: all but Parquet, which holds rows of participants."""
    named = [path for path in reported() if not path.endswith(".parquet")]
    models = ["history.csv", "config.json", "model.safetensors"]
    return named + [path for name in models for path in model_files(name)]


def products():
    """All that the default target makes."""
    truth = ["results/phantom/truth.parquet"] if PHANTOM else []
    new_scans = ["results/models/decisions.json"] if config["products"] == "all" else []
    return [
        *reported(),
        *truth,
        *new_scans,
        "results/index.html",
        "results/audit.txt",
        "results/release",
    ]
