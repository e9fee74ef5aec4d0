# Which system is run for which task: settings, starting weights and baselines of the training and metrics rules.
from vita.plan.ablations import pretrained, seen
from vita.names import CONTROLS, PROBES
from vita.config.systems import NAMED_VIEWS, stage_settings, training_blocks
from vita.tabular.leakage import exclusions, suffix
from vita.tabular.targets import read_sources, read_targets
from vita.training.stage3 import MODELS as TRAINABLE

REGRESSION = list(names.REGRESSION_TASKS)
CLASSIFICATION = [task for task in ALL_TASKS if task not in REGRESSION and task != "segmentation"]

NOTHING = "(?!)"  # a wildcard's constraint that nothing meets; an empty one is met by everything

TRAINED = [system for system in SYSTEMS if system in TRAINABLE]
# these learn a model for each target; of a disease's task there is one anyway
INDIVIDUAL = [system for system in TRAINED if config["systems"][system].get("individual")]
SEVERAL = [task for task in ALL_TASKS if not task.startswith(("disease_", "segmentation"))]
# ViTa is tested against these; what sees less of the same is no baseline of it
BASELINES = [system for system in SYSTEMS if system not in (*NAMED_VIEWS, *PROBES)]


def systems_for(task):
    """Systems that are run for a task, in the order of the config."""
    return [system for system in SYSTEMS if task in tasks_of(config, system)]


def stage1_settings(wildcards):
    """What Stage I learns from, with what this variant changes."""
    variant = VARIANTS[wildcards.variant]
    return learning_of(config["stage1"] | variant.stage, variant.model)


def stage2_settings(wildcards):
    """What Stage II learns from, with the model that its Stage I has and what this variant changes."""
    own = ALIGNMENTS[wildcards.variant].stage if wildcards.variant in ALIGNMENTS else {}
    return learning_of(config["stage2"] | own, VARIANTS[stage1_variant(wildcards)].model)


def learning_of(stage, changed):
    """The blocks of a stage's settings, with what is changed in its model."""
    blocks = training_blocks(config, stage)
    return blocks | {"model": blocks["model"] | changed}


def encoding(wildcards):
    """Settings of the table's encoding, with what is kept out of this one."""
    exclude = exclusions(EXCLUDE, ALL_TASKS)[wildcards.without]
    return settings(tabular=config["tabular"] | {"exclude": exclude})


def stage1_variant(wildcards):
    """The Stage I that a Stage II starts from: the same, whatever is kept out of the table."""
    return (
        "vita" if wildcards.variant in ALIGNMENTS else wildcards.variant.partition("_without_")[0]
    )


def imported(stage, variant):
    """The folder of weights that a stage starts from by config; what sees a single view never saw the other there."""
    return config[stage].get("init") if variant == pretrained(None) else None


def stage1_start(wildcards):
    return imported("stage1", wildcards.variant)


def stage2_start(wildcards):
    """The folder that a Stage II starts from: imported weights, or this run's Stage I."""
    variant = stage1_variant(wildcards)
    return imported("stage2", variant) or f"results/models/stage1/{variant}"


def encoded_table(wildcards):
    """Folder of the encoding that a Stage II aligns images with."""
    _, mark, without = wildcards.variant.partition("_without_")
    return f"results/tabular{mark}{without}"


def view_of(system):
    """The one view that a system sees; None for both."""
    return config["systems"][system].get("view")


def stage2_variants():
    """Every Stage II of the run: the usual one, whose embeddings are drawn, and those that systems start from."""
    found = [pretrained(None)]
    for system in SYSTEMS:
        if config["systems"][system].get("init") == "stage2":
            own = pretrained(view_of(system))
            found += [own + suffix(EXCLUDE, task) for task in tasks_of(config, system)]
    return list(dict.fromkeys(found))


def finetuning(wildcards):
    """What a task's training for a system learns from."""
    task = getattr(wildcards, "task", "segmentation")
    return learning_of(
        stage_settings(config, task, wildcards.model), seen(view_of(wildcards.model))
    )


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


def nnunet_python(wildcards, threads):
    """Python of nnU-Net's environment; like all that Snakemake derives from `threads`, it reruns nothing."""
    return f"{NNUNET_PLACE}/bin/python"


SOURCES = read_sources(TARGETS)


def frozen_blocks(wildcards):
    """Stage III's defaults: of these, features depend on the model's sizes; the batch is how many are computed at once."""
    return learning_of(config["stage3"]["defaults"], {})


def frozen_encoder(wildcards):
    """The folder that a probe's encoder comes from; none for other controls."""
    stage = config["systems"][wildcards.model].get("init")
    return f"results/models/{stage}/vita{wildcards.without}" if stage else None


def controls_of(task):
    return [system for system in systems_for(task) if system in CONTROLS]


def control_features(task):
    """The file of each control's features for a task; a probe of Stage II has what is kept out for the task."""

    def without(control):
        return suffix(EXCLUDE, task) if config["systems"][control].get("init") == "stage2" else ""

    return {
        control: f"results/controls/{control}{without(control)}.parquet"
        for control in controls_of(task)
    }


# features that the extensions learn from, the image's last: of each control that is run for any task
EXTENSION_CONTROLS = {
    control: f"results/controls/{control}.parquet"
    for control in CONTROLS
    if tasks_of(config, control)
}
# what with few labels is learnt: Tables 1 and 4
LABEL_TASKS = [task for task in ("sa_phenotypes", *names.DISEASE_TASKS) if task in ALL_TASKS]
LABELLED = {
    task.removeprefix("disease_"): f"results/cohort/labels/{task.removeprefix('disease_')}.parquet"
    for task in LABEL_TASKS
    if task.startswith("disease_")
}


def conformal_predictions():
    """Predictions of ViTa and the controls, of each of their tasks."""
    return [
        f"results/predictions/{task}/{system}.parquet"
        for system in SYSTEMS
        if system in (*CONTROLS, names.MAIN_SYSTEM)
        for task in tasks_of(config, system)
        if task != "segmentation"
    ]


def target_tables(wildcards):
    return tables_of(wildcards.task)


def tables_of(task):
    """The tables that a task's targets stand in, by kind: of a disease its own labels, and nobody else's."""
    disease = task.removeprefix("disease_")
    paths = {
        "fields": "results/cohort/fields.parquet",
        "phenotypes": "results/images/phenotypes.parquet",
        "labels": f"results/cohort/labels/{disease}.parquet",
    }
    return {source: paths[source] for source in SOURCES[task]}


def tables_argument(wildcards):
    return options(target_tables(wildcards))


@cache
def targets_of(task):
    """Targets of a task by what their files are named."""
    return {target.name.replace(" ", "_"): target.name for target in read_targets(TARGETS, task)}


def models_of(task, system):
    """What the folders and files of a system's models of a task are named: one, or one for each target."""
    if system in INDIVIDUAL and task in SEVERAL:
        return [f"{system}-{name}" for name in targets_of(task)]
    return [system]


def target_argument(wildcards):
    name = wildcards.target.removeprefix("-")
    return f"--target {shlex.quote(targets_of(wildcards.task)[name])}" if name else ""


def initial_encoder(wildcards):
    """The folder that the image encoder starts from; none for training from scratch."""
    stage = config["systems"][wildcards.model].get("init")
    variant = pretrained(view_of(wildcards.model))
    if stage == "stage2" and imported("stage3", variant):
        return config["stage3"]["init"]
    task = getattr(wildcards, "task", "segmentation")
    without = suffix(EXCLUDE, task) if stage == "stage2" else ""
    return f"results/models/{stage}/{variant}{without}" if stage else None


def weights(start):
    """The weights file of the folder that `start` names, as an input; nothing if it names none."""
    return lambda wildcards: f"{start(wildcards)}/model.safetensors" if start(wildcards) else []


def init_argument(start):
    """The same folder as an argument."""
    return lambda wildcards: f"--init {shlex.quote(start(wildcards))}" if start(wildcards) else ""


def baseline_predictions(wildcards):
    """Predictions that ViTa is tested against; the other systems are tested against nobody."""
    return [
        f"results/predictions/{wildcards.task}/{system}.parquet"
        for system in systems_for(wildcards.task)
        if wildcards.model == "vita" and system in BASELINES
    ]


def baselines_argument(wildcards, input):
    return f"--baselines {' '.join(input.baselines)}" if input.baselines else ""


def baseline_participants(wildcards):
    """Per-participant Dice of the systems that ViTa is tested against."""
    return [
        f"results/metrics/segmentation/{system}_participants.parquet"
        for system in systems_for("segmentation")
        if wildcards.model == "vita" and system in BASELINES
    ]


def applied_models(name):
    """Files of this name of every Stage III model of ViTa, which `vita predict` applies to new scans."""
    return [f"results/models/{task}/vita/{name}" for task in tasks_of(config, "vita")]
