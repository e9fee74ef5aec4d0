# Tables of the paper and of its kind: CSV with plain numbers, Markdown, LaTeX, and ours beside the paper's.


rule make_table:
    input:
        metrics=lambda wildcards: table_metrics(wildcards.table),
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
        table="|".join(TABLE_NAMES),
    conda:
        ENVIRONMENT
    threads: cpus("make_table")
    resources:
        **asked("make_table"),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.report.tables"),
        paper=lambda wildcards, input: str(Path(input.paper[0]).parent),
    message:
        "Table: {wildcards.table}"
    shell:
        "python -m vita.report.tables --name {wildcards.table} --metrics {input.metrics}"
        " --targets {input.targets:q} --paper {params.paper:q} --settings {params.settings}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html}"
        " --vs-paper {output.vs_paper} --vs-paper-html {output.vs_paper_html} > {log} 2>&1"
