# What is not trained: the training split's mean, and the controls. Baselines with an image encoder are rule train_stage3.


rule guess_mean:
    input:
        unpack(target_tables),
        split="results/cohort/split.parquet",
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
        tables=tables_argument,
    message:
        "Baseline: the training mean for {wildcards.task}"
    shell:
        "python -m vita.training.mean_guess --task {wildcards.task} --split {input.split}"
        " --targets {input.targets:q} {params.tables} --predictions {output.predictions} > {log} 2>&1"


for control in [system for system in SYSTEMS if system in CONTROLS and tasks_of(config, system)]:

    rule:
        name:
            f"fit_{control}"
        input:
            shards=shards("npz"),
            split="results/cohort/split.parquet",
            targets=TARGETS,
            tables=[
                table
                for task in tasks_of(config, control)
                for table in control_tables(control, task)
            ],
            init=sorted(
                set(f"{folder}/model.safetensors" for folder in control_starts(control).values())
            ),
        output:
            expand(
                f"results/predictions/{{task}}/{control}.parquet", task=tasks_of(config, control)
            ),
        log:
            f"results/logs/fit_control/{control}.log",
        benchmark:
            f"results/benchmarks/fit_control/{control}.tsv"
        conda:
            ENVIRONMENT
        threads: cpus("fit_control")
        resources:
            **asked("fit_control"),
        params:
            control=control,
            tasks=tasks_of(config, control),
            tables=control_arguments(control),
            init=init_pairs(control),
            settings=control_settings(control),
            code=code_digest("vita.training.controls"),
        message:
            f"Control: {control}"
        shell:
            "python -m vita.training.controls --control {params.control} --tasks {params.tasks}"
            " --shards {input.shards} --split {input.split} --targets {input.targets:q} {params.tables}"
            " {params.init} --settings {params.settings} --predictions results/predictions > {log} 2>&1"
