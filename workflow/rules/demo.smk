# The phantom cohort: people and their UK Biobank table, their scans, and the truth that no rule reads.

PHANTOM_BATCHES = range(config["phantom"]["batches"])


rule phantom_people:
    output:
        **dict(zip(["unlabelled"], INPUTS.unlabelled)),
        people="results/phantom/people.parquet",
        table="results/phantom/table.csv",
        withdrawals="results/phantom/withdrawals.csv",
    log:
        "results/logs/phantom_people.log",
    benchmark:
        "results/benchmarks/phantom_people.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("phantom_people")
    resources:
        **asked("phantom_people"),
    params:
        settings=settings(phantom=config["phantom"]),
        code=code_digest("vita.phantom.people"),
        unlabelled=INPUTS.unlabelled_argument,
    message:
        "Phantom cohort: people and their UK Biobank table"
    shell:
        "python -m vita.phantom.people --settings {params.settings} --people {output.people}"
        " --table {output.table} --withdrawals {output.withdrawals} {params.unlabelled} > {log} 2>&1"


rule phantom_scans:
    input:
        people="results/phantom/people.parquet",
    output:
        truth="results/phantom/batches/{batch}.parquet",
    log:
        "results/logs/phantom_scans/{batch}.log",
    benchmark:
        "results/benchmarks/phantom_scans/{batch}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("phantom_scans")
    resources:
        **asked("phantom_scans"),
    params:
        settings=settings(phantom=config["phantom"]),
        code=code_digest("vita.phantom.scans"),
        scans="results/phantom/scans",
        batches=len(PHANTOM_BATCHES),
    message:
        "Phantom cohort: scans of batch {wildcards.batch}"
    shell:
        "python -m vita.phantom.scans --settings {params.settings} --people {input.people}"
        " --batch {wildcards.batch} --batches {params.batches} --scans {params.scans}"
        " --truth {output.truth} > {log} 2>&1"


rule phantom_truth:
    input:
        batches=expand("results/phantom/batches/{batch}.parquet", batch=PHANTOM_BATCHES),
    output:
        truth="results/phantom/truth.parquet",
    log:
        "results/logs/phantom_truth.log",
    benchmark:
        "results/benchmarks/phantom_truth.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("phantom_truth")
    resources:
        **asked("phantom_truth"),
    params:
        code=code_digest("vita.phantom.truth"),
    message:
        "Phantom cohort: the true volumes, for tests only"
    shell:
        "python -m vita.phantom.truth --batches {input.batches} --output {output.truth} > {log} 2>&1"
