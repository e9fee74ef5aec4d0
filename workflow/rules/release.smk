# What may leave: made beside its place, attacked with the cohort's own tables, and put there only if nobody is found.


rule measure_membership:
    input:
        **PRODUCTS.membership_inputs(),
        models=lambda wildcards: attacked_files(wildcards, "model.safetensors"),
        configs=lambda wildcards: attacked_files(wildcards, "config.json"),
        shards=shards("npz"),
        split=INPUTS.labelled_split,
        targets=TARGETS,
    output:
        table="results/metrics/membership/{part}.csv",
    log:
        "results/logs/measure_membership/{part}.log",
    benchmark:
        "results/benchmarks/measure_membership/{part}.tsv"
    wildcard_constraints:
        part="|".join(PRODUCTS.attacked()),
    conda:
        ENVIRONMENT
    threads: cpus("measure_membership")
    resources:
        **asked("measure_membership"),
    params:
        settings=computing("measure_membership", lambda wildcards: TRAININGS.frozen()),
        folders=lambda wildcards: PRODUCTS.attacked()[wildcards.part],
        tables=options(PRODUCTS.membership_inputs()),
        segmented=40 if INPUTS.phantom else 500,
        code=code_digest("vita.evaluation.measure_membership"),
    message:
        "Membership: can anybody tell from the models ({wildcards.part}) who was in their training?"
    shell:
        "python -m vita.runtime.gpus --count {resources.gpu} --"
        " python -m vita.evaluation.measure_membership --models results/models --folders {params.folders}"
        " --shards {input.shards} --split {input.split} --targets {input.targets:q} {params.tables}"
        " --segmented {params.segmented} --settings {params.settings} --output {output.table} > {log} 2>&1"


rule join_membership:
    input:
        parts=expand("results/metrics/membership/{part}.csv", part=PRODUCTS.attacked()),
    output:
        table="results/metrics/membership.csv",
    log:
        "results/logs/join_membership.log",
    benchmark:
        "results/benchmarks/join_membership.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("join_membership")
    resources:
        **asked("join_membership"),
    params:
        code=code_digest("vita.evaluation.join_membership"),
    message:
        "Membership: one table of all models"
    shell:
        "python -m vita.evaluation.join_membership --parts {input.parts} --output {output.table} > {log} 2>&1"


rule release:
    input:
        membership="results/metrics/membership.csv",
        products=PRODUCTS.shared(),
        tables=[path for path in PRODUCTS.reported() if path.endswith(".parquet")],
        config="results/config.json",
        audit="results/audit.txt",
    output:
        directory("results/release"),
    log:
        "results/logs/release.log",
    benchmark:
        "results/benchmarks/release.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("release")
    resources:
        **asked("release"),
    params:
        settings=settings(privacy=config["privacy"]),
        code=code_digest("vita.release.make"),
    message:
        "Release: what may leave, checked by an attacker who holds the cohort's tables"
    shell:
        "python -m vita.release.make --results results --output {output}"
        " --settings {params.settings} > {log} 2>&1"
