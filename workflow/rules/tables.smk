# Tables of the paper and of its kind: CSV with plain numbers, Markdown, LaTeX, and ours beside the paper's.

TABLE_TASKS = {
    "table1_sa_phenotypes": ["sa_phenotypes"],
    "table2_la_phenotypes": ["la_phenotypes"],
    "table3_physiological": ["physiological"],
    "table4_diseases": [task for task in ALL_TASKS if task.startswith("disease_")],
    "segmentation": ["segmentation"],
    "binary_features": ["binary_features"],
    "categorical_features": ["categorical_features"],
    "tableC8_cohort": REGRESSION,
}


def table_metrics(table):
    """Metrics files of a table: of every system that is run for its tasks."""
    return [
        f"results/metrics/{task}/{system}.csv"
        for task in TABLE_TASKS[table]
        for system in systems_for(task)
        if table != "tableC8_cohort" or system == "mean_guess"
    ]


TABLE_NAMES = [table for table in TABLE_TASKS if table_metrics(table)]


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
        vs_paper=report(
            "results/tables/{table}_vs_paper.csv",
            category="Tables",
            subcategory="Beside the paper",
            labels={"table": "{table}"},
            caption="../report/vs_paper.rst",
        ),
    wildcard_constraints:
        table="|".join(TABLE_NAMES),
    params:
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.tables"),
        paper=str(RESOURCES / "paper"),
    log:
        "results/logs/make_table/{table}.log",
    benchmark:
        "results/benchmarks/make_table/{table}.tsv"
    threads: cores(1)
    resources:
        mem_mb=800,
        runtime=10,
    message:
        "Table: {wildcards.table}"
    shell:
        "python -m vita.evaluation.tables --name {wildcards.table} --metrics {input.metrics}"
        " --targets {input.targets:q} --paper {params.paper:q} --settings {params.settings}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --vs-paper {output.vs_paper} > {log} 2>&1"
