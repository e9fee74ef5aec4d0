# Stage I, the masked autoencoder, and Stage II, the alignment of images with the table.


rule train_stage1:
    input:
        shards=shards("npz"),
        split="results/cohort/split.parquet",
        init=weights(stage1_start),
    output:
        model="results/{repeat}models/stage1/{variant}/model.safetensors",
        config="results/{repeat}models/stage1/{variant}/config.json",
        history="results/{repeat}models/stage1/{variant}/history.csv",
    log:
        "results/logs/train_stage1/{repeat}{variant}.log",
    benchmark:
        "results/benchmarks/train_stage1/{repeat}{variant}.tsv"
    # all of Stage III waits for it, so it goes before baselines that could run already
    priority: 50
    conda:
        ENVIRONMENT
    threads: cpus("train_stage1")
    resources:
        **asked_by_training("train_stage1"),
    params:
        meaning=learning(stage1_settings),
        settings=computing("train_stage1", stage1_settings),
        code=code_digest("vita.training.stage1"),
        init=init_argument(stage1_start),
        folder=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "Stage I ({wildcards.repeat}{wildcards.variant}): learning to reconstruct masked cine patches"
    shell:
        "python -m vita.runtime.nodes --count {resources.nodes} -- python -m vita.runtime.gpus --count {resources.devices} --"
        " python -m vita.training.stage1 --shards {input.shards} --split {input.split} {params.init}"
        " --settings {params.settings} --output {params.folder} > {log} 2>&1"


rule train_stage2:
    input:
        shards=shards("npz"),
        split="results/cohort/split.parquet",
        encoded=lambda wildcards: f"{TRAININGS.encoded(wildcards.variant)}/encoded.parquet",
        encoder=lambda wildcards: f"{TRAININGS.encoded(wildcards.variant)}/encoder.json",
        init=weights(stage2_start),
    output:
        model="results/{repeat}models/stage2/{variant}/model.safetensors",
        config="results/{repeat}models/stage2/{variant}/config.json",
        history="results/{repeat}models/stage2/{variant}/history.csv",
    log:
        "results/logs/train_stage2/{repeat}{variant}.log",
    benchmark:
        "results/benchmarks/train_stage2/{repeat}{variant}.tsv"
    # all of Stage III waits for it, so it goes before baselines that could run already
    priority: 50
    conda:
        ENVIRONMENT
    threads: cpus("train_stage2")
    resources:
        **asked_by_training("train_stage2"),
    params:
        meaning=learning(stage2_settings),
        settings=computing("train_stage2", stage2_settings),
        code=code_digest("vita.training.stage2"),
        init=init_argument(stage2_start),
        folder=lambda wildcards, output: str(Path(output.model).parent),
    message:
        "Stage II ({wildcards.repeat}{wildcards.variant}): aligning images with the table's features"
    shell:
        "python -m vita.runtime.nodes --count {resources.nodes} -- python -m vita.runtime.gpus --count {resources.devices} --"
        " python -m vita.training.stage2 --shards {input.shards} --split {input.split}"
        " --encoded {input.encoded} --encoder {input.encoder} {params.init}"
        " --settings {params.settings} --output {params.folder} > {log} 2>&1"


rule reconstruct:
    input:
        model="results/models/stage1/{variant}/model.safetensors",
        config="results/models/stage1/{variant}/config.json",
        shards=shards("npz"),
        split="results/cohort/split.parquet",
    output:
        table="results/predictions/reconstruction/{variant}.parquet",
        examples="results/predictions/reconstruction/{variant}.npz",
    log:
        "results/logs/reconstruct/{variant}.log",
    benchmark:
        "results/benchmarks/reconstruct/{variant}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("reconstruct")
    resources:
        **asked("reconstruct"),
    params:
        meaning=learning(stage1_settings),
        settings=computing("reconstruct", stage1_settings),
        code=code_digest("vita.evaluation.reconstruction"),
        folder=lambda wildcards, input: str(Path(input.model).parent),
    message:
        "Stage I ({wildcards.variant}): PSNR of reconstructions"
    shell:
        "python -m vita.runtime.gpus --count {resources.gpu} --"
        " python -m vita.evaluation.reconstruction --model-dir {params.folder} --shards {input.shards}"
        " --split {input.split} --settings {params.settings} --output {output.table}"
        " --examples {output.examples} > {log} 2>&1"


rule embed:
    input:
        model="results/{repeat}models/stage2/{variant}/model.safetensors",
        config="results/{repeat}models/stage2/{variant}/config.json",
        shards=shards("npz"),
        split="results/cohort/split.parquet",
    output:
        table="results/{repeat}embeddings/{variant}.parquet",
    log:
        "results/logs/embed/{repeat}{variant}.log",
    benchmark:
        "results/benchmarks/embed/{repeat}{variant}.tsv"
    conda:
        ENVIRONMENT
    threads: cpus("embed")
    resources:
        **asked("embed"),
    params:
        meaning=learning(stage2_settings),
        settings=computing("embed", stage2_settings),
        code=code_digest("vita.evaluation.embeddings"),
        folder=lambda wildcards, input: str(Path(input.model).parent),
    message:
        "Embeddings ({wildcards.repeat}{wildcards.variant}): mean of the image tokens"
    shell:
        "python -m vita.runtime.gpus --count {resources.gpu} --"
        " python -m vita.evaluation.embeddings --stage-dir {params.folder} --shards {input.shards}"
        " --split {input.split} --settings {params.settings} --output {output.table} > {log} 2>&1"
