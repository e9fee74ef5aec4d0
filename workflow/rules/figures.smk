# Figures: each is one module of its own name, and one rule `draw_<name>`. What it reads, by the module's argument:


def histories():
    """Learning curves of every model that this run trains."""
    stages = ["stage1", "stage2"] if config["products"] == "all" else ["stage1"]
    folders = [f"{stage}/vita" for stage in stages]
    if config["products"] == "all":
        folders += [
            f"{task}/{system}"
            for task in ALL_TASKS
            for system in systems_for(task)
            if system != "mean_guess"
        ]
    return [f"results/models/{folder}/history.csv" for folder in folders]


SEGMENTED = systems_for("segmentation")
FIGURES = {
    "fig4_phenotype_tsne": {
        "embeddings": ["results/embeddings/vita.parquet"],
        "phenotypes": ["results/images/phenotypes.parquet"],
        "targets": [TARGETS],
    },
    "fig5_phenotype_scatter": {
        "predictions": [
            "results/predictions/sa_phenotypes/vita.parquet",
            "results/predictions/la_phenotypes/vita.parquet",
        ],
        "targets": [TARGETS],
    },
    "fig6_physiological_scatter": {
        "predictions": ["results/predictions/physiological/vita.parquet"],
        "targets": [TARGETS],
    },
    "fig7_segmentation": {
        "participants": expand(
            "results/metrics/segmentation/{system}_participants.parquet", system=SEGMENTED
        )
    },
    "fig8_segmentation_examples": {
        "masks": expand("results/predictions/segmentation/{system}.npz", system=SEGMENTED),
        "shards": shards("npz"),
    },
    "figB9_reconstructions": {
        "examples": ["results/predictions/reconstruction/vita.npz"],
        "predictions": ["results/predictions/reconstruction/vita.parquet"],
    },
    "learning_curves": {"histories": histories()},
}
FIGURE_SETTINGS = settings(evaluation=config["evaluation"])
FIGURE_NAMES = list(FIGURES)


for figure, inputs in FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            **inputs,
        output:
            svg=f"results/figures/{figure}.svg",
            png=report(
                f"results/figures/{figure}.png",
                category="Figures",
                caption=f"../report/{figure}.rst",
                labels={"figure": figure},
            ),
            csv=f"results/figures/{figure}.csv",
        params:
            arguments=" ".join(
                f"--{name} {' '.join(map(shlex.quote, paths))}" for name, paths in inputs.items()
            ),
            module=f"vita.figures.{figure}",
            settings=FIGURE_SETTINGS,
            code=code_digest(f"vita.figures.{figure}"),
        log:
            f"results/logs/draw_{figure}.log",
        benchmark:
            f"results/benchmarks/draw_{figure}.tsv"
        threads: cores(1)
        resources:
            mem_mb=1500,
            runtime=30,
        message:
            f"Figure: {figure}"
        shell:
            "python -m {params.module} {params.arguments} --settings {params.settings}"
            " --svg {output.svg} --png {output.png} --csv {output.csv} > {log} 2>&1"
