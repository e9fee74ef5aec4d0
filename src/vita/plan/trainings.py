"""The models that a run trains: what each learns from, with which settings, and from which weights it starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from vita.config.typed import Configuration
from vita.names import CONTROLS, PHENOTYPE_TASKS
from vita.plan import arguments
from vita.plan.systems import Blocks, Systems, stage_settings, training_blocks
from vita.plan.variants import Variant, alignments, further_seeds, pretrained, seed_at, seed_place, seen, variants
from vita.tabular.leakage import Exclude, exclusions, suffix
from vita.training.settings import without_budget


@dataclass(frozen=True)
class Model:
    """A model that a run trains.

    Attributes:
        folder: below the folder `models`.
        kind: stage1, stage2, stage3, segmentation or nnunet.
        blocks: `model` and `stage` of its settings; empty for nnU-Net, which plans its own.
        system: which system of Stage III.
        outputs: number of targets that it predicts.
        repeat: place of the further seed that it is trained with; empty for the run's own.
    """

    folder: str
    kind: str
    blocks: Blocks
    system: str = ""
    outputs: int = 0
    repeat: str = ""


@dataclass(frozen=True, eq=False)
class Trainings:
    """Trainings of a configuration; a variant has the name of its folder below results/models/stage1 or stage2."""

    systems: Systems

    @property
    def config(self) -> Configuration:
        """The whole configuration."""
        return self.systems.config

    @cached_property
    def variants(self) -> dict[str, Variant]:
        """Variants of Stage I."""
        return variants(self.config)

    @cached_property
    def alignments(self) -> dict[str, Variant]:
        """Variants of Stage II that the ablations compare."""
        return alignments(self.config)

    @property
    def _exclude(self) -> Exclude:
        return self.config["tabular"]["exclude"]

    def stage1(self, variant: str) -> Blocks:
        """What Stage I learns from, with what this variant changes."""
        changed = self.variants[variant]
        return self._blocks(self.config["stage1"] | changed.stage, changed.model)

    def stage2(self, variant: str) -> Blocks:
        """What Stage II learns from, with the model that its Stage I has and what this variant changes."""
        own = self.alignments[variant].stage if variant in self.alignments else {}
        return self._blocks(self.config["stage2"] | own, self.variants[self._stage1_of(variant)].model)

    def stage3(self, task: str, system: str) -> Blocks:
        """What a task's training for a system learns from."""
        own = {**stage_settings(self.config, task, system), "through": self.through(task, system)}
        return self._blocks(own, seen(self.systems.view_of(system)))

    def through(self, task: str, system: str) -> list[str]:
        """The tasks through whose numbers a closed-form head of a system reaches the classes of a task; those of them
        that the run has.
        """
        own = stage_settings(self.config, task, system)
        closed_form = system in CONTROLS or own["head"] == "ridge"
        wanted = own["through"] if closed_form and task in self.systems.classification else []
        return [other for other in wanted if other in self.systems.tasks]

    def through_phenotypes(self, tasks: Sequence[str], controls: Sequence[str]) -> list[str]:
        """The tasks of phenotypes through which heads of these controls reach the classes of these tasks."""
        found = [other for task in tasks for control in controls for other in self.through(task, control)]
        return [task for task in PHENOTYPE_TASKS if task in found]

    def tables_of(self, task: str, *systems: str) -> dict[str, str]:
        """The tables that a task's training for these systems reads, by kind."""
        through = [other for system in systems for other in self.through(task, system)]
        return {kind: path for name in (task, *through) for kind, path in self.systems.tables_of(name).items()}

    def start_task(self, task: str, system: str) -> str | None:
        """The task from whose model of the same system a training starts; None if it starts from what the system
        starts from.

        Features that are kept out of Stage II for a task must not come back through another task's model, so the two
        must have the same Stage II.
        """
        start = stage_settings(self.config, task, system)["start"]
        if start in (None, task) or start not in self.systems.tasks_of(system) or system in self.systems.individual:
            return None
        same = self._without(system, start) == self._without(system, task)
        return start if same and self.systems.start_of(system) else None

    def ways(self, tasks: Sequence[str]) -> str:
        """For a table of these tasks, which the systems then learn alike: the task that each starts from, and those
        that linear heads go through, as arguments.
        """
        starts: dict[str, str] = {}
        through: list[str] = []
        for task in tasks:
            for system in self.systems.run_for(task):
                if system in self.systems.trained and (start := self.start_task(task, system)):
                    starts[system] = start
                if system in CONTROLS or system in self.systems.trained:
                    through += self.through(task, system)
        given = " ".join(f"{system}={start}" for system, start in starts.items())
        return f"{f'--starts {given}' if given else ''} {arguments.given('--through', list(dict.fromkeys(through)))}"

    def frozen(self) -> Blocks:
        """Stage III's defaults, for features of controls; only the model's sizes change them."""
        return self._blocks({**self.config["stage3"]["defaults"]}, {})

    def _blocks(self, stage: Mapping[str, object], changed: Mapping[str, object]) -> Blocks:
        """The blocks of a stage's settings, with changes to its model."""
        blocks = training_blocks(self.config, stage)
        return {**blocks, "model": {**blocks["model"], **changed}}

    def meaning(self, blocks: Blocks, repeat: str = "") -> str:
        """Settings of a training whose change reruns it: without gradient checkpointing, which changes no result, and
        either with a budget of time or with the epochs that it replaces.
        """
        model = {key: value for key, value in blocks["model"].items() if key != "checkpointing"}
        precision = self.config["training"]["precision"]
        seed = seed_at(repeat, self.config)
        stage = without_budget(blocks["stage"])
        return arguments.settings(seed, precision=precision, model=model, stage=stage)

    def settings(self, blocks: Blocks, threads: int, devices: int, repeat: str = "") -> str:
        """All settings of a training, and the CPUs and devices that it has."""
        training = self.config["training"] | {"threads": threads, "devices": devices}
        return arguments.settings(seed_at(repeat, self.config), training=training, **blocks)

    def _stage1_of(self, variant: str) -> str:
        """The Stage I that a Stage II starts from: the same, whatever is kept out of the table."""
        return "vita" if variant in self.alignments else variant.partition("_without_")[0]

    def imported(self, stage: Literal["stage1", "stage2", "stage3"], variant: str) -> str | None:
        """The folder of weights that the config names for a stage; none with a single view, as they have seen both."""
        return self.config[stage]["init"] if variant == pretrained(None) else None

    def stage1_start(self, variant: str) -> str | None:
        """The folder of weights that a Stage I starts from."""
        return self.imported("stage1", variant)

    def stage2_start(self, variant: str, repeat: str = "") -> str:
        """The folder that a Stage II starts from: imported weights, or the Stage I of the same seed."""
        stage1 = self._stage1_of(variant)
        return self.imported("stage2", stage1) or f"results/{repeat}models/stage1/{stage1}"

    def stage3_start(self, task: str, system: str, repeat: str = "") -> str | None:
        """The folder that the image encoder starts from; None for training from scratch."""
        if other := self.start_task(task, system):
            return f"results/{repeat}models/{other}/{system}"
        stage, variant = self.systems.start_of(system), pretrained(self.systems.view_of(system))
        if stage == "stage2" and self.imported("stage3", variant):
            return self.imported("stage3", variant)
        without = suffix(self._exclude, task) if stage == "stage2" else ""
        return f"results/{repeat}models/{stage}/{variant}{without}" if stage else None

    def probe_start(self, control: str, without: str) -> str | None:
        """The folder that a probe's encoder comes from; None for other controls."""
        stage = self.systems.start_of(control)
        return f"results/models/{stage}/vita{without}" if stage else None

    def control_features(self, task: str) -> dict[str, str]:
        """The file of each control's features for a task; a probe of Stage II has that of the task's list."""
        return {
            control: f"results/controls/{control}{self._without(control, task)}.parquet"
            for control in self.systems.controls_of(task)
        }

    def _without(self, system: str, task: str) -> str:
        return suffix(self._exclude, task) if self.systems.start_of(system) == "stage2" else ""

    def encoded(self, variant: str) -> str:
        """Folder of the table's encoding that a Stage II aligns images with."""
        _, mark, without = variant.partition("_without_")
        return f"results/tabular{mark}{without}"

    def encoding(self, without: str) -> str:
        """Settings of an encoding of the table, with the features that are kept out of it."""
        exclude = exclusions(self._exclude, self.systems.tasks)[without]
        return arguments.settings(self.config["seed"], tabular=self.config["tabular"] | {"exclude": exclude})

    def stage2_variants(self) -> list[str]:
        """Stages II of the run: the usual one, whose embeddings are drawn, and those that systems start from."""
        found = [pretrained(None)]
        for system in self.systems.names:
            if self.systems.start_of(system) == "stage2":
                own = pretrained(self.systems.view_of(system))
                found += [own + suffix(self._exclude, task) for task in self.systems.tasks_of(system)]
        return list(dict.fromkeys(found))

    @cached_property
    def models(self) -> list[Model]:
        """Every model that the run trains; a run from scans alone trains one Stage I."""
        if self.config["products"] != "all":
            return [Model("stage1/vita", "stage1", self.stage1("vita"))]
        places = map(seed_place, further_seeds(self.config))
        return [*self._once, *(replace(model, repeat=place) for place in places for model in self._again)]

    @cached_property
    def _once(self) -> list[Model]:
        """Models with the run's own seed."""
        aligned = [*self.stage2_variants(), *(name for name in self.alignments if name != "vita")]
        return [
            *(Model(f"stage1/{name}", "stage1", self.stage1(name)) for name in self.variants),
            *(Model(f"stage2/{name}", "stage2", self.stage2(name)) for name in aligned),
            *self._stage3_models(),
        ]

    @property
    def _again(self) -> list[Model]:
        """Models that a further seed trains too: those of trained systems, and the stages that they start from.

        Not the variants of ablations, nor what has no random numbers (the mean, controls), nor nnU-Net.
        """
        trained = [model for model in self._once if model.system in self.systems.trained]
        starts = {self.stage3_start(model.folder.partition("/")[0], model.system) for model in trained}
        aligned = [name for name in self.stage2_variants() if f"results/models/stage2/{name}" in starts]
        starts |= {self.stage2_start(name) for name in aligned}
        return [model for model in self._once if model in trained or f"results/models/{model.folder}" in starts]

    def _stage3_models(self) -> Iterator[Model]:
        for task in self.systems.tasks:
            for system in self.systems.run_for(task):
                if system == "nnunet":
                    yield Model(f"{task}/{system}", "nnunet", {}, system)
                elif system in self.systems.trained:  # the others have no weights
                    yield from self._models_of(task, system)

    def _models_of(self, task: str, system: str) -> Iterator[Model]:
        names, blocks = self.systems.models_of(task, system), self.stage3(task, system)
        kind = "segmentation" if task == "segmentation" else "stage3"
        outputs = 0 if kind == "segmentation" else len(self.systems.targets_of(task)) // len(names)
        for name in names:
            yield Model(f"{task}/{name}", kind, blocks, system, outputs)

    def files(self, name: str) -> list[str]:
        """Files of this name of every model that this run trains with its own seed."""
        return [f"results/models/{model.folder}/{name}" for model in self.models if not model.repeat]

    def files_again(self, name: str) -> list[str]:
        """The same of models with further seeds."""
        return [f"results/{model.repeat}models/{model.folder}/{name}" for model in self.models if model.repeat]
