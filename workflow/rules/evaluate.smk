# Metrics on the test split: one file per task and system, compared with the baselines of the same task.


rule measure_regression:
    input:
        predictions="results/{repeat}predictions/{task}/{model}.parquet",
        baselines=baseline_predictions,
        targets=TARGETS,
    output:
        metrics="results/{repeat}metrics/{task}/{model}.csv",
    log:
        "results/logs/measure_regression/{repeat}{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_regression/{repeat}{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(REGRESSION_TASKS),
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
        "Metrics: {wildcards.task} by {wildcards.repeat}{wildcards.model}"
    shell:
        "python -m vita.evaluation.regression --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} {params.baselines} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.metrics} > {log} 2>&1"


rule measure_classification:
    input:
        predictions="results/{repeat}predictions/{task}/{model}.parquet",
        baselines=baseline_predictions,
        targets=TARGETS,
    output:
        metrics="results/{repeat}metrics/{task}/{model}.csv",
    log:
        "results/logs/measure_classification/{repeat}{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_classification/{repeat}{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(SYSTEMS.classification) or NOTHING,
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
        "Metrics: {wildcards.task} by {wildcards.repeat}{wildcards.model}"
    shell:
        "python -m vita.evaluation.classification --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} {params.baselines} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.metrics} > {log} 2>&1"


rule measure_segmentation:
    input:
        masks="results/{repeat}predictions/segmentation/{model}.npz",
        baselines=baseline_participants,
    output:
        metrics="results/{repeat}metrics/segmentation/{model}.csv",
        participants="results/{repeat}metrics/segmentation/{model}_participants.parquet",
    log:
        "results/logs/measure_segmentation/{repeat}{model}.log",
    benchmark:
        "results/benchmarks/measure_segmentation/{repeat}{model}.tsv"
    wildcard_constraints:
        model="|".join(PRODUCTS.segmented),
    conda:
        ENVIRONMENT
    threads: cpus("measure_segmentation")
    resources:
        **asked("measure_segmentation"),
    params:
        settings=settings(evaluation=config["evaluation"], phenotypes=config["phenotypes"]),
        code=code_digest("vita.evaluation.segmentation"),
        baselines=baselines_argument,
    message:
        "Metrics: segmentation by {wildcards.repeat}{wildcards.model}"
    shell:
        "python -m vita.evaluation.segmentation --model {wildcards.model} --masks {input.masks}"
        " {params.baselines} --settings {params.settings} --output {output.metrics}"
        " --per-participant {output.participants} > {log} 2>&1"


rule average_seeds:
    input:
        metrics="results/metrics/{task}/{model}.csv",
        again=expand(
            "results/{repeat}metrics/{{task}}/{{model}}.csv",
            repeat=map(seed_place, further_seeds(config)),
        ),
    output:
        "results/seeds/metrics/{task}/{model}.csv",
    log:
        "results/logs/average_seeds/{task}/{model}.log",
    benchmark:
        "results/benchmarks/average_seeds/{task}/{model}.tsv"
    wildcard_constraints:
        model="|".join(SYSTEMS.trained) or NOTHING,
    conda:
        ENVIRONMENT
    threads: cpus("average_seeds")
    resources:
        **asked("average_seeds"),
    params:
        code=code_digest("vita.evaluation.over_seeds"),
    message:
        "Seeds: mean and SD of the metrics of {wildcards.task} by {wildcards.model}"
    shell:
        "python -m vita.evaluation.over_seeds --metrics {input.metrics} {input.again}"
        " --output {output} > {log} 2>&1"


# the main metric by sex, age band and BMI band; of a segmentation it needs each participant's Dice
rule measure_subgroups:
    input:
        predictions=lambda wildcards: (
            f"results/metrics/segmentation/{wildcards.model}_participants.parquet"
            if wildcards.task == "segmentation"
            else f"results/predictions/{wildcards.task}/{wildcards.model}.parquet"
        ),
        fields="results/cohort/fields.parquet",
        targets=TARGETS,
    output:
        csv="results/metrics/subgroups/{task}/{model}.csv",
        html=report(
            "results/metrics/subgroups/{task}/{model}.html",
            category="Subgroups",
            labels=lambda wildcards: {
                "task": names.task_title(wildcards.task),
                "system": names.title(wildcards.model),
            },
            caption="../report/subgroups.rst",
        ),
    log:
        "results/logs/measure_subgroups/{task}/{model}.log",
    benchmark:
        "results/benchmarks/measure_subgroups/{task}/{model}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_subgroups")
    resources:
        **asked("measure_subgroups"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.subgroups"),
    message:
        "Subgroups: {wildcards.task} by {wildcards.model}"
    shell:
        "python -m vita.evaluation.subgroups --task {wildcards.task} --model {wildcards.model}"
        " --predictions {input.predictions} --fields {input.fields} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.csv} --html {output.html} > {log} 2>&1"


rule measure_mask_phenotypes:
    input:
        masks="results/predictions/segmentation/{model}.npz",
        shards=shards("parquet"),
        targets=TARGETS,
    output:
        csv="results/metrics/mask_phenotypes/{model}.csv",
        html=report(
            "results/metrics/mask_phenotypes/{model}.html",
            category="Tables",
            labels=lambda wildcards: {
                "table": "Phenotypes from masks",
                "shown": names.title(wildcards.model),
            },
            caption="../report/mask_phenotypes.rst",
        ),
        participants="results/metrics/mask_phenotypes/{model}_participants.parquet",
    log:
        "results/logs/measure_mask_phenotypes/{model}.log",
    benchmark:
        "results/benchmarks/measure_mask_phenotypes/{model}.tsv"
    wildcard_constraints:
        model="|".join(PRODUCTS.segmented),
    conda:
        ENVIRONMENT
    threads: cpus("measure_mask_phenotypes")
    resources:
        **asked("measure_mask_phenotypes"),
    params:
        settings=settings(phenotypes={"ed": config["phenotypes"]["ed"]}),
        code=code_digest("vita.evaluation.mask_phenotypes"),
    message:
        "Phenotypes from the masks of {wildcards.model}"
    shell:
        "python -m vita.evaluation.mask_phenotypes --model {wildcards.model} --masks {input.masks}"
        " --shards {input.shards} --targets {input.targets:q} --settings {params.settings}"
        " --output {output.csv} --html {output.html} --per-participant {output.participants} > {log} 2>&1"
