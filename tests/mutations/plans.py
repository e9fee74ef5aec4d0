"""Mistakes in what a run is made of: where a training starts and whom it sees, what reruns, what jobs ask for.

Those in rules themselves are not here: a mutant is made in the package alone. They were made by hand, with the tests of
dry runs in tests/workflow.
"""

from mutations.mutant import Mutant

PLAN, DRY = "plan/test_plan.py::", "workflow/test_dry_runs.py::"
_LEAK = (f"{DRY}test_a_leakage_switch_per_task_plans_a_stage_ii_of_its_own",)

PLANS = (
    Mutant(
        "plan",
        'if system == "vita" and other in self.baselines',
        "if other in self.baselines",
        (f"{PLAN}test_vita_alone_is_compared_and_not_with_what_sees_less",),
        "every system is tested against the baselines, and p values are corrected for it",
    ),
    Mutant(
        "plan",
        'return self.config[stage]["init"] if variant == pretrained(None) else None',
        'return self.config[stage]["init"]',
        (f"{PLAN}test_imported_weights_are_for_what_sees_both_views",),
        "a system of one view starts from imported weights that saw both",
    ),
    Mutant(
        "plan",
        'return self.imported("stage2", stage1) or f"results',
        'return f"results',
        (f"{DRY}test_every_stage_may_start_from_imported_weights",),
        "imported weights of Stage II are not used",
    ),
    Mutant(
        "plan",
        'without = suffix(self._exclude, task) if stage == "stage2" else ""\n        return f"results/{repeat}models',
        'without = ""\n        return f"results/{repeat}models',
        _LEAK,
        "a task starts from a Stage II that saw what is kept out for it",
    ),
    Mutant(
        "plan",
        'return f"results/tabular{mark}{without}"',
        'return "results/tabular"',
        _LEAK,
        "a Stage II of a task's own is aligned with the whole table",
    ),
    Mutant(
        "plan",
        "return start if same and self.systems.start_of(system) else None",
        "return start if self.systems.start_of(system) else None",
        (f"{PLAN}test_features_kept_out_for_a_disease_do_not_come_back_through_its_start",),
        "what is kept out for a disease comes back through the model that it starts from",
    ),
    Mutant(
        "plan",
        'return "results/cohort/labelled.parquet" if self.unlabelled else "results/cohort/split.parquet"',
        'return "results/cohort/labelled.parquet"',
        (f"{DRY}test_pretraining_sees_everybody_and_what_needs_labels_the_labelled",),
        "a cohort in which all have labels is asked for those who have",
    ),
    Mutant(
        "plan",
        'return [f"results/masks/scores/{shard}.parquet"] if self.makes_masks else []',
        "return []",
        (f"{DRY}test_presets_plan_without_data[rap]",),
        "masks that the network draws are not in the shards",
    ),
    Mutant(
        "plan",
        "precision=precision, model=model, stage=stage)",
        'training=self.config["training"], model=model, stage=stage)',
        (f"{PLAN}test_the_machine_is_in_a_trainings_settings_but_not_in_their_meaning",),
        "another device trains every model anew",
    ),
    Mutant(
        "plan",
        'wanted = device == "cuda" or (device == "auto" and self.devices)',
        'wanted = device in ("cuda", "auto")',
        (f"{PLAN}test_gpus_are_asked_for_where_they_are_or_are_wanted",),
        "GPUs are asked for where there are none",
    ),
    Mutant(
        "plan",
        "return wanted if most is None else min(wanted, most)",
        "return wanted",
        (f"{PLAN}test_an_amount_doubles_with_each_attempt_and_grows_with_the_input",),
        "a job asks for more memory or time than the cluster has",
    ),
)
