# The 117 features as numbers for Stage II, statistics from the training split only, and which of them reveal a target.


rule encode_table:
    input:
        fields="results/cohort/fields.parquet",
        phenotypes="results/images/phenotypes.parquet",
        split="results/cohort/split.parquet",
        features=FEATURES,
    output:
        encoder="results/tabular{without}/encoder.json",
        encoded="results/tabular{without}/encoded.parquet",
    log:
        "results/logs/encode_table{without}.log",
    benchmark:
        "results/benchmarks/encode_table{without}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("encode_table")
    resources:
        **asked("encode_table"),
    params:
        settings=lambda wildcards: TRAININGS.encoding(wildcards.without),
        code=code_digest("vita.tabular.encoder"),
    message:
        "Table: z-scores, classes and imputation from the training split"
    shell:
        "python -m vita.tabular.encoder --fields {input.fields} --phenotypes {input.phenotypes}"
        " --split {input.split} --features {input.features:q} --settings {params.settings}"
        " --encoder {output.encoder} --output {output.encoded} > {log} 2>&1"


# Dependence is measured in the training split, of what the run has.
DEPENDENCE_INPUT = {
    "split": INPUTS.labelled_split,
    "phenotypes": "results/images/phenotypes.parquet",
} | (
    {
        "fields": "results/cohort/fields.parquet",
        "labels": "results/cohort/labels.parquet",
    }
    if INPUTS.tables
    else {}
)


rule list_overlap:
    input:
        **DEPENDENCE_INPUT,
        features=FEATURES,
        targets=TARGETS,
    output:
        csv="results/tables/overlap.csv",
        html=report(
            "results/tables/overlap.html",
            category="Tables",
            labels={"table": names.TABLE_TITLES["overlap"], "shown": "this run"},
            caption="../report/overlap.rst",
        ),
    log:
        "results/logs/list_overlap.log",
    benchmark:
        "results/benchmarks/list_overlap.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("list_overlap")
    resources:
        **asked("list_overlap"),
    params:
        settings=settings(tabular=config["tabular"]),
        code=code_digest("vita.tabular.overlap"),
        tables=options(DEPENDENCE_INPUT),
    message:
        "Overlap: inputs of Stage II that are, or reveal, a target of Stage III"
    shell:
        "python -m vita.tabular.overlap --features {input.features:q} --targets {input.targets:q}"
        " {params.tables} --settings {params.settings} --output {output.csv} --html {output.html} > {log} 2>&1"
