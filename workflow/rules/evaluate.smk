# Metrics on the test split: one file per task and system, compared with the baselines of the same task.

REGRESSION = ["sa_phenotypes", "la_phenotypes", "physiological"]
CLASSIFICATION = [
    task for task in ALL_TASKS if task not in REGRESSION and task != "segmentation"
]


def systems_for(task):
    """Systems that are run for a task, in the order of the config."""
    return [system for system in SYSTEMS if task in tasks_of(config, system)]


def baseline_predictions(wildcards):
    """Predictions that ViTa is tested against; the other systems are tested against nobody."""
    others = systems_for(wildcards.task) if wildcards.model == "vita" else []
    return [
        f"results/predictions/{wildcards.task}/{system}.parquet"
        for system in others
        if system != wildcards.model
    ]


def baselines_argument(wildcards, input):
    return f"--baselines {' '.join(input.baselines)}" if input.baselines else ""


rule measure_regression:
    input:
        predictions="results/predictions/{task}/{model}.parquet",
        baselines=baseline_predictions,
        targets=TARGETS,
    output:
        metrics="results/metrics/{task}/{model}.csv",
    wildcard_constraints:
        task="|".join(REGRESSION),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.regression"),
        baselines=baselines_argument,
    log:
        "results/logs/measure_regression/{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_regression/{task}/{model}.tsv"
    threads: cores(1)
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Metrics: {wildcards.task} by {wildcards.model}"
    shell:
        "python -m vita.evaluation.regression --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} {params.baselines} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.metrics} > {log} 2>&1"


rule measure_classification:
    input:
        predictions="results/predictions/{task}/{model}.parquet",
        baselines=baseline_predictions,
        targets=TARGETS,
    output:
        metrics="results/metrics/{task}/{model}.csv",
    wildcard_constraints:
        task="|".join(CLASSIFICATION),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.classification"),
        baselines=baselines_argument,
    log:
        "results/logs/measure_classification/{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_classification/{task}/{model}.tsv"
    threads: cores(1)
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Metrics: {wildcards.task} by {wildcards.model}"
    shell:
        "python -m vita.evaluation.classification --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} {params.baselines} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.metrics} > {log} 2>&1"


def baseline_participants(wildcards):
    """Per-participant Dice of the systems that ViTa is tested against."""
    others = systems_for("segmentation") if wildcards.model == "vita" else []
    return [
        f"results/metrics/segmentation/{system}_participants.parquet"
        for system in others
        if system != wildcards.model
    ]


rule measure_segmentation:
    input:
        masks="results/predictions/segmentation/{model}.npz",
        baselines=baseline_participants,
    output:
        metrics="results/metrics/segmentation/{model}.csv",
        participants="results/metrics/segmentation/{model}_participants.parquet",
    wildcard_constraints:
        model="vit|mae|vita",
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.segmentation"),
        baselines=baselines_argument,
    log:
        "results/logs/measure_segmentation/{model}.log",
    benchmark:
        "results/benchmarks/measure_segmentation/{model}.tsv"
    threads: cores(1)
    resources:
        mem_mb=2000,
        runtime=60,
    message:
        "Metrics: segmentation by {wildcards.model}"
    shell:
        "python -m vita.evaluation.segmentation --model {wildcards.model} --masks {input.masks}"
        " {params.baselines} --settings {params.settings} --output {output.metrics}"
        " --per-participant {output.participants} > {log} 2>&1"
