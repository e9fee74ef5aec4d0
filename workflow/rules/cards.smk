# What a run is about, for readers: the data card, the model card, what each rule cost, and the captions' numbers.


rule write_run_card:
    input:
        config="results/config.json",
        # a comment in it changes nothing
        defaults=ancient(str(CLONE / "config.yaml")),
    output:
        md="results/run_card.md",
        html=report(
            "results/run_card.html",
            category="Overview",
            labels={"what": "configuration and versions"},
            caption="../report/run_card.rst",
        ),
    log:
        "results/logs/write_run_card.log",
    benchmark:
        "results/benchmarks/write_run_card.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("write_run_card")
    resources:
        **asked("write_run_card"),
    params:
        code=code_digest("vita.report.run_card"),
    message:
        "Run card: configuration and versions"
    shell:
        "python -m vita.report.run_card --config {input.config} --defaults {input.defaults:q}"
        " --output {output.md} --html {output.html} > {log} 2>&1"


rule write_data_card:
    input:
        **PRODUCTS.data_card_tables(),
        targets=TARGETS,
    output:
        md="results/data_card.md",
        html=report(
            "results/data_card.html",
            category="Overview",
            labels={"what": "data card"},
            caption="../report/data_card.rst",
        ),
    log:
        "results/logs/write_data_card.log",
    benchmark:
        "results/benchmarks/write_data_card.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("write_data_card")
    resources:
        **asked("write_data_card"),
    params:
        arguments=options(PRODUCTS.data_card_tables()),
        settings=settings(input={"source": config["input"]["source"]}),
        code=code_digest("vita.report.data_card"),
    message:
        "Data card: who is in the run, and who is not"
    shell:
        "python -m vita.report.data_card {params.arguments} --targets {input.targets:q}"
        " --settings {params.settings} --output {output.md} --html {output.html} > {log} 2>&1"


rule write_model_card:
    input:
        configs=TRAININGS.files("config.json"),
        tables=PRODUCTS.model_card_tables(),
        membership="results/metrics/membership.csv",
    output:
        md="results/model_card.md",
        html=report(
            "results/model_card.html",
            category="Overview",
            labels={"what": "model card"},
            caption="../report/model_card.rst",
        ),
    log:
        "results/logs/write_model_card.log",
    benchmark:
        "results/benchmarks/write_model_card.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("write_model_card")
    resources:
        **asked("write_model_card"),
    params:
        settings=settings(input={"source": config["input"]["source"]}, privacy=config["privacy"]),
        code=code_digest("vita.report.model_card"),
    message:
        "Model card: what was trained, how well, and what for"
    shell:
        "python -m vita.report.model_card --configs {input.configs} --tables {input.tables}"
        " --membership {input.membership}"
        " --settings {params.settings} --output {output.md} --html {output.html} > {log} 2>&1"


rule write_captions:
    input:
        split="results/cohort/split.parquet",
    output:
        "results/captions.rst",
    log:
        "results/logs/write_captions.log",
    benchmark:
        "results/benchmarks/write_captions.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("write_captions")
    resources:
        **asked("write_captions"),
    params:
        systems=" ".join(
            f"{table}={','.join(PRODUCTS.systems_of(table))}" for table in PRODUCTS.tables
        ),
        code=code_digest("vita.report.captions"),
    message:
        "Captions: participants by split, titles of systems and tables"
    shell:
        "python -m vita.report.captions --split {input.split} --systems {params.systems}"
        " --output {output} > {log} 2>&1"


# after everything whose cost it lists
rule list_run_times:
    input:
        PRODUCTS.measured(),
    output:
        csv="results/run_times.csv",
        md="results/run_times.md",
        html=report(
            "results/run_times.html",
            category="Overview",
            labels={"what": "run times and memory"},
            caption="../report/run_times.rst",
        ),
    log:
        "results/logs/list_run_times.log",
    conda:
        ENVIRONMENT
    threads: cpus("list_run_times")
    resources:
        **asked("list_run_times"),
    params:
        code=code_digest("vita.report.run_times"),
    message:
        "Run time and memory of each rule"
    shell:
        "python -m vita.report.run_times --folder results/benchmarks"
        " --csv {output.csv} --md {output.md} --html {output.html} > {log} 2>&1"
