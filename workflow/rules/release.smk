# What may leave: made beside its place, attacked with the cohort's own tables, and put there only if nobody is found.


rule release:
    input:
        products=PRODUCTS.shared(),
        tables=[path for path in PRODUCTS.reported() if path.endswith(".parquet")],
        config="results/config.json",
        audit="results/audit.txt",
    output:
        directory("results/release"),
    log:
        "results/logs/release.log",
    benchmark:
        "results/benchmarks/release.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("release")
    resources:
        **asked("release"),
    params:
        settings=settings(privacy=config["privacy"]),
        code=code_digest("vita.release.make"),
    message:
        "Release: what may leave, checked by an attacker who holds the cohort's tables"
    shell:
        "python -m vita.release.make --results results --output {output}"
        " --settings {params.settings} > {log} 2>&1"
