# From the delivered table to features, labels, exclusions and the one split.


rule extract_fields:
    input:
        tables=TABLES if PHANTOM else existing(TABLES),
        withdrawals=WITHDRAWALS_INPUT,
        features=FEATURES,
    output:
        fields="results/cohort/fields.parquet",
    log:
        "results/logs/extract_fields.log",
    benchmark:
        "results/benchmarks/extract_fields.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("extract_fields")
    resources:
        **asked("extract_fields"),
    params:
        settings=settings(cohort=config["cohort"]),
        code=code_digest("vita.cohort.fields"),
        tables=TABLES,
        withdrawals=WITHDRAWALS_ARGUMENT,
    message:
        "UK Biobank fields: features as listed in features.tsv"
    shell:
        "python -m vita.cohort.fields --table {params.tables:q} --features {input.features:q}"
        " --settings {params.settings} {params.withdrawals} --output {output.fields} > {log} 2>&1"


rule label_diseases:
    input:
        tables=TABLES if PHANTOM else existing(TABLES),
        withdrawals=WITHDRAWALS_INPUT,
        icd10=str(RESOURCES / "icd10.tsv"),
    output:
        labels="results/cohort/labels.parquet",
        summary="results/cohort/labels_summary.csv",
    log:
        "results/logs/label_diseases.log",
    benchmark:
        "results/benchmarks/label_diseases.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("label_diseases")
    resources:
        **asked("label_diseases"),
    params:
        settings=settings(cohort=config["cohort"], labels=config["labels"]),
        code=code_digest("vita.cohort.labels"),
        tables=TABLES,
        withdrawals=WITHDRAWALS_ARGUMENT,
    message:
        "Disease labels from ICD-10 codes and their dates"
    shell:
        "python -m vita.cohort.labels --table {params.tables:q} --icd10 {input.icd10:q}"
        " --settings {params.settings} {params.withdrawals} --output {output.labels}"
        " --summary {output.summary} > {log} 2>&1"


# A run from scans alone has no table: exclusions and split then rest on the scans.
COHORT_TABLES = (
    {
        "fields": "results/cohort/fields.parquet",
        "labels": "results/cohort/labels.parquet",
    }
    if TABLES
    else {}
)
COHORT_ARGUMENTS = " ".join(f"--{name} {path}" for name, path in COHORT_TABLES.items())


rule list_exclusions:
    input:
        **COHORT_TABLES,
        index="results/images/index.parquet",
        shards=shards("parquet"),
        withdrawals=WITHDRAWALS_INPUT,
    output:
        exclusions="results/cohort/exclusions.parquet",
    log:
        "results/logs/list_exclusions.log",
    benchmark:
        "results/benchmarks/list_exclusions.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("list_exclusions")
    resources:
        **asked("list_exclusions"),
    params:
        settings=settings(cohort=config["cohort"], images=config["images"]),
        code=code_digest("vita.cohort.exclusions"),
        tables=COHORT_ARGUMENTS,
        withdrawals=WITHDRAWALS_ARGUMENT,
    message:
        "Exclusions: everybody who is left out, and why"
    shell:
        "python -m vita.cohort.exclusions {params.tables} --index {input.index} --shards {input.shards}"
        " {params.withdrawals} --settings {params.settings} --output {output.exclusions} > {log} 2>&1"


rule split_cohort:
    input:
        **COHORT_TABLES,
        index="results/images/index.parquet",
        exclusions="results/cohort/exclusions.parquet",
    output:
        split="results/cohort/split.parquet",
    log:
        "results/logs/split_cohort.log",
    benchmark:
        "results/benchmarks/split_cohort.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("split_cohort")
    resources:
        **asked("split_cohort"),
    params:
        settings=settings(split=config["split"]),
        code=code_digest("vita.cohort.split"),
        tables=COHORT_ARGUMENTS,
    message:
        "Split: train, val and test, once for every stage and task"
    shell:
        "python -m vita.cohort.split {params.tables} --index {input.index}"
        " --exclusions {input.exclusions} --settings {params.settings} --output {output.split} > {log} 2>&1"
