# ViTa: from UK Biobank's table and cardiac MRI, or the built-in phantom cohort, to every table and figure.
import gc
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.utils import min_version

from vita.check.configuration import contradictions
from vita.plan.checking import check
from vita.plan.targets import Meant, files_for_folders
from vita.runtime.atomic import obstacles
from vita.runtime.errors import UserError
from vita.runtime.privacy import keep_private

min_version("9.0")
# a plan is many small objects and hardly any garbage: looking for it took a fifth of the time
gc.set_threshold(50_000, 20, 100)
# Snakemake itself would end in a traceback
for message in obstacles([Path(".snakemake")], {}) if workflow.is_main_process else ():
    sys.exit(f"error: {message}")
keep_private(Path("results"))
HERE = Path(workflow.basedir)


configfile: HERE / "config.yaml"


try:
    check(
        config, HERE / "workflow" / "schemas" / "config.schema.yaml", workflow.overwrite_configfiles
    )
except UserError as error:
    sys.exit(f"error: {error}")
for wrong in contradictions(config, HERE / "workflow" / "resources")[:1]:
    sys.exit(str(wrong))


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/tabular.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/nnunet.smk"
include: "workflow/rules/elsewhere.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/extensions.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/ablations.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/cards.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/release.smk"


rule all:
    default_target: True
    input:
        PRODUCTS.all(),


# Snakemake itself would end in a traceback, or without a word about what was meant
if workflow.is_main_process:
    RULES = list(workflow.rules)
    for message in files_for_folders(str(output) for rule in RULES for output in rule.products()):
        sys.exit(f"error: {message}")
    logger.addFilter(Meant([*(rule.name for rule in RULES), *PRODUCTS.all()]))
