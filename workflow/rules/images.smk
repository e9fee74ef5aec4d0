# From scans to an index, shards of voxels, and phenotypes. Index and shards look at the scans themselves, each shard at
# its own, and carry the fingerprint of those files: an added, changed or withdrawn scan reruns one shard, and what
# follows from it.


# files are known by their fingerprints; the phantom's scans and withdrawals are made by rules
SCANS_INPUT = (
    {
        "scans": expand("results/phantom/batches/{batch}.parquet", batch=PHANTOM_BATCHES),
        "withdrawals": INPUTS.withdrawals_there,
    }
    if INPUTS.phantom
    else {}
)


rule index_scans:
    input:
        **SCANS_INPUT,
    output:
        index="results/images/index.parquet",
    log:
        "results/logs/index_scans.log",
    benchmark:
        "results/benchmarks/index_scans.tsv"
    # first, since it stops a run whose scans are mostly unusable
    priority: 1
    conda:
        ENVIRONMENT
    threads: cpus("index_scans")
    resources:
        **asked("index_scans"),
    params:
        settings=settings(images=INPUTS.images),
        code=code_digest("vita.images.index"),
        scans=INPUTS.scans,
        withdrawals=INPUTS.withdrawals_argument,
        files=scan_files,
    message:
        "Index: every scan found, its geometry, and whether it can be used"
    shell:
        "python -m vita.images.index --scans {params.scans:q} --settings {params.settings}"
        " {params.withdrawals} --output {output.index} > {log} 2>&1"


# only where images.masks.adapt.steps is not 0
rule adapt_contours:
    input:
        **SCANS_INPUT,
    output:
        weights="results/models/contours/contours.safetensors",
        card="results/models/contours/MODEL_CARD.md",
    log:
        "results/logs/adapt_contours.log",
    benchmark:
        "results/benchmarks/adapt_contours.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("adapt_contours")
    resources:
        **asked("adapt_contours"),
    params:
        settings=settings(images=INPUTS.adapt_images, split=config["split"]),
        code=code_digest("vita.contouring.adapt_contours"),
        weights=segmenter_weights() if INPUTS.adapts else "",
        device=lambda wildcards, threads: device_of("adapt_contours"),
        scans=INPUTS.scans,
        withdrawals=INPUTS.withdrawals_argument,
        files=scan_files,
    message:
        "The network for masks goes on learning on scans of this cohort"
    shell:
        "python -m vita.contouring.adapt_contours --scans {params.scans:q} {params.withdrawals}"
        " --settings {params.settings} --device {params.device} --output {output.weights} > {log} 2>&1"


# only where images.masks.source is model or both
rule segment_scans:
    input:
        **SCANS_INPUT,
        weights=INPUTS.adapted,
    output:
        scores="results/masks/scores/{shard}.parquet",
    log:
        "results/logs/segment_scans/{shard}.log",
    benchmark:
        "results/benchmarks/segment_scans/{shard}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("segment_scans")
    resources:
        **asked("segment_scans"),
    params:
        settings=settings(images=INPUTS.mask_images),
        code=code_digest("vita.contouring.make_masks"),
        weights=segmenter_weights() if INPUTS.makes_masks else "",
        adapted=lambda wildcards, input: f"--weights {input.weights}" if input.weights else "",
        device=lambda wildcards, threads: device_of("segment_scans"),
        shards=len(INPUTS.shard_numbers),
        number=lambda wildcards: int(wildcards.shard),
        scans=INPUTS.scans,
        withdrawals=INPUTS.withdrawals_argument,
        files=scan_files,
    message:
        "Masks {wildcards.shard}: drawn by the network that comes with the package, or by images.masks.command"
    shell:
        "python -m vita.contouring.make_masks --scans {params.scans:q} {params.withdrawals}"
        " --shard {params.number} --shards {params.shards} --settings {params.settings}"
        " --device {params.device} {params.adapted} --masks results/masks --table {output.scores} > {log} 2>&1"


rule build_shard:
    input:
        **SCANS_INPUT,
        made=lambda wildcards: INPUTS.made_masks(wildcards.shard),
    output:
        voxels="results/images/shards/{shard}.npz",
        table="results/images/shards/{shard}.parquet",
    log:
        "results/logs/build_shard/{shard}.log",
    benchmark:
        "results/benchmarks/build_shard/{shard}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("build_shard")
    resources:
        **asked("build_shard"),
    params:
        settings=settings(images=INPUTS.images),
        code=code_digest("vita.images.build_shard"),
        made=lambda wildcards, input: f"--made-masks {input.made}" if input.made else "",
        shards=len(INPUTS.shard_numbers),
        number=lambda wildcards: int(wildcards.shard),
        scans=INPUTS.scans,
        withdrawals=INPUTS.withdrawals_argument,
        files=scan_files,
    message:
        "Shard {wildcards.shard}: crop, slices, intensities, volume curves"
    shell:
        "python -m vita.images.build_shard --scans {params.scans:q} {params.withdrawals}"
        " --shard {params.number} --shards {params.shards} --settings {params.settings} {params.made}"
        " --voxels {output.voxels} --table {output.table} > {log} 2>&1"


rule measure_phenotypes:
    input:
        shards=shards("parquet"),
        fields=(
            "results/cohort/fields.parquet" if config["phenotypes"]["source"] == "fields" else []
        ),
    output:
        phenotypes="results/images/phenotypes.parquet",
        curves="results/images/curves.parquet",
    log:
        "results/logs/measure_phenotypes.log",
    benchmark:
        "results/benchmarks/measure_phenotypes.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("measure_phenotypes")
    resources:
        **asked("measure_phenotypes"),
    params:
        settings=settings(phenotypes=config["phenotypes"]),
        code=code_digest("vita.images.phenotypes"),
        fields=lambda wildcards, input: f"--fields {input.fields}" if input.fields else "",
    message:
        "Phenotypes: 10 ventricular and 8 atrial, from the volume curves or UK Biobank's own"
    shell:
        "python -m vita.images.phenotypes --shards {input.shards} {params.fields} --settings {params.settings}"
        " --output {output.phenotypes} --curves {output.curves} > {log} 2>&1"
