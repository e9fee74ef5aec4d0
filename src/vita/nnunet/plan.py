"""nnU-Net's fingerprint, plan and preprocessing of one view's data set.

    python -m vita.nnunet.plan --folder results/nnunet/sa
        --settings '{"nnunet": {"planner": "ExperimentPlanner", "gpu_memory_gb": null}, "training": {"threads": 2}}'

Runs in nnU-Net's environment. Reads raw and writes preprocessed, both in the folder; nnU-Net checks the data set first.
"""

import shutil
from pathlib import Path

from vita.config.blocks import needed
from vita.nnunet.engine import set_up, threads_of
from vita.nnunet.layout import CONFIGURATION, DATASET, DATASET_NUMBER, PLANS
from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder of the view")
    cli.add_settings(parser, "the blocks nnunet and training")
    args = parser.parse_args(arguments)
    threads = threads_of(args.settings)
    set_up(args.folder, threads, threads)
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    number, settings = DATASET_NUMBER, needed(args.settings, "nnunet")
    api.extract_fingerprints(
        [number], num_processes=threads, check_dataset_integrity=True, clean=True, show_progress_bar=False
    )
    api.plan_experiments([number], settings["planner"], settings["gpu_memory_gb"], overwrite_plans_name=PLANS)
    api.preprocess([number], PLANS, [CONFIGURATION], [threads], show_progress_bar=False)
    split = Path(DATASET) / "splits_final.json"
    shutil.copyfile(args.folder / "raw" / split, args.folder / "preprocessed" / split)


if __name__ == "__main__":
    cli.run(main)
