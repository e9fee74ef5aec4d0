# Ablations: variants of Stages I and II are trained by pretrain.smk; here are their tables.


rule make_ablation_table:
    input:
        predictions=lambda wildcards: expand(
            "results/predictions/reconstruction/{variant}.parquet",
            variant=PRODUCTS.ablation_rows(wildcards.ablation),
        ),
        paper=expand(
            str(RESOURCES / "paper" / "{file}.csv"),
            file=[*ABLATION_TABLES, "notes"],
        ),
    output:
        csv="results/tables/{ablation}.csv",
        md="results/tables/{ablation}.md",
        tex="results/tables/{ablation}.tex",
        html=report(
            "results/tables/{ablation}.html",
            category="Tables",
            labels=lambda wildcards: {
                "table": names.TABLE_TITLES[wildcards.ablation],
                "shown": "this run",
            },
            caption="../report/ablation.rst",
        ),
        vs_paper="results/tables/{ablation}_vs_paper.csv",
        vs_paper_html=report(
            "results/tables/{ablation}_vs_paper.html",
            category="Tables",
            labels=lambda wildcards: {
                "table": names.TABLE_TITLES[wildcards.ablation],
                "shown": "beside the paper",
            },
            caption="../report/ablation_vs_paper.rst",
        ),
    log:
        "results/logs/make_ablation_table/{ablation}.log",
    benchmark:
        "results/benchmarks/make_ablation_table/{ablation}.tsv"
    wildcard_constraints:
        ablation="|".join([*ABLATION_TABLES, FRAMES_TABLE]),
    conda:
        ENVIRONMENT
    threads: cpus("make_ablation_table")
    resources:
        **asked("make_ablation_table"),
    params:
        rows=lambda wildcards: arguments.titled(PRODUCTS.ablation_rows(wildcards.ablation)),
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.report.ablation_table"),
        paper=lambda wildcards, input: str(Path(input.paper[0]).parent),
    message:
        "Table: {wildcards.ablation}"
    shell:
        "python -m vita.report.ablation_table --name {wildcards.ablation}"
        " --predictions {input.predictions} --variants {params.rows} --paper {params.paper:q}"
        " --settings {params.settings} --csv {output.csv} --md {output.md} --tex {output.tex}"
        " --html {output.html} --vs-paper {output.vs_paper} --vs-paper-html {output.vs_paper_html}"
        " > {log} 2>&1"


rule make_alignment_table:
    input:
        histories=expand(
            "results/models/stage2/{variant}/history.csv", variant=TRAININGS.alignments
        ),
        configs=expand("results/models/stage2/{variant}/config.json", variant=TRAININGS.alignments),
    output:
        csv=f"results/tables/{ALIGNMENT_TABLE}.csv",
        md=f"results/tables/{ALIGNMENT_TABLE}.md",
        tex=f"results/tables/{ALIGNMENT_TABLE}.tex",
        html=report(
            f"results/tables/{ALIGNMENT_TABLE}.html",
            category="Tables",
            labels={"table": names.TABLE_TITLES[ALIGNMENT_TABLE], "shown": "this run"},
            caption="../report/ablation_alignment.rst",
        ),
    log:
        "results/logs/make_alignment_table.log",
    benchmark:
        "results/benchmarks/make_alignment_table.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("make_ablation_table")
    resources:
        **asked("make_ablation_table"),
    params:
        rows=arguments.titled(
            {name: variant.title for name, variant in TRAININGS.alignments.items()}
        ),
        code=code_digest("vita.report.alignment_table"),
    message:
        "Table: tau and lambda of Stage II"
    shell:
        "python -m vita.report.alignment_table --histories {input.histories} --variants {params.rows}"
        " --csv {output.csv} --md {output.md} --tex {output.tex} --html {output.html} > {log} 2>&1"
