# What a run delivers, and the report on it by Snakemake itself.


def scan_products():
    """Deliverables that need scans alone."""
    return [
        "results/cohort/exclusions.parquet",
        "results/images/phenotypes.parquet",
        "results/images/curves.parquet",
        "results/figures/figB9_reconstructions.svg",
        "results/figures/learning_curves.svg",
    ]


def table_and_figure_products():
    """Deliverables that need the table too: everything of the paper."""
    return expand("results/tables/{table}.csv", table=TABLE_NAMES) + expand(
        "results/figures/{figure}.svg", figure=FIGURE_NAMES
    )


def reported():
    """What the report is about."""
    return scan_products() + (table_and_figure_products() if config["products"] == "all" else [])


def products():
    """All that the default target makes."""
    truth = ["results/phantom/truth.parquet"] if PHANTOM else []
    return reported() + truth + ["results/report.html"]


rule record_config:
    output:
        config="results/config.json",
    params:
        config=lambda wildcards: shlex.quote(json.dumps(config, sort_keys=True, indent=2)),
    log:
        "results/logs/record_config.log",
    threads: cores(1)
    resources:
        mem_mb=100,
        runtime=5,
    message:
        "The configuration of this run"
    shell:
        "printf '%s\\n' {params.config} > {output.config} 2> {log}"


rule report:
    input:
        products=reported(),
        config="results/config.json",
    output:
        html="results/report.html",
    params:
        snakefile=workflow.main_snakefile,
        code=code_digest("vita"),
    log:
        "results/logs/report.log",
    threads: cores(1)
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Report: everything on one page"
    shell:
        "snakemake --snakefile {params.snakefile:q} --configfile {input.config} --nolock"
        " --report {output.html} --workflow-profile none -- {input.products} > {log} 2>&1"
