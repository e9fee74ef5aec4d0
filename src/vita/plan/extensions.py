"""What a run adds beyond the paper: the extensions of the configuration, and what each one is made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from vita import names
from vita.names import CONTROLS
from vita.plan.systems import Systems
from vita.plan.trainings import Model
from vita.plan.variants import seed_at

# files of numbers that the table of each extension is made from
NUMBERS = {
    "incident_disease": ["results/survival/incident_disease.csv"],
    "associations": [f"results/associations/{name}.csv" for name in ("associations", "inflation")],
    "conformal": ["results/conformal/coverage.csv"],
    "label_efficiency": ["results/label_efficiency/metrics.csv"],
    "any_part": ["results/any_part/availability.csv"],
    "any_part_phenotypes": ["results/any_part/phenotypes.csv"],
    "reproducibility": ["results/reproducibility/correlations.csv"],
}
# files that figures read, by their names in names.FIGURES
_FIGURES = {
    "risk_curves": ("incident_disease", ["results/survival/incidence_by_risk.csv"]),
    "associations": ("associations", ["results/associations/associations.csv"]),
    "direction_images": ("associations", ["results/associations/direction_images.npz"]),
    "directions": ("associations", ["results/associations/directions.csv"]),
    "coverage": ("conformal", NUMBERS["conformal"]),
    "label_efficiency": ("label_efficiency", NUMBERS["label_efficiency"]),
    "any_part": ("any_part", NUMBERS["any_part"]),
    "any_part_phenotypes": ("any_part_phenotypes", NUMBERS["any_part_phenotypes"]),
}


@dataclass(frozen=True, eq=False)
class Extensions:
    """Extensions of a configuration.

    Attributes:
        systems: systems and tasks.
        with_table: whether the run has UK Biobank's table, which all extensions need.
    """

    systems: Systems
    with_table: bool

    @cached_property
    def controls(self) -> dict[str, str]:
        """Features that the extensions learn from: those of every control that is run, the image's last."""
        run = [control for control in CONTROLS if self.systems.tasks_of(control)]
        return {control: f"results/controls/{control}.parquet" for control in run}

    @property
    def image(self) -> dict[str, str]:
        """The last of these features, which are the image's."""
        return dict(list(self.controls.items())[-1:])

    def embeddings(self, models: Iterable[Model]) -> dict[str, str]:
        """ViTa's embeddings of each seed, the run's own first.

        Args:
            models: that the run trains.
        """
        config = self.systems.config
        again = [model.repeat for model in models if model.folder == "stage2/vita" and model.repeat]
        return {str(seed_at(place, config)): f"results/{place}embeddings/vita.parquet" for place in ("", *again)}

    @cached_property
    def label_tasks(self) -> list[str]:
        """The tasks that are learned from few labels: those of Tables 1 and 4."""
        return [task for task in ("sa_phenotypes", *names.DISEASE_TASKS) if task in self.systems.tasks]

    @cached_property
    def few_labels_systems(self) -> list[str]:
        """Systems that are also trained with a part of the labels, except those with a separate model per target."""
        if "label_efficiency" not in self.tables:
            return []
        run = set(self.systems.run_for(names.FEW_LABELS_TASK)) - set(self.systems.individual)
        return [system for system in names.FEW_LABELS_SYSTEMS if system in run]

    @cached_property
    def few_labels(self) -> dict[str, str]:
        """Predictions with a part of the labels and with all, by system and percentage."""
        task = names.FEW_LABELS_TASK
        return {
            f"{system}@{percent}": f"results/predictions/{task}/{system}.parquet"
            if percent == 100
            else f"results/label_efficiency/predictions/{percent}/{task}/{system}.parquet"
            for system in self.few_labels_systems
            for percent in names.LABEL_PERCENTS
        }

    @cached_property
    def labelled(self) -> dict[str, str]:
        """Labels of the diseases among these tasks."""
        diseases = [task.removeprefix("disease_") for task in self.label_tasks if task.startswith("disease_")]
        return {disease: f"results/cohort/labels/{disease}.parquet" for disease in diseases}

    @property
    def disease_tasks(self) -> list[str]:
        """Their tasks."""
        return [f"disease_{disease}" for disease in self.labelled]

    @cached_property
    def phenotype_tasks(self) -> list[str]:
        """The tasks of phenotypes, which no extension has among its features."""
        return [task for task in names.PHENOTYPE_TASKS if task in self.systems.tasks]

    def tuned(self, tasks: Iterable[str]) -> dict[str, str]:
        """ViTa's predictions of these tasks; none unless it learns all of them."""
        run = self.systems.tasks_of(names.MAIN_SYSTEM)
        found = {task: f"results/predictions/{task}/{names.MAIN_SYSTEM}.parquet" for task in tasks}
        return found if all(task in run for task in found) else {}

    @cached_property
    def conformal_predictions(self) -> list[str]:
        """Predictions of ViTa and the controls for each of their tasks."""
        return [
            f"results/predictions/{task}/{system}.parquet"
            for system in self.systems.names
            if system in (*CONTROLS, names.MAIN_SYSTEM)
            for task in self.systems.tasks_of(system)
            if task != "segmentation"
        ]

    @cached_property
    def tables(self) -> list[str]:
        """Tables of the extensions that are switched on and have what they need."""
        needs: Mapping[str, object] = {
            "survival": self.controls,
            "associations": self.controls,
            "conformal": self.conformal_predictions,
            "label_efficiency": self.controls and self.label_tasks,
            "any_part": self.controls and self.labelled,
            "any_part_phenotypes": self.controls and self.phenotype_tasks,
            "reproducibility": True,  # every run with a table has ViTa's embeddings
        }
        switched_on = self.systems.config["extensions"] if self.with_table else []
        return [names.EXTENSION_TABLES[extension] for extension in switched_on if needs[extension]]

    def figure_sources(self) -> dict[str, list[str]]:
        """Files of the extensions' figures; none if the table is not made."""
        return {name: files if table in self.tables else [] for name, (table, files) in _FIGURES.items()}
