# What is not trained: the training split's mean, and the controls. Baselines with an image encoder are rule train_stage3.


rule guess_mean:
    input:
        unpack(lambda wildcards: SYSTEMS.tables_of(wildcards.task)),
        split=INPUTS.labelled_split,
        targets=TARGETS,
    output:
        predictions="results/predictions/{task}/mean_guess.parquet",
    log:
        "results/logs/guess_mean/{task}.log",
    benchmark:
        "results/benchmarks/guess_mean/{task}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("guess_mean")
    resources:
        **asked("guess_mean"),
    params:
        code=code_digest("vita.training.mean_guess"),
        tables=lambda wildcards: options(SYSTEMS.tables_of(wildcards.task)),
    message:
        "Baseline: the training mean for {wildcards.task}"
    shell:
        "python -m vita.training.mean_guess --task {wildcards.task} --split {input.split}"
        " --targets {input.targets:q} {params.tables} --predictions {output.predictions} > {log} 2>&1"


rule freeze_features:
    input:
        shards=shards("npz"),
        split=INPUTS.labelled_split,
        fields=lambda wildcards: (
            "results/cohort/fields.parquet" if wildcards.model == "demographics" else []
        ),
        init=weights(probe_start),
    output:
        "results/controls/{model}{without}.parquet",
    log:
        "results/logs/freeze_features/{model}{without}.log",
    benchmark:
        "results/benchmarks/freeze_features/{model}{without}.tsv"
    wildcard_constraints:
        model="|".join(CONTROLS),
    conda:
        ENVIRONMENT
    threads: cpus("freeze_features")
    resources:
        **asked("freeze_features"),
    params:
        meaning=settings(model=TRAININGS.frozen()["model"]),
        settings=computing("freeze_features", lambda wildcards: TRAININGS.frozen()),
        code=code_digest("vita.training.freeze"),
        init=init_argument(probe_start),
        fields=lambda wildcards, input: f"--fields {input.fields}" if input.fields else "",
    message:
        "Control: features of {wildcards.model}{wildcards.without}"
    shell:
        "python -m vita.training.freeze --control {wildcards.model} --shards {input.shards}"
        " --split {input.split} {params.fields} {params.init} --settings {params.settings}"
        " --output {output} > {log} 2>&1"


for task in [task for task in SYSTEMS.tasks if SYSTEMS.controls_of(task)]:

    rule:
        name:
            f"fit_controls_{task}"
        input:
            **TRAININGS.control_features(task),
            **TRAININGS.tables_of(task, *SYSTEMS.controls_of(task)),
            split=INPUTS.labelled_split,
            targets=TARGETS,
        output:
            expand(
                f"results/predictions/{task}/{{control}}.parquet",
                control=SYSTEMS.controls_of(task),
            ),
        log:
            f"results/logs/fit_controls_{task}.log",
        benchmark:
            f"results/benchmarks/fit_controls/{task}.tsv"
        conda:
            ENVIRONMENT
        threads: cpus("fit_controls")
        resources:
            **asked("fit_controls"),
        params:
            task=task,
            tables=options(TRAININGS.tables_of(task, *SYSTEMS.controls_of(task))),
            through=arguments.given(
                "--through", TRAININGS.through(task, SYSTEMS.controls_of(task)[0])
            ),
            features=" ".join(
                f"{name}={path}" for name, path in TRAININGS.control_features(task).items()
            ),
            code=code_digest("vita.training.controls"),
        message:
            f"Controls: {task}"
        shell:
            "python -m vita.training.controls --task {params.task} --features {params.features}"
            " --split {input.split} --targets {input.targets:q} {params.tables} {params.through}"
            " --predictions results/predictions/{params.task} > {log} 2>&1"
