# ViTa: from UK Biobank's table and cardiac MRI, or the built-in phantom cohort, to every table and figure.
import json
import math
import os
import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.utils import min_version

from vita.ablations import ALIGNMENT_TABLE, FRAMES_TABLE, alignments, pretrained, seen, variants
from vita.ablations import TABLES as PAPER_ABLATIONS
from vita.claim import VARIABLE
from vita.config.checking import check, missing_inputs
from vita.config.systems import NAMED_VIEWS, stage_settings, tasks_of, training_blocks
from vita.digest import code_digest
from vita.disk import obstacles
from vita.errors import UserError
from vita.machine import available_cores, snakemake_threads, visible_gpus
from vita.privacy import keep_private
from vita.tabular.leakage import exclusions, suffix
from vita.training.stage3 import MODELS as TRAINABLE

min_version("9.0")
# Snakemake itself would end in a traceback
for message in obstacles([Path(".snakemake")], {}) if workflow.is_main_process else ():
    sys.exit(f"error: {message}")
keep_private(Path("results"))

HERE = Path(workflow.basedir)
# relative where the run is in the clone: rules then name the same files wherever the clone lies
CLONE = Path() if Path.cwd().samefile(HERE) else HERE
RESOURCES = CLONE / "workflow" / "resources"

# the package runs from this clone in every environment: of conda, of a cluster's node; a job tells whose it is
RUN = Path.cwd().resolve()
shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(HERE / 'src'))} {VARIABLE}={shlex.quote(str(RUN))}; "
)


configfile: HERE / "config.yaml"


try:
    check(config, HERE / "workflow" / "schemas" / "config.schema.yaml")
except UserError as error:
    sys.exit(f"error: {error}")


ALL_TASKS = sorted({task for system in config["systems"] for task in tasks_of(config, system)})


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/systems.smk"
include: "workflow/rules/products.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/tabular.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/nnunet.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/ablations.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/cards.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        products(),
