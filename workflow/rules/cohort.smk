# From the delivered table to features, labels, exclusions and the one split.
from vita.cohort.icd10 import DISEASES, LABELS, read_lists

# which codes a field may hold, and what a reading can be
FACTS = [str(RESOURCES / name) for name in ("codings.tsv", "limits.tsv")]


rule extract_fields:
    input:
        tables=INPUTS.tables_there,
        withdrawals=INPUTS.withdrawals_there,
        features=FEATURES,
        facts=FACTS,
    output:
        fields="results/cohort/fields.parquet",
        remarks="results/cohort/fields_remarks.csv",
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
        tables=INPUTS.tables,
        withdrawals=INPUTS.withdrawals_argument,
    message:
        "UK Biobank fields: features as listed in features.tsv"
    shell:
        "python -m vita.cohort.fields --table {params.tables:q} --features {input.features:q}"
        " --settings {params.settings} {params.withdrawals} --output {output.fields}"
        " --remarks {output.remarks} > {log} 2>&1"


rule collect_diagnoses:
    input:
        tables=INPUTS.tables_there,
        withdrawals=INPUTS.withdrawals_there,
        facts=FACTS,
    output:
        diagnoses="results/cohort/diagnoses.parquet",
        remarks="results/cohort/diagnoses_remarks.csv",
    log:
        "results/logs/collect_diagnoses.log",
    benchmark:
        "results/benchmarks/collect_diagnoses.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("collect_diagnoses")
    resources:
        **asked("collect_diagnoses"),
    params:
        settings=settings(
            cohort={key: config["cohort"][key] for key in ("instance", "max_contradictions")}
        ),
        code=code_digest("vita.cohort.diagnoses"),
        tables=INPUTS.tables,
        withdrawals=INPUTS.withdrawals_argument,
    message:
        "Hospital diagnoses with their dates, high blood pressure, the date of the scan"
    shell:
        "python -m vita.cohort.diagnoses --table {params.tables:q} --settings {params.settings}"
        " {params.withdrawals} --output {output.diagnoses} --remarks {output.remarks} > {log} 2>&1"


# a list that the config names goes before the paper's
CODE_LISTS = read_lists(ICD10) | config["labels"]["codes"]


rule label_disease:
    input:
        diagnoses="results/cohort/diagnoses.parquet",
        unlabelled=INPUTS.unlabelled,
    output:
        labels="results/cohort/labels/{disease}.parquet",
        summary="results/cohort/labels/{disease}.csv",
    log:
        "results/logs/label_disease/{disease}.log",
    benchmark:
        "results/benchmarks/label_disease/{disease}.tsv"
    wildcard_constraints:
        disease="|".join(LABELS),
    conda:
        ENVIRONMENT
    threads: cpus("label_disease")
    resources:
        **asked("label_disease"),
    params:
        settings=settings(
            cohort={"instance": config["cohort"]["instance"]},
            labels={key: value for key, value in config["labels"].items() if key != "codes"},
        ),
        code=code_digest("vita.cohort.labels"),
        unlabelled=INPUTS.unlabelled_argument,
        # in any order the same list
        codes=lambda wildcards: (
            f"--codes {' '.join(sorted(set(CODE_LISTS[wildcards.disease])))}"
            if wildcards.disease in DISEASES
            else ""
        ),
    message:
        "Labels: {wildcards.disease}"
    shell:
        "python -m vita.cohort.labels --diagnoses {input.diagnoses} --disease {wildcards.disease}"
        " {params.codes} {params.unlabelled} --settings {params.settings} --output {output.labels}"
        " --summary {output.summary} > {log} 2>&1"


rule join_labels:
    input:
        labels=expand("results/cohort/labels/{disease}.parquet", disease=LABELS),
        summaries=expand("results/cohort/labels/{disease}.csv", disease=LABELS),
    output:
        labels="results/cohort/labels.parquet",
        summary="results/cohort/labels_summary.csv",
    log:
        "results/logs/join_labels.log",
    benchmark:
        "results/benchmarks/join_labels.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("join_labels")
    resources:
        **asked("join_labels"),
    params:
        code=code_digest("vita.cohort.join_labels"),
    message:
        "Labels of all diseases side by side"
    shell:
        "python -m vita.cohort.join_labels --labels {input.labels} --summaries {input.summaries}"
        " --output {output.labels} --summary {output.summary} > {log} 2>&1"


# A run from scans alone has no table: exclusions and split then rest on the scans.
FIELDS_INPUT = {"fields": "results/cohort/fields.parquet"} if INPUTS.tables else {}
STRATA_INPUT = (
    {"diagnoses": "results/cohort/diagnoses.parquet", "icd10": ICD10} if INPUTS.tables else {}
)


rule list_exclusions:
    input:
        **FIELDS_INPUT,
        index="results/images/index.parquet",
        shards=shards("parquet"),
        withdrawals=INPUTS.withdrawals_there,
        unlabelled=INPUTS.unlabelled,
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
        tables=options(FIELDS_INPUT),
        withdrawals=INPUTS.withdrawals_argument,
        unlabelled=INPUTS.unlabelled_argument,
    message:
        "Exclusions: everybody who is left out, and why"
    shell:
        "python -m vita.cohort.exclusions {params.tables} --index {input.index} --shards {input.shards}"
        " {params.withdrawals} {params.unlabelled} --settings {params.settings} --output {output.exclusions} > {log} 2>&1"


rule split_cohort:
    input:
        **FIELDS_INPUT,
        **STRATA_INPUT,
        index="results/images/index.parquet",
        exclusions="results/cohort/exclusions.parquet",
    output:
        **({"labelled": INPUTS.labelled_split} if INPUTS.unlabelled else {}),
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
        settings=settings(split=config["split"], **APPLIED),
        code=code_digest("vita.cohort.split"),
        tables=options(FIELDS_INPUT | STRATA_INPUT),
        labelled=f"--labelled {INPUTS.labelled_split}" if INPUTS.unlabelled else "",
    message:
        "Split: train, val and test, once for every stage and task"
    shell:
        "python -m vita.cohort.split {params.tables} --index {input.index}"
        " --exclusions {input.exclusions} --settings {params.settings} --output {output.split}"
        " {params.labelled} > {log} 2>&1"
