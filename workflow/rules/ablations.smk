# Ablations of Stage I: its variants are trained and measured by pretrain.smk; here are their tables.


rule make_ablation_table:
    input:
        predictions=lambda wildcards: expand(
            "results/predictions/reconstruction/{variant}.parquet",
            variant=ablation_rows(wildcards.ablation),
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
            labels={"table": "{ablation}", "what": "this run"},
            caption="../report/ablation.rst",
        ),
        vs_paper=report(
            "results/tables/{ablation}_vs_paper.csv",
            category="Tables",
            labels={"table": "{ablation}", "what": "beside the paper's numbers"},
            caption="../report/ablation_vs_paper.rst",
        ),
    log:
        "results/logs/make_ablation_table/{ablation}.log",
    benchmark:
        "results/benchmarks/make_ablation_table/{ablation}.tsv"
    wildcard_constraints:
        ablation="|".join(ABLATION_TABLES),
    conda:
        ENVIRONMENT
    threads: cpus("make_ablation_table")
    resources:
        **asked("make_ablation_table"),
    params:
        rows=lambda wildcards: " ".join(
            shlex.quote(f"{name}={row}") for name, row in ablation_rows(wildcards.ablation).items()
        ),
        settings=settings(evaluation=config["evaluation"]),
        code=code_digest("vita.evaluation.ablation_table"),
        paper=lambda wildcards, input: str(Path(input.paper[0]).parent),
    message:
        "Table: {wildcards.ablation}"
    shell:
        "python -m vita.evaluation.ablation_table --name {wildcards.ablation}"
        " --predictions {input.predictions} --variants {params.rows} --paper {params.paper:q}"
        " --settings {params.settings} --csv {output.csv} --md {output.md} --tex {output.tex}"
        " --html {output.html} --vs-paper {output.vs_paper} > {log} 2>&1"
