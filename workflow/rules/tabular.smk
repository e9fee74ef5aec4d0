# The 117 features as numbers for Stage II; statistics from the training split only.


rule encode_table:
    input:
        fields="results/cohort/fields.parquet",
        phenotypes="results/images/phenotypes.parquet",
        split="results/cohort/split.parquet",
        features=FEATURES,
    output:
        encoder="results/tabular/encoder.json",
        encoded="results/tabular/encoded.parquet",
    log:
        "results/logs/encode_table.log",
    benchmark:
        "results/benchmarks/encode_table.tsv"
    conda:
        ENVIRONMENT
    threads: cores(1)
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        settings=settings(tabular=config["tabular"], phenotypes=config["phenotypes"]),
        code=code_digest("vita.tabular.encoder"),
    message:
        "Table: z-scores, classes and imputation from the training split"
    shell:
        "python -m vita.tabular.encoder --fields {input.fields} --phenotypes {input.phenotypes}"
        " --split {input.split} --features {input.features:q} --settings {params.settings}"
        " --encoder {output.encoder} --output {output.encoded} > {log} 2>&1"
