# The system nnunet: nnU-Net itself, in an environment of its own, on the same crops, frames and split as the others.
# A view is a data set of nnU-Net and a model; collect_nnunet leaves what train_segmentation leaves of other systems.
import hashlib

from snakemake.settings.types import DeploymentMethod

NNUNET = config["nnunet"]
NNUNET_CONDA = str(HERE / "envs" / "nnunet.yaml")
NNUNET_IN_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
# another place of the environment reruns nothing, other versions do
NNUNET_LOCK = CLONE / "envs" / "nnunet.lock"
NNUNET_PINS = hashlib.sha256(NNUNET_LOCK.read_bytes()).hexdigest()
# where Snakemake makes conda environments, each job's own holds nnU-Net
NNUNET_PLACE = '"$CONDA_PREFIX"' if NNUNET_IN_CONDA else shlex.quote(NNUNET["environment"])
# nnU-Net names the folders below a view's: its data set's, and its trainer's, plan's and configuration's
NNUNET_CHECKPOINT = "/".join(
    (
        "results/nnunet/{view}/trained/Dataset001_heart",
        "nnUNetTrainer__nnUNetPlans__2d",
        "fold_0",
        "checkpoint_final.pth",
    )
)
NNUNET_PLAN = {"nnunet": {key: NNUNET[key] for key in ("planner", "gpu_memory_gb")}}
NNUNET_LENGTHS = {
    "nnunet": {key: NNUNET[key] for key in ("epochs", "iterations", "val_iterations")}
}
# frames of the segmentations that nnU-Net is compared with
SEGMENTER = TRAININGS.stage3("segmentation", "vita")["model"]
NNUNET_IMAGES = {"model": {key: SEGMENTER[key] for key in ("frames", "sampling")}}


localrules:
    make_nnunet_environment,


rule make_nnunet_environment:
    input:
        lock=str(NNUNET_LOCK),
    output:
        versions="results/nnunet/environment.json",
    log:
        "results/logs/make_nnunet_environment.log",
    benchmark:
        "results/benchmarks/make_nnunet_environment.tsv"
    conda:
        NNUNET_CONDA
    threads: cpus("make_nnunet_environment")
    resources:
        **asked("make_nnunet_environment"),
    params:
        folder=NNUNET_PLACE,
        code=code_digest("vita.nnunet.environment"),
    message:
        "nnU-Net: its own environment (needs a package index, or an environment that is there)"
    shell:
        "python -m vita.nnunet.environment --folder {params.folder} --lock {input.lock:q}"
        " --output {output.versions} > {log} 2>&1"


rule export_nnunet:
    input:
        shards=shards("npz"),
        split=INPUTS.labelled_split,
    output:
        raw=temp(directory("results/nnunet/{view}/raw")),
        cases="results/nnunet/{view}/cases.parquet",
    log:
        "results/logs/export_nnunet/{view}.log",
    benchmark:
        "results/benchmarks/export_nnunet/{view}.tsv"
    wildcard_constraints:
        view="|".join(NNUNET["views"]),
    conda:
        ENVIRONMENT
    threads: cpus("export_nnunet")
    resources:
        **asked("export_nnunet"),
    params:
        settings=settings(**NNUNET_IMAGES),
        code=code_digest("vita.nnunet.export"),
    message:
        "nnU-Net ({wildcards.view}): images and masks as its data set"
    shell:
        "python -m vita.nnunet.export --view {wildcards.view} --shards {input.shards}"
        " --split {input.split} --settings {params.settings} --output {output.raw}"
        " --cases {output.cases} > {log} 2>&1"


rule plan_nnunet:
    input:
        raw="results/nnunet/{view}/raw",
        versions=ancient("results/nnunet/environment.json"),
    output:
        preprocessed=temp(directory("results/nnunet/{view}/preprocessed")),
    log:
        "results/logs/plan_nnunet/{view}.log",
    benchmark:
        "results/benchmarks/plan_nnunet/{view}.tsv"
    wildcard_constraints:
        view="|".join(NNUNET["views"]),
    conda:
        NNUNET_CONDA
    threads: cpus("plan_nnunet")
    resources:
        **asked("plan_nnunet"),
    params:
        meaning=settings(**NNUNET_PLAN),
        settings=computing("plan_nnunet", lambda wildcards: NNUNET_PLAN),
        code=code_digest("vita.nnunet.plan"),
        python=nnunet_python,
        pins=NNUNET_PINS,
        folder=lambda wildcards, input: str(Path(input.raw).parent),
    message:
        "nnU-Net ({wildcards.view}): fingerprint, plan, preprocessing"
    shell:
        "{params.python} -m vita.nnunet.plan --folder {params.folder}"
        " --settings {params.settings} > {log} 2>&1"


rule train_nnunet:
    input:
        preprocessed="results/nnunet/{view}/preprocessed",
        versions=ancient("results/nnunet/environment.json"),
    output:
        model="results/nnunet/{view}/model/model.safetensors",
        history="results/nnunet/{view}/model/history.csv",
        training="results/nnunet/{view}/model/training.json",
        checkpoint=NNUNET_CHECKPOINT,
    log:
        "results/logs/train_nnunet/{view}.log",
    benchmark:
        "results/benchmarks/train_nnunet/{view}.tsv"
    wildcard_constraints:
        view="|".join(NNUNET["views"]),
    conda:
        NNUNET_CONDA
    threads: cpus("train_nnunet")
    resources:
        **asked("train_nnunet"),
    params:
        meaning=settings(**NNUNET_LENGTHS),
        settings=computing("train_nnunet", lambda wildcards: {"nnunet": NNUNET}),
        code=code_digest("vita.nnunet.train"),
        python=nnunet_python,
        pins=NNUNET_PINS,
        folder=lambda wildcards, input: str(Path(input.preprocessed).parent),
        output=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "nnU-Net ({wildcards.view}): training"
    shell:
        "python -m vita.runtime.gpus --count {resources.gpu} --"
        " {params.python} -m vita.nnunet.train --folder {params.folder}"
        " --settings {params.settings} --output {params.output} > {log} 2>&1"


rule predict_nnunet:
    input:
        raw="results/nnunet/{view}/raw",
        checkpoint=NNUNET_CHECKPOINT,
        versions=ancient("results/nnunet/environment.json"),
    output:
        masks=temp(directory("results/nnunet/{view}/masks")),
    log:
        "results/logs/predict_nnunet/{view}.log",
    benchmark:
        "results/benchmarks/predict_nnunet/{view}.tsv"
    wildcard_constraints:
        view="|".join(NNUNET["views"]),
    conda:
        NNUNET_CONDA
    threads: cpus("predict_nnunet")
    resources:
        **asked("predict_nnunet"),
    params:
        settings=computing("predict_nnunet", lambda wildcards: {}),
        code=code_digest("vita.nnunet.predict"),
        python=nnunet_python,
        pins=NNUNET_PINS,
        folder=lambda wildcards, input: str(Path(input.raw).parent),
    message:
        "nnU-Net ({wildcards.view}): masks of the validation and test splits"
    shell:
        "python -m vita.runtime.gpus --count {resources.gpu} --"
        " {params.python} -m vita.nnunet.predict --folder {params.folder}"
        " --settings {params.settings} --output {output.masks} > {log} 2>&1"


rule collect_nnunet:
    input:
        masks=expand("results/nnunet/{view}/masks", view=NNUNET["views"]),
        cases=expand("results/nnunet/{view}/cases.parquet", view=NNUNET["views"]),
        models=expand("results/nnunet/{view}/model/model.safetensors", view=NNUNET["views"]),
        shards=shards("npz"),
        split=INPUTS.labelled_split,
        versions=ancient("results/nnunet/environment.json"),
    output:
        model="results/models/segmentation/nnunet/model.safetensors",
        config="results/models/segmentation/nnunet/config.json",
        history="results/models/segmentation/nnunet/history.csv",
        predictions="results/predictions/segmentation/nnunet.parquet",
        masks="results/predictions/segmentation/nnunet.npz",
    log:
        "results/logs/collect_nnunet.log",
    benchmark:
        "results/benchmarks/collect_nnunet.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("collect_nnunet")
    resources:
        **asked("collect_nnunet"),
    params:
        settings=settings(**NNUNET_IMAGES, **NNUNET_LENGTHS),
        code=code_digest("vita.nnunet.collect"),
        views=NNUNET["views"],
        folder=lambda wildcards, input: str(Path(input.versions).parent),
        output=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "nnU-Net: masks, weights and history as every system leaves them"
    shell:
        "python -m vita.nnunet.collect --folder {params.folder} --views {params.views}"
        " --shards {input.shards} --split {input.split} --environment {input.versions}"
        " --settings {params.settings} --output {params.output} --predictions {output.predictions}"
        " --masks {output.masks} > {log} 2>&1"
