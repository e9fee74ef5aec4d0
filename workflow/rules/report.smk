# What a run reports: its mistakes in one line each, its configuration, and the report on it by Snakemake itself.
from snakemake.logging import logger

from vita.runtime.atomic import PART
from vita.runtime.claim import cancel_leftovers, claim, end_leftovers, remove_parts, used_slurm
from vita.check.before import findings
from vita.check.command import show
from vita.check.findings import concerning
from vita.check.machine import remaining_findings
from vita.plan.inputs import other_input
from vita.results.models import not_learned
from vita.runtime.jobs import Progress, Shorter, failure_lines

WRITTEN = [Path("results"), Path(".snakemake")]
PROGRESS = Progress(Path("results/logs"))
if workflow.is_main_process and Shorter not in map(type, logger.filters):
    logger.addFilter(Shorter())


# a dry run needs no data, claims nothing and writes nothing
onstart:
    kept = other_input(config, Path("results/config.json"))
    for message in [*obstacles(WRITTEN), *kept, *missing_nodes()]:
        sys.exit(f"error: {message}")
    # with --touch nothing is made, and nothing of the data is read
    found = [] if workflow.touch else findings(config, HERE, Path(), ON_CLUSTER)[0]
    rules = [job.rule.name for job in workflow.dag.needrun_jobs()]
    found = concerning(found, set(rules))
    show([*found, *(remaining_findings(rules) if found and not MODELS_FOLDER else ())])
    if any(finding.level == "error" for finding in found):
        sys.exit(1)
    try:
        claim(RUN)
        cancelled = cancel_leftovers(RUN) if ON_CLUSTER or used_slurm(RUN) else 0
    except UserError as error:
        sys.exit(f"error: {error}")
    ended, removed = end_leftovers(RUN), remove_parts(Path("results"))
    if cancelled or ended or removed:
        print(
            f"after a killed run: {cancelled} SLURM jobs cancelled, {ended} processes of its jobs ended,"
            f" {removed} half-written files removed",
            file=sys.stderr,
        )
    if not workflow.output_settings.quiet:
        PROGRESS.start()


onsuccess:
    PROGRESS.stop()
    for line in not_learned(Path("results")):
        print(f"warning: {line}", file=sys.stderr)
    for what, path in {
        "to read": "results/index.html",
        "what may leave": "results/release",
    }.items():
        if Path(path).exists():
            print(f"{what}: {path}", file=sys.stderr)


onerror:
    PROGRESS.stop()
    for line in [*failure_lines(log), *(f"error: {message}" for message in obstacles(WRITTEN))]:
        print(line, file=sys.stderr)


localrules:
    record_config,
    update_readme,


rule record_config:
    output:
        config="results/config.json",
    log:
        "results/logs/record_config.log",
    conda:
        ENVIRONMENT
    threads: cpus("record_config")
    resources:
        **asked("record_config"),
    params:
        config=lambda wildcards: shlex.quote(json.dumps(config, sort_keys=True, indent=2)),
        part=f"results/{PART}config.json",
    message:
        "The configuration of this run"
    shell:
        "(printf '%s\\n' {params.config} > {params.part} && mv {params.part} {output.config}) 2> {log}"


rule report:
    input:
        products=PRODUCTS.reported(),
        captions="results/captions.rst",
        config="results/config.json",
    output:
        html="results/report.html",
    log:
        "results/logs/report.log",
    conda:
        ENVIRONMENT
    threads: cpus("report")
    resources:
        **asked("report"),
    params:
        snakefile=str(CLONE / "Snakefile"),
        part=f"results/{PART}report.html",
    message:
        "Report: everything on one page"
    shell:
        "(snakemake --snakefile {params.snakefile:q} --configfile {input.config} --nolock"
        " --report {params.part} --workflow-profile none -- {input.products}"
        " && mv {params.part} {output.html}) > {log} 2>&1"


# our own page, beside Snakemake's report
rule write_page:
    input:
        products=PRODUCTS.reported(),
        captions="results/captions.rst",
        config="results/config.json",
        texts=[str(path) for path in sorted((CLONE / "workflow" / "report").glob("*.rst"))],
        templates=[
            str(path) for path in sorted((CLONE / "src" / "vita").glob("*/templates/*.html"))
        ],
    output:
        html="results/index.html",
    log:
        "results/logs/write_page.log",
    benchmark:
        "results/benchmarks/write_page.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("report")
    resources:
        **asked("report"),
    params:
        texts=lambda wildcards, input: str(Path(input.texts[0]).parent),
        code=code_digest("vita.report.index_page"),
    message:
        "results/index.html: tables, figures and provenance on one page"
    shell:
        "python -m vita.report.index_page --results results --config {input.config}"
        " --captions {params.texts:q} --output {output.html} > {log} 2>&1"


# the last rule: what is meant to be shared names no participant
rule audit:
    input:
        html=["results/report.html", "results/index.html"],
        products=PRODUCTS.shared(),
        ids=["results/images/index.parquet", *FIELDS_INPUT.values()],
    output:
        "results/audit.txt",
    log:
        "results/logs/audit.log",
    conda:
        ENVIRONMENT
    threads: cpus("audit")
    resources:
        **asked("audit"),
    params:
        code=code_digest("vita.audit.command"),
    message:
        "Audit: no participant's id in the report, tables, figures, models and logs"
    shell:
        "python -m vita.audit {input.html} {input.products} results/logs"
        " --ids {input.ids} --known-only --output {output} > {log} 2>&1"


# on demand, after a default run in the clone; no output is declared, since Snakemake would delete the README first
rule update_readme:
    input:
        "results/report.html",
    log:
        "results/logs/update_readme.log",
    conda:
        ENVIRONMENT
    threads: cpus("update_readme")
    resources:
        **asked("update_readme"),
    params:
        pages=[str(CLONE / "README.md"), str(CLONE / "workflow" / "guides" / "results.md")],
        images=str(CLONE / "workflow" / "report" / "images"),
        # by the command of vita.extensions.simulations
        simulations=str(RESOURCES / "simulations.csv"),
    message:
        "README: numbers, tables and pictures of this run"
    shell:
        "python -m vita.report.readme --results results --pages {params.pages:q}"
        " --images {params.images:q} --simulations {params.simulations:q} > {log} 2>&1"
