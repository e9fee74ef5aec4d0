# Metrics on the test split: one file per task and system, compared with the baselines of the same task.


rule measure_regression:
    input:
        predictions="results/predictions/{task}/{model}.parquet",
        baselines=baseline_predictions,
        targets=TARGETS,
    output:
        metrics="results/metrics/{task}/{model}.csv",
    log:
        "results/logs/measure_regression/{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_regression/{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(REGRESSION),
    conda:
        ENVIRONMENT
    threads: cpus("measure_regression")
    resources:
        **asked("measure_regression"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.regression"),
        baselines=baselines_argument,
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
    log:
        "results/logs/measure_classification/{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_classification/{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(CLASSIFICATION),
    conda:
        ENVIRONMENT
    threads: cpus("measure_classification")
    resources:
        **asked("measure_classification"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.classification"),
        baselines=baselines_argument,
    message:
        "Metrics: {wildcards.task} by {wildcards.model}"
    shell:
        "python -m vita.evaluation.classification --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} {params.baselines} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.metrics} > {log} 2>&1"


rule measure_segmentation:
    input:
        masks="results/predictions/segmentation/{model}.npz",
        baselines=baseline_participants,
    output:
        metrics="results/metrics/segmentation/{model}.csv",
        participants="results/metrics/segmentation/{model}_participants.parquet",
    log:
        "results/logs/measure_segmentation/{model}.log",
    benchmark:
        "results/benchmarks/measure_segmentation/{model}.tsv"
    wildcard_constraints:
        model="vit|mae|vita",
    conda:
        ENVIRONMENT
    threads: cpus("measure_segmentation")
    resources:
        **asked("measure_segmentation"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.segmentation"),
        baselines=baselines_argument,
    message:
        "Metrics: segmentation by {wildcards.model}"
    shell:
        "python -m vita.evaluation.segmentation --model {wildcards.model} --masks {input.masks}"
        " {params.baselines} --settings {params.settings} --output {output.metrics}"
        " --per-participant {output.participants} > {log} 2>&1"
