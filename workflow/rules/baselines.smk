# The baseline without a model: the training split's mean. Those with an image encoder are rule train_stage3.


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
