# Beyond the paper: disease after the scan, associations, conformal intervals, few labels, any part of the
# table; `extensions` of the config.

# of the labels' settings, those that time to event depends on; the order of a list's codes says nothing
FOLLOWED = {
    "codes": {disease: sorted(set(codes)) for disease, codes in CODE_LISTS.items()},
    "follow_up_end": config["labels"]["follow_up_end"],
}


rule measure_survival:
    input:
        **EXTENSIONS.controls,
        diagnoses="results/cohort/diagnoses.parquet",
        fields="results/cohort/fields.parquet",
        split=INPUTS.labelled_split,
        feature_table=FEATURES,
    output:
        metrics="results/survival/incident_disease.csv",
        curves="results/survival/incidence_by_risk.csv",
    log:
        "results/logs/measure_survival.log",
    benchmark:
        "results/benchmarks/measure_survival.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_survival")
    resources:
        **asked("measure_survival"),
    params:
        settings=settings(evaluation=config["evaluation"], labels=FOLLOWED),
        features=arguments.titled(EXTENSIONS.controls),
        code=code_digest("vita.extensions.survival"),
    message:
        "Disease after the scan: by image, table and both"
    shell:
        "python -m vita.extensions.survival --diagnoses {input.diagnoses}"
        " --fields {input.fields} --split {input.split} --feature-table {input.feature_table:q}"
        " --features {params.features} --settings {params.settings}"
        " --output {output.metrics} --curves {output.curves} > {log} 2>&1"


rule measure_associations:
    input:
        features=list(EXTENSIONS.image.values()),
        phenotypes="results/images/phenotypes.parquet",
        fields="results/cohort/fields.parquet",
        split=INPUTS.labelled_split,
        feature_table=FEATURES,
        diagnoses="results/cohort/diagnoses.parquet",
    output:
        associations="results/associations/associations.csv",
        inflation="results/associations/inflation.csv",
        # rows of people, which stay inside
        phenotypes="results/associations/genetics/phenotypes.txt",
        covariates="results/associations/genetics/covariates.txt",
    log:
        "results/logs/measure_associations.log",
    benchmark:
        "results/benchmarks/measure_associations.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_associations")
    resources:
        **asked("measure_associations"),
    params:
        settings=settings(labels=FOLLOWED),
        features=arguments.titled(EXTENSIONS.image),
        folder=lambda wildcards, output: str(Path(output.phenotypes).parent),
        code=code_digest("vita.extensions.associations"),
    message:
        "Associations of image and phenotypes with features and diseases"
    shell:
        "python -m vita.extensions.associations --features {params.features}"
        " --phenotypes {input.phenotypes} --fields {input.fields} --split {input.split}"
        " --feature-table {input.feature_table:q} --diagnoses {input.diagnoses}"
        " --settings {params.settings}"
        " --output {output.associations} --inflation {output.inflation} --genetics {params.folder}"
        " > {log} 2>&1"


rule trace_directions:
    input:
        shards=shards("npz"),
        features=list(EXTENSIONS.image.values()),
        phenotypes="results/images/phenotypes.parquet",
        fields="results/cohort/fields.parquet",
        split=INPUTS.labelled_split,
    output:
        images="results/associations/direction_images.npz",
        numbers="results/associations/directions.csv",
    log:
        "results/logs/trace_directions.log",
    benchmark:
        "results/benchmarks/trace_directions.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("trace_directions")
    resources:
        **asked("trace_directions"),
    params:
        meaning=settings(model=TRAININGS.frozen()["model"]),
        settings=computing("trace_directions", lambda wildcards: TRAININGS.frozen()),
        features=arguments.titled(EXTENSIONS.image),
        code=code_digest("vita.extensions.directions"),
    message:
        "Average hearts along directions of the image's features"
    shell:
        "python -m vita.extensions.directions --features {params.features} --shards {input.shards}"
        " --split {input.split} --phenotypes {input.phenotypes} --fields {input.fields}"
        " --settings {params.settings} --images {output.images} --output {output.numbers} > {log} 2>&1"


rule measure_conformal:
    input:
        predictions=EXTENSIONS.conformal_predictions,
        fields="results/cohort/fields.parquet",
        targets=TARGETS,
    output:
        "results/conformal/coverage.csv",
    log:
        "results/logs/measure_conformal.log",
    benchmark:
        "results/benchmarks/measure_conformal.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_conformal")
    resources:
        **asked("measure_conformal"),
    params:
        settings=settings(),
        code=code_digest("vita.extensions.conformal"),
    message:
        "Conformal intervals and sets: what they cover"
    shell:
        "python -m vita.extensions.conformal --predictions {input.predictions} --fields {input.fields}"
        " --targets {input.targets:q} --settings {params.settings} --output {output} > {log} 2>&1"


rule share_labels:
    input:
        split=INPUTS.labelled_split,
    output:
        split="results/label_efficiency/splits/{percent}.parquet",
    log:
        "results/logs/share_labels/{percent}.log",
    benchmark:
        "results/benchmarks/share_labels/{percent}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("share_labels")
    resources:
        **asked("share_labels"),
    params:
        settings=settings(),
        code=code_digest("vita.extensions.label_shares"),
    message:
        "Split with {wildcards.percent} % of the labels"
    shell:
        "python -m vita.extensions.label_shares --split {input.split} --percent {wildcards.percent}"
        " --settings {params.settings} --output {output.split} > {log} 2>&1"


use rule train_stage3 as train_few_labels with:
    input:
        unpack(lambda wildcards: TRAININGS.tables_of(wildcards.task, wildcards.model)),
        **STAGE3_INPUT | {"split": "results/label_efficiency/splits/{percent}.parquet"},
        init=weights(stage3_start),
    output:
        model="results/label_efficiency/models/{percent}/{task}/{model}/model.safetensors",
        config="results/label_efficiency/models/{percent}/{task}/{model}/config.json",
        history="results/label_efficiency/models/{percent}/{task}/{model}/history.csv",
        predictions="results/label_efficiency/predictions/{percent}/{task}/{model}.parquet",
    log:
        "results/logs/train_few_labels/{percent}/{task}/{model}.log",
    benchmark:
        "results/benchmarks/train_few_labels/{percent}/{task}/{model}.tsv"
    wildcard_constraints:
        task=names.FEW_LABELS_TASK,
        model="|".join(EXTENSIONS.few_labels_systems) or NOTHING,
        percent=r"\d+",
    params:
        target="--few-labels",
    message:
        "Stage III: {wildcards.task} with {wildcards.model}, {wildcards.percent} % of the labels"


rule measure_label_efficiency:
    input:
        list(EXTENSIONS.few_labels.values()),
        **EXTENSIONS.controls,
        **{f"labels_{disease}": path for disease, path in EXTENSIONS.labelled.items()},
        phenotypes="results/images/phenotypes.parquet",
        split=INPUTS.labelled_split,
        targets=TARGETS,
    output:
        "results/label_efficiency/metrics.csv",
    log:
        "results/logs/measure_label_efficiency.log",
    benchmark:
        "results/benchmarks/measure_label_efficiency.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_label_efficiency")
    resources:
        **asked("measure_label_efficiency"),
    params:
        settings=settings(),
        tasks=" ".join(EXTENSIONS.label_tasks),
        through=arguments.given(
            "--through",
            TRAININGS.through_phenotypes(EXTENSIONS.label_tasks, list(EXTENSIONS.controls)),
        ),
        features=arguments.titled(EXTENSIONS.controls),
        labels=arguments.titled(EXTENSIONS.labelled),
        trained=arguments.titled(EXTENSIONS.few_labels),
        code=code_digest("vita.extensions.label_efficiency"),
    message:
        "Tables 1 and 4 from a part of the labels"
    shell:
        "python -m vita.extensions.label_efficiency --tasks {params.tasks} --features {params.features}"
        " --split {input.split} --targets {input.targets:q} --phenotypes {input.phenotypes}"
        " --labels {params.labels} --trained {params.trained} {params.through}"
        " --settings {params.settings} --output {output} > {log} 2>&1"


rule measure_any_part:
    input:
        **{f"labels_{disease}": path for disease, path in EXTENSIONS.labelled.items()},
        features=list(EXTENSIONS.image.values()),
        predictions=list(EXTENSIONS.tuned(EXTENSIONS.disease_tasks).values()),
        fields="results/cohort/fields.parquet",
        split=INPUTS.labelled_split,
        targets=TARGETS,
        feature_table=FEATURES,
    output:
        "results/any_part/availability.csv",
    log:
        "results/logs/measure_any_part.log",
    benchmark:
        "results/benchmarks/measure_any_part.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_any_part")
    resources:
        **asked("measure_any_part"),
    params:
        settings=settings(tabular={"exclude": config["tabular"]["exclude"]}),
        tasks=" ".join(EXTENSIONS.disease_tasks),
        features=arguments.titled(EXTENSIONS.image),
        labels=arguments.titled(EXTENSIONS.labelled),
        predictions=arguments.titled(EXTENSIONS.tuned(EXTENSIONS.disease_tasks)),
        code=code_digest("vita.extensions.any_part"),
    message:
        "Diseases by image and any part of the table"
    shell:
        "python -m vita.extensions.any_part --tasks {params.tasks} --features {params.features}"
        " --fields {input.fields} --split {input.split} --targets {input.targets:q}"
        " --labels {params.labels} --predictions {params.predictions}"
        " --settings {params.settings} --output {output} > {log} 2>&1"


rule measure_any_part_phenotypes:
    input:
        features=list(EXTENSIONS.image.values()),
        predictions=list(EXTENSIONS.tuned(EXTENSIONS.phenotype_tasks).values()),
        phenotypes="results/images/phenotypes.parquet",
        fields="results/cohort/fields.parquet",
        split=INPUTS.labelled_split,
        targets=TARGETS,
        feature_table=FEATURES,
    output:
        "results/any_part/phenotypes.csv",
    log:
        "results/logs/measure_any_part_phenotypes.log",
    benchmark:
        "results/benchmarks/measure_any_part_phenotypes.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_any_part")
    resources:
        **asked("measure_any_part"),
    params:
        settings=settings(tabular={"exclude": config["tabular"]["exclude"]}),
        tasks=" ".join(EXTENSIONS.phenotype_tasks),
        features=arguments.titled(EXTENSIONS.image),
        predictions=arguments.titled(EXTENSIONS.tuned(EXTENSIONS.phenotype_tasks)),
        code=code_digest("vita.extensions.any_part_phenotypes"),
    message:
        "Phenotypes by image and any part of the table"
    shell:
        "python -m vita.extensions.any_part_phenotypes --tasks {params.tasks} --features {params.features}"
        " --fields {input.fields} --split {input.split} --targets {input.targets:q}"
        " --phenotypes {input.phenotypes} --predictions {params.predictions}"
        " --settings {params.settings} --output {output} > {log} 2>&1"


rule measure_reproducibility:
    input:
        EXTENSIONS.embeddings(TRAININGS.models).values(),
    output:
        "results/reproducibility/correlations.csv",
    log:
        "results/logs/measure_reproducibility.log",
    benchmark:
        "results/benchmarks/measure_reproducibility.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_reproducibility")
    resources:
        **asked("measure_reproducibility"),
    params:
        embeddings=arguments.titled(EXTENSIONS.embeddings(TRAININGS.models)),
        code=code_digest("vita.extensions.reproducibility"),
    message:
        "Canonical correlations of embeddings between seeds"
    shell:
        "python -m vita.extensions.reproducibility --embeddings {params.embeddings} --output {output} > {log} 2>&1"


for table, numbers in NUMBERS.items():

    rule:
        name:
            f"make_{table}_table"
        input:
            numbers,
        output:
            csv=f"results/tables/{table}.csv",
            md=f"results/tables/{table}.md",
            tex=f"results/tables/{table}.tex",
            html=report(
                f"results/tables/{table}.html",
                category="Tables",
                labels={"table": names.TABLE_TITLES[table], "shown": "this run"},
                caption=f"../report/{table}.rst",
            ),
        log:
            f"results/logs/make_{table}_table.log",
        benchmark:
            f"results/benchmarks/make_{table}_table.tsv"
        conda:
            ENVIRONMENT
        threads: cpus("make_table")
        resources:
            **asked("make_table"),
        params:
            table=table,
            code=code_digest("vita.report.extension_tables"),
        message:
            f"Table: {table}"
        shell:
            "python -m vita.report.extension_tables --name {params.table} --numbers {input}"
            " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} > {log} 2>&1"
