# The baseline without a model: the training split's mean. Those with an image encoder are rule train_stage3.


rule guess_mean:
    input:
        split="results/cohort/split.parquet",
        targets=TARGETS,
        fields="results/cohort/fields.parquet",
        phenotypes="results/images/phenotypes.parquet",
        labels="results/cohort/labels.parquet",
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
    message:
        "Baseline: the training mean for {wildcards.task}"
    shell:
        "python -m vita.training.mean_guess --task {wildcards.task} --split {input.split}"
        " --targets {input.targets:q} --fields {input.fields} --phenotypes {input.phenotypes}"
        " --labels {input.labels} --predictions {output.predictions} > {log} 2>&1"
