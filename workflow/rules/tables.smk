# Tables of the paper and of its kind: CSV with plain numbers, Markdown, LaTeX, and ours beside the paper's.


rule make_table:
    input:
        metrics=lambda wildcards: PRODUCTS.table_metrics(wildcards.table),
        seeds=lambda wildcards: PRODUCTS.table_seeds(wildcards.table),
        targets=TARGETS,
        paper=expand(
            str(RESOURCES / "paper" / "{file}"),
            file=sorted(path.name for path in (RESOURCES / "paper").glob("*.csv")),
        ),
    output:
        csv="results/tables/{table}.csv",
        md="results/tables/{table}.md",
        tex="results/tables/{table}.tex",
        html=report(
            "results/tables/{table}.html",
            category="Tables",
            labels=lambda wildcards: {
                "table": names.TABLE_TITLES[wildcards.table],
                "shown": "this run",
            },
            caption="../report/table.rst",
        ),
        vs_paper="results/tables/{table}_vs_paper.csv",
        vs_paper_html=report(
            "results/tables/{table}_vs_paper.html",
            category="Tables",
            labels=lambda wildcards: {
                "table": names.TABLE_TITLES[wildcards.table],
                "shown": "beside the paper",
            },
            caption="../report/vs_paper.rst",
        ),
    log:
        "results/logs/make_table/{table}.log",
    benchmark:
        "results/benchmarks/make_table/{table}.tsv"
    wildcard_constraints:
        table="|".join(PRODUCTS.tables),
    conda:
        ENVIRONMENT
    threads: cpus("make_table")
    resources:
        **asked("make_table"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        individual=" ".join(SYSTEMS.individual),
        ways=lambda wildcards: TRAININGS.ways(names.table(wildcards.table).tasks),
        code=code_digest("vita.report.tables"),
        paper=lambda wildcards, input: str(Path(input.paper[0]).parent),
        seeds=lambda wildcards, input: f"--seeds {' '.join(input.seeds)}" if input.seeds else "",
    message:
        "Table: {wildcards.table}"
    shell:
        "python -m vita.report.tables --name {wildcards.table} --metrics {input.metrics} {params.seeds}"
        " --individual {params.individual} {params.ways} --targets {input.targets:q} --paper {params.paper:q} --settings {params.settings}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html}"
        " --vs-paper {output.vs_paper} --vs-paper-html {output.vs_paper_html} > {log} 2>&1"


rule make_acquisition_table:
    input:
        index="results/images/index.parquet",
        paper=str(RESOURCES / "paper" / "tableC7_acquisition.csv"),
    output:
        csv="results/tables/tableC7_acquisition.csv",
        md="results/tables/tableC7_acquisition.md",
        tex="results/tables/tableC7_acquisition.tex",
        html=report(
            "results/tables/tableC7_acquisition.html",
            category="Tables",
            labels={"table": names.TABLE_TITLES["tableC7_acquisition"], "shown": "this run"},
            caption="../report/acquisition.rst",
        ),
    log:
        "results/logs/make_acquisition_table.log",
    benchmark:
        "results/benchmarks/make_acquisition_table.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("make_table")
    resources:
        **asked("make_table"),
    params:
        code=code_digest("vita.report.acquisition_table"),
        paper=lambda wildcards, input: str(Path(input.paper).parent),
    message:
        "Table: acquisition parameters"
    shell:
        "python -m vita.report.acquisition_table --index {input.index} --paper {params.paper:q}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} > {log} 2>&1"
