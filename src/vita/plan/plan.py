"""The plan of a run: all that follows from its configuration before anything is run.

The Snakefile, the costs and the tests use it; rules hold no logic of their own.
"""

from dataclasses import dataclass
from pathlib import Path

from vita.config.typed import Configuration
from vita.plan import arguments
from vita.plan.inputs import Inputs
from vita.plan.products import Products
from vita.plan.systems import Systems
from vita.plan.trainings import Trainings


@dataclass(frozen=True, eq=False)
class Plan:
    """What a configuration plans.

    Attributes:
        config: the whole configuration, checked.
        inputs: what the run starts from.
        systems: which system is run for which task.
        trainings: models with their settings.
        products: what is delivered.
    """

    config: Configuration
    inputs: Inputs
    systems: Systems
    trainings: Trainings
    products: Products

    @classmethod
    def from_config(cls, config: Configuration, resources: Path) -> "Plan":
        """Plan a run.

        Args:
            config: the whole configuration, as `vita.plan.checking.check` accepts it.
            resources: the folder workflow/resources, with targets.tsv and features.tsv.
        """
        inputs, systems = Inputs(config), Systems(config, resources / "targets.tsv")
        trainings = Trainings(systems)
        return cls(config, inputs, systems, trainings, Products(inputs, trainings))

    def settings(self, **blocks: object) -> str:
        """Config blocks for a module's --settings, with the seed."""
        return arguments.settings(self.config["seed"], **blocks)
