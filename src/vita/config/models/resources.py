"""The block of the configuration about what each job requests."""

from typing import Annotated, Any

from pydantic import Field

from vita.config.models.kinds import Absent, Block, Count, Needs, NonEmpty, NotNegative, Number, unit


class Job(Block):
    """What a job requests; a key that a row leaves out is that of `resources.default`."""

    mem_mb: Annotated[Count, unit("MB")] | Absent = None
    """memory"""
    mem_mb_per_gb: Annotated[NotNegative, unit("MB")] | Absent = None
    """additional memory per GB of input"""
    runtime_min: Annotated[Count, unit("min")] | Absent = None
    """time limit"""
    runtime_min_per_gb: Annotated[NotNegative, unit("min")] | Absent = None
    """additional time per GB of input"""
    cpus: Count | Absent = None
    """CPUs"""
    gpus: Number | Absent = None
    """GPUs"""


def requests(**keys: float) -> Any:
    """The default of a row: only the keys that it gives."""
    return Field(default=keys)


class Jobs(Block):
    """What each rule's jobs request."""

    phantom_people: Job = requests(mem_mb=800, runtime_min=10)
    phantom_scans: Job = requests(mem_mb=800, runtime_min=30)
    phantom_truth: Job = requests(mem_mb=500, runtime_min=5)
    extract_fields: Job = requests(mem_mb=2000, runtime_min=20, runtime_min_per_gb=4)
    collect_diagnoses: Job = requests(mem_mb=2000, runtime_min=20, runtime_min_per_gb=4)
    label_disease: Job = requests(mem_mb=1000, mem_mb_per_gb=20000, runtime_min=10)
    join_labels: Job = requests(mem_mb=800, mem_mb_per_gb=8000, runtime_min=10)
    index_scans: Job = requests(mem_mb=1000, runtime_min=60)
    adapt_contours: Job = requests(mem_mb=2000, runtime_min=240)
    segment_scans: Job = requests(mem_mb=2000, runtime_min=240)
    build_shard: Job = requests(mem_mb=1000, runtime_min=60)
    measure_phenotypes: Job = requests(mem_mb=1000, mem_mb_per_gb=8000)
    list_exclusions: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    check_conventions: Job = requests(mem_mb=500, mem_mb_per_gb=8000, runtime_min=10)
    predict_cohort: Job = requests(mem_mb=4000, runtime_min=120, cpus=4)
    measure_drift: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    split_cohort: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    encode_table: Job = requests(mem_mb=1000, mem_mb_per_gb=8000)
    list_overlap: Job = requests(mem_mb=500, runtime_min=5)
    train_stage1: Job = requests(mem_mb=2500, runtime_min=120, runtime_min_per_gb=60, gpus=1)
    train_stage2: Job = requests(mem_mb=2500, runtime_min=120, runtime_min_per_gb=60, gpus=1)
    join_targets: Job = requests(mem_mb=500, mem_mb_per_gb=8000, runtime_min=10)
    train_stage3: Job = requests(mem_mb=2500, runtime_min=120, runtime_min_per_gb=60, gpus=1)
    train_segmentation: Job = requests(mem_mb=2500, runtime_min=240, runtime_min_per_gb=60, gpus=1)
    make_nnunet_environment: Job = requests(mem_mb=2000, runtime_min=60)
    export_nnunet: Job = requests(mem_mb=1500, runtime_min=60)
    plan_nnunet: Job = requests(mem_mb=3000, runtime_min=120)
    train_nnunet: Job = requests(mem_mb=4000, runtime_min=600, gpus=1)
    predict_nnunet: Job = requests(mem_mb=3000, runtime_min=120, gpus=1)
    collect_nnunet: Job = requests(mem_mb=2000, mem_mb_per_gb=2000, runtime_min=60)
    reconstruct: Job = requests(mem_mb=2000, runtime_min=60, runtime_min_per_gb=5, gpus=1)
    embed: Job = requests(mem_mb=2000, runtime_min=60, runtime_min_per_gb=5, gpus=1)
    freeze_features: Job = requests(mem_mb=2500, mem_mb_per_gb=6000, runtime_min=30)
    fit_controls: Job = requests(mem_mb=1500, mem_mb_per_gb=8000, runtime_min=30)
    guess_mean: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    measure_regression: Job = requests(mem_mb=1000, mem_mb_per_gb=8000)
    measure_classification: Job = requests(mem_mb=1000, mem_mb_per_gb=8000)
    measure_segmentation: Job = requests(mem_mb=2000, mem_mb_per_gb=2000, runtime_min=60)
    average_seeds: Job = requests(mem_mb=500, runtime_min=10)
    measure_subgroups: Job = requests(mem_mb=1000, mem_mb_per_gb=8000)
    measure_mask_phenotypes: Job = requests(mem_mb=2000, mem_mb_per_gb=2000, runtime_min=60)
    measure_membership: Job = requests(mem_mb=3000, runtime_min=60, gpus=1)
    join_membership: Job = requests(mem_mb=500, runtime_min=10)
    measure_survival: Job = requests(mem_mb=2000, mem_mb_per_gb=8000, runtime_min=120)
    measure_associations: Job = requests(mem_mb=2000, mem_mb_per_gb=8000, runtime_min=240)
    trace_directions: Job = requests(mem_mb=2500, runtime_min=60)
    measure_conformal: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=30)
    share_labels: Job = requests(mem_mb=500, mem_mb_per_gb=8000, runtime_min=10)
    measure_label_efficiency: Job = requests(mem_mb=2000, mem_mb_per_gb=8000, runtime_min=240)
    measure_any_part: Job = requests(mem_mb=2000, mem_mb_per_gb=8000, runtime_min=120)
    """of diseases and of phenotypes"""
    measure_reproducibility: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=30)
    make_table: Job = requests(mem_mb=800, runtime_min=10)
    make_ablation_table: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    draw: Job = requests(mem_mb=1500, runtime_min=30)
    """applies to every rule draw_<figure>"""
    write_run_card: Job = requests(mem_mb=500, runtime_min=10)
    write_data_card: Job = requests(mem_mb=1000, mem_mb_per_gb=8000, runtime_min=10)
    write_model_card: Job = requests(mem_mb=500, runtime_min=10)
    write_captions: Job = requests(mem_mb=500, mem_mb_per_gb=8000, runtime_min=10)
    list_run_times: Job = requests(mem_mb=500, runtime_min=10)
    record_config: Job = requests(mem_mb=300, runtime_min=5)
    report: Job = requests(mem_mb=1000)
    update_readme: Job = requests(mem_mb=500, runtime_min=5)
    record_decisions: Job = requests(mem_mb=3000, runtime_min=60)
    audit: Job = requests(mem_mb=1500, runtime_min=20)
    release: Job = requests(mem_mb=4000, runtime_min=30)


class Resources(Block):
    """Partitions, limits, and what each job requests."""

    partition: NonEmpty | None = None
    """SLURM partition; null leaves it to SLURM"""
    gpu_partition: NonEmpty | None = None
    """partition for jobs with a GPU; null: the same as for other jobs"""
    account: NonEmpty | None = None
    """SLURM account; null: the user's default"""
    constraint: NonEmpty | None = None
    """node features that are required, such as "skylake&ib" """
    gpu_type: NonEmpty | None = None
    """GPU model, such as a100; null: any"""
    max_mem_mb: Annotated[Count | None, unit("MB")] = None
    """largest memory request; a job that needs more fails"""
    max_runtime_min: Annotated[Count | None, unit("min")] = None
    """largest time request; a training that is cut off resumes at the next attempt"""
    default: Annotated[Job, Needs(*Job.model_fields)] = requests(
        mem_mb=1000, mem_mb_per_gb=0, runtime_min=20, runtime_min_per_gb=0, cpus=1, gpus=0
    )
    """for rules without a row"""
    rules: Jobs = Field(default_factory=Jobs)
