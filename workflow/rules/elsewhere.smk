# Trained models applied to another cohort (`vita evaluate`): predictions in place of trainings, all else as ever.


if MODELS_FOLDER:

    ruleorder: predict_cohort > join_targets > train_stage3
    ruleorder: predict_cohort > guess_mean
    ruleorder: predict_cohort_masks > train_segmentation


MODELS_ARGUMENT = f"--models {shlex.quote(MODELS_FOLDER)}" if MODELS_FOLDER else ""


rule check_conventions:
    input:
        **FIELDS_INPUT,
        shards=shards("parquet"),
        phenotypes="results/images/phenotypes.parquet",
        targets=TARGETS,
    output:
        "results/cohort/conventions.csv",
    log:
        "results/logs/check_conventions.log",
    benchmark:
        "results/benchmarks/check_conventions.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("check_conventions")
    resources:
        **asked("check_conventions"),
    params:
        models=MODELS_ARGUMENT,
        code=code_digest("vita.elsewhere.conventions"),
        tables=options(FIELDS_INPUT),
    message:
        "Conventions: whether this cohort counts and measures as the models do"
    shell:
        "python -m vita.elsewhere.conventions {params.models} --shards {input.shards} {params.tables}"
        " --phenotypes {input.phenotypes} --targets {input.targets:q} --output {output} > {log} 2>&1"


rule predict_cohort:
    input:
        unpack(lambda wildcards: SYSTEMS.tables_of(wildcards.task)),
        **STAGE3_INPUT,
        conventions="results/cohort/conventions.csv",
        models=trained_files,
    output:
        predictions="results/predictions/{task}/{model}.parquet",
    log:
        "results/logs/predict_cohort/{task}/{model}.log",
    benchmark:
        "results/benchmarks/predict_cohort/{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(task for task in SYSTEMS.tasks if MODELS_FOLDER and task != "segmentation")
        or NOTHING,
    conda:
        ENVIRONMENT
    threads: cpus("predict_cohort")
    resources:
        **asked("predict_cohort"),
    params:
        models=MODELS_ARGUMENT,
        code=code_digest("vita.elsewhere.predict_cohort"),
        tables=lambda wildcards: options(SYSTEMS.tables_of(wildcards.task)),
    message:
        "Trained {wildcards.model} applied: {wildcards.task}"
    shell:
        "python -m vita.elsewhere.predict_cohort {params.models} --task {wildcards.task}"
        " --model {wildcards.model} --shards {input.shards} --split {input.split}"
        " --targets {input.targets:q} {params.tables} --threads {threads}"
        " --predictions {output.predictions} > {log} 2>&1"


rule predict_cohort_masks:
    input:
        **STAGE3_INPUT,
        conventions="results/cohort/conventions.csv",
        models=trained_files,
    output:
        predictions="results/predictions/segmentation/{model}.parquet",
        masks="results/predictions/segmentation/{model}.npz",
    log:
        "results/logs/predict_cohort_masks/{model}.log",
    benchmark:
        "results/benchmarks/predict_cohort_masks/{model}.tsv"
    wildcard_constraints:
        model="|".join(SYSTEMS.trained if MODELS_FOLDER else []) or NOTHING,
    conda:
        ENVIRONMENT
    threads: cpus("predict_cohort")
    resources:
        **asked("predict_cohort"),
    params:
        models=MODELS_ARGUMENT,
        code=code_digest("vita.elsewhere.predict_cohort"),
    message:
        "Trained {wildcards.model} applied: segmentation"
    shell:
        "python -m vita.elsewhere.predict_cohort {params.models} --task segmentation"
        " --model {wildcards.model} --shards {input.shards} --split {input.split}"
        " --targets {input.targets:q} --threads {threads}"
        " --predictions {output.predictions} --masks {output.masks} > {log} 2>&1"


rule measure_drift:
    input:
        predictions=[
            f"results/predictions/{task}/{system}.parquet"
            for task in SYSTEMS.tasks
            if task != "segmentation"
            for system in SYSTEMS.run_for(task)
        ],
        targets=TARGETS,
    output:
        csv="results/tables/calibration_drift.csv",
        md="results/tables/calibration_drift.md",
        tex="results/tables/calibration_drift.tex",
        html="results/tables/calibration_drift.html",
    log:
        "results/logs/measure_drift.log",
    benchmark:
        "results/benchmarks/measure_drift.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_drift")
    resources:
        **asked("measure_drift"),
    params:
        models=MODELS_ARGUMENT,
        code=code_digest("vita.elsewhere.drift"),
    message:
        "Calibration drift: predictions, truth, and the training"
    shell:
        "python -m vita.elsewhere.drift {params.models} --predictions {input.predictions}"
        " --targets {input.targets:q} --csv {output.csv} --md {output.md} --tex {output.tex}"
        " --html {output.html} > {log} 2>&1"
