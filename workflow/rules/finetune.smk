# Stage III: one model per task and system, from images alone. Baselines with an image encoder are the same rule.


# A shard's table is an output of the same job as its voxels: naming one of the two keeps planning short.
STAGE3_INPUT = {
    "shards": shards("npz"),
    "split": INPUTS.labelled_split,
    "targets": TARGETS,
}


STAGE3_ARGUMENTS = (
    " --shards {input.shards} --split {input.split} --targets {input.targets:q}"
    " {params.init} --settings {params.settings} --output {params.folder}"
    " --predictions {output.predictions} > {log} 2>&1"
)


rule train_stage3:
    input:
        unpack(lambda wildcards: TRAININGS.tables_of(wildcards.task, wildcards.model)),
        **STAGE3_INPUT,
        init=weights(stage3_start),
    output:
        model="results/{repeat}models/{task}/{model}{target}/model.safetensors",
        config="results/{repeat}models/{task}/{model}{target}/config.json",
        history="results/{repeat}models/{task}/{model}{target}/history.csv",
        predictions="results/{repeat}predictions/{task}/{model}{target}.parquet",
    log:
        "results/logs/train_stage3/{repeat}{task}/{model}{target}.log",
    benchmark:
        "results/benchmarks/train_stage3/{repeat}{task}/{model}{target}.tsv"
    wildcard_constraints:
        task="|".join(task for task in SYSTEMS.tasks if task != "segmentation"),
        model="|".join(SYSTEMS.trained) or NOTHING,
        target=r"|-\w+",  # nothing: all targets at once
    conda:
        ENVIRONMENT
    threads: cpus("train_stage3")
    resources:
        **asked_by_training("train_stage3"),
    params:
        meaning=learning(stage3_settings),
        settings=computing("train_stage3", stage3_settings),
        code=code_digest("vita.training.stage3"),
        init=init_argument(stage3_start),
        tables=lambda wildcards: options(TRAININGS.tables_of(wildcards.task, wildcards.model)),
        target=target_argument,
        folder=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "Stage III: {wildcards.task} with {wildcards.repeat}{wildcards.model}{wildcards.target}"
    shell:
        "python -m vita.runtime.nodes --count {resources.nodes} -- python -m vita.runtime.gpus --count {resources.devices} --"
        " python -m vita.training.stage3 --task {wildcards.task} --model {wildcards.model} {params.target} {params.tables}"
        + STAGE3_ARGUMENTS


# before train_stage3: what learns each target by itself is not also trained for all at once
ruleorder: join_targets > train_stage3


rule join_targets:
    input:
        predictions=lambda wildcards: expand(
            "results/{{repeat}}predictions/{{task}}/{name}.parquet",
            name=SYSTEMS.models_of(wildcards.task, wildcards.model),
        ),
    output:
        predictions="results/{repeat}predictions/{task}/{model}.parquet",
    log:
        "results/logs/join_targets/{repeat}{task}/{model}.log",
    benchmark:
        "results/benchmarks/join_targets/{repeat}{task}/{model}.tsv"
    wildcard_constraints:
        task="|".join(SYSTEMS.several) or NOTHING,
        model="|".join(SYSTEMS.individual) or NOTHING,
    conda:
        ENVIRONMENT
    threads: cpus("join_targets")
    resources:
        **asked("join_targets"),
    params:
        code=code_digest("vita.training.join_targets"),
    message:
        "Predictions of each target by {wildcards.repeat}{wildcards.model}, joined: {wildcards.task}"
    shell:
        "python -m vita.training.join_targets --predictions {input.predictions}"
        " --output {output.predictions} > {log} 2>&1"


rule train_segmentation:
    input:
        **STAGE3_INPUT,
        init=weights(stage3_start),
    output:
        model="results/{repeat}models/segmentation/{model}/model.safetensors",
        config="results/{repeat}models/segmentation/{model}/config.json",
        history="results/{repeat}models/segmentation/{model}/history.csv",
        predictions="results/{repeat}predictions/segmentation/{model}.parquet",
        masks="results/{repeat}predictions/segmentation/{model}.npz",
    log:
        "results/logs/train_segmentation/{repeat}{model}.log",
    benchmark:
        "results/benchmarks/train_segmentation/{repeat}{model}.tsv"
    wildcard_constraints:
        model="|".join(SYSTEMS.trained),
    conda:
        ENVIRONMENT
    threads: cpus("train_segmentation")
    resources:
        **asked_by_training("train_segmentation"),
    params:
        meaning=learning(stage3_settings),
        settings=computing("train_segmentation", stage3_settings),
        code=code_digest("vita.training.stage3"),
        init=init_argument(stage3_start),
        folder=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "Stage III: segmentation with {wildcards.repeat}{wildcards.model}"
    shell:
        "python -m vita.runtime.nodes --count {resources.nodes} -- python -m vita.runtime.gpus --count {resources.devices} --"
        " python -m vita.training.stage3 --task segmentation --model {wildcards.model} --masks {output.masks}"
        + STAGE3_ARGUMENTS


rule record_decisions:
    input:
        configs=expand("results/models/{task}/vita/config.json", task=SYSTEMS.tasks_of("vita")),
        predictions=expand("results/predictions/{task}/vita.parquet", task=SYSTEMS.tasks_of("vita")),
        shards=shards("parquet"),
        voxels=shards("npz"),
        split="results/cohort/split.parquet",
        embedder=(
            []
            if TRAININGS.imported("stage3", "vita")
            else "results/models/stage2/vita/model.safetensors"
        ),
        targets=TARGETS,
    output:
        decisions="results/models/decisions.json",
    log:
        "results/logs/record_decisions.log",
    benchmark:
        "results/benchmarks/record_decisions.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("record_decisions")
    resources:
        **asked("record_decisions"),
    params:
        settings=settings(images=config["images"], phenotypes=config["phenotypes"]),
        embedder=lambda wildcards, input: (
            f"--embedder {Path(input.embedder).parent}" if input.embedder else ""
        ),
        code=code_digest("vita.apply.decisions"),
    message:
        "For new scans: units, thresholds, errors and what is typical, beside the models"
    shell:
        "python -m vita.apply.decisions --model vita --configs {input.configs}"
        " --predictions {input.predictions} --shards {input.shards} --targets {input.targets:q}"
        " --split {input.split} {params.embedder}"
        " --settings {params.settings} --output {output.decisions} > {log} 2>&1"
