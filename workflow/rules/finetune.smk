# Stage III: one model per task and system, from images alone. Baselines with an image encoder are the same rule.


def finetuning(wildcards):
    """Settings of a task's training for a system."""
    task = getattr(wildcards, "task", "segmentation")
    training = dict(config["training"])
    del training["pretraining_threads"]
    stage = stage_settings(config, task, wildcards.model)
    return settings(model=MODEL, training=training, stage=stage)


def initial_encoder(wildcards):
    """The folder that the image encoder starts from; none for training from scratch."""
    stage = config["systems"][wildcards.model].get("init")
    return f"results/models/{stage}/vita" if stage else None


def initial_model(wildcards):
    folder = initial_encoder(wildcards)
    return f"{folder}/model.safetensors" if folder else []


def init_argument(wildcards):
    folder = initial_encoder(wildcards)
    return f"--init {folder}" if folder else ""


STAGE3_INPUT = {
    "shards": shards("npz"),
    "tables": shards("parquet"),
    "split": "results/cohort/split.parquet",
    "fields": "results/cohort/fields.parquet",
    "phenotypes": "results/images/phenotypes.parquet",
    "labels": "results/cohort/labels.parquet",
    "targets": TARGETS,
}


STAGE3_ARGUMENTS = (
    " --shards {input.shards} --split {input.split} --targets {input.targets:q}"
    " --fields {input.fields} --phenotypes {input.phenotypes} --labels {input.labels} {params.init}"
    " --settings {params.settings} --output {params.folder}"
    " --predictions {output.predictions} > {log} 2>&1"
)


rule train_stage3:
    input:
        **STAGE3_INPUT,
        init=initial_model,
    output:
        model="results/models/{task}/{model}/model.safetensors",
        config="results/models/{task}/{model}/config.json",
        history="results/models/{task}/{model}/history.csv",
        predictions="results/predictions/{task}/{model}.parquet",
    wildcard_constraints:
        task="|".join(task for task in ALL_TASKS if task != "segmentation"),
        model="resnet50|vit|mae|vita",
    params:
        settings=finetuning,
        code=code_digest("vita.training.stage3"),
        init=init_argument,
        folder="results/models/{task}/{model}",
    log:
        "results/logs/train_stage3/{task}/{model}.log",
    benchmark:
        "results/benchmarks/train_stage3/{task}/{model}.tsv"
    threads: cores(config["training"]["threads"])
    resources:
        mem_mb=2500,
        runtime=240,
    message:
        "Stage III: {wildcards.task} with {wildcards.model}"
    shell:
        "python -m vita.training.stage3 --task {wildcards.task} --model {wildcards.model}"
        + STAGE3_ARGUMENTS


rule train_segmentation:
    input:
        **STAGE3_INPUT,
        init=initial_model,
    output:
        model="results/models/segmentation/{model}/model.safetensors",
        config="results/models/segmentation/{model}/config.json",
        history="results/models/segmentation/{model}/history.csv",
        predictions="results/predictions/segmentation/{model}.parquet",
        masks="results/predictions/segmentation/{model}.npz",
    params:
        settings=finetuning,
        code=code_digest("vita.training.stage3"),
        init=init_argument,
        folder="results/models/segmentation/{model}",
    log:
        "results/logs/train_segmentation/{model}.log",
    benchmark:
        "results/benchmarks/train_segmentation/{model}.tsv"
    threads: cores(config["training"]["threads"])
    resources:
        mem_mb=3000,
        runtime=480,
    message:
        "Stage III: segmentation with {wildcards.model}"
    shell:
        "python -m vita.training.stage3 --task segmentation --model {wildcards.model} --masks {output.masks}"
        + STAGE3_ARGUMENTS
