# Which system is run for which task: settings, starting weights and baselines of the training and metrics rules.

REGRESSION = ["sa_phenotypes", "la_phenotypes", "physiological"]
CLASSIFICATION = [task for task in ALL_TASKS if task not in REGRESSION and task != "segmentation"]

NOTHING = "(?!)"  # a wildcard's constraint that nothing meets; an empty one is met by everything

ALIGNED_TASKS = [
    task
    for system, block in config["systems"].items()
    for task in tasks_of(config, system)
    if block.get("init") == "stage2"
]


def systems_for(task):
    """Systems that are run for a task, in the order of the config."""
    return [system for system in SYSTEMS if task in tasks_of(config, system)]


def pretraining(stage):
    """What a pretraining stage learns from."""
    return lambda wildcards: training_blocks(config, config[stage])


def stage1_settings(wildcards):
    """What Stage I learns from, with what this variant changes."""
    variant, blocks = VARIANTS[wildcards.variant], pretraining("stage1")(wildcards)
    return {
        "model": blocks["model"] | variant.model,
        "stage": blocks["stage"] | variant.stage,
    }


def encoding(wildcards):
    """Settings of the table's encoding, with what is kept out of this one."""
    exclude = exclusions(EXCLUDE, ALL_TASKS)[wildcards.without]
    return settings(tabular=config["tabular"] | {"exclude": exclude})


def stage1_variant(wildcards):
    """The Stage I that a Stage II starts from: the same, whatever is kept out of the table."""
    return wildcards.variant.partition("_without_")[0]


def stage2_start(wildcards):
    """The folder that a Stage II starts from: imported weights, or this run's Stage I."""
    return config["stage2"].get("init") or f"results/models/stage1/{stage1_variant(wildcards)}"


def encoded_table(wildcards):
    """Folder of the encoding that a Stage II aligns images with."""
    without = wildcards.variant.removeprefix(stage1_variant(wildcards))
    return f"results/tabular{without}"


def finetuning(wildcards):
    """What a task's training for a system learns from."""
    task = getattr(wildcards, "task", "segmentation")
    return training_blocks(config, stage_settings(config, task, wildcards.model))


def learning(blocks):
    """The part of a training's settings whose change reruns it: not whether it computes again what it could keep."""
    precision = config["training"]["precision"]

    def meaning(wildcards):
        found = blocks(wildcards)
        model = {key: value for key, value in found["model"].items() if key != "checkpointing"}
        return settings(precision=precision, model=model, stage=found["stage"])

    return meaning


def computing(rule, blocks):
    """All settings of a training. What Snakemake derives from `threads` reruns nothing: where a model is trained,
    by how many CPUs, and how often its state is kept changes nothing that it learns."""
    machine = {"threads": row(rule)["cpus"], "devices": max(1, gpus(rule))}
    training = config["training"] | machine
    return lambda wildcards, threads: settings(training=training, **blocks(wildcards))


def initial_encoder(wildcards):
    """The folder that the image encoder starts from; none for training from scratch."""
    stage = config["systems"][wildcards.model].get("init")
    if stage == "stage2" and config["stage3"].get("init"):
        return config["stage3"]["init"]
    task = getattr(wildcards, "task", "segmentation")
    without = suffix(EXCLUDE, task) if stage == "stage2" else ""
    return f"results/models/{stage}/vita{without}" if stage else None


def initial_model(wildcards):
    folder = initial_encoder(wildcards)
    return f"{folder}/model.safetensors" if folder else []


def init_argument(wildcards):
    folder = initial_encoder(wildcards)
    return f"--init {shlex.quote(folder)}" if folder else ""


def baseline_predictions(wildcards):
    """Predictions that ViTa is tested against; the other systems are tested against nobody."""
    others = systems_for(wildcards.task) if wildcards.model == "vita" else []
    return [
        f"results/predictions/{wildcards.task}/{system}.parquet"
        for system in others
        if system != wildcards.model
    ]


def baselines_argument(wildcards, input):
    return f"--baselines {' '.join(input.baselines)}" if input.baselines else ""


def baseline_participants(wildcards):
    """Per-participant Dice of the systems that ViTa is tested against."""
    others = systems_for("segmentation") if wildcards.model == "vita" else []
    return [
        f"results/metrics/segmentation/{system}_participants.parquet"
        for system in others
        if system != wildcards.model
    ]


def applied_models(name):
    """Files of this name of every Stage III model of ViTa, which `vita predict` applies to new scans."""
    return [f"results/models/{task}/vita/{name}" for task in tasks_of(config, "vita")]
