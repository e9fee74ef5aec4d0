"""What a run delivers: tables with their metrics, figures with the files that they read, and the report on them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vita import names
from vita.names import ABLATION_TABLES, ACQUISITION_TABLE, ALIGNMENT_TABLE, FRAMES_TABLE
from vita.plan import arguments
from vita.plan.extensions import Extensions
from vita.plan.inputs import Inputs
from vita.plan.systems import Systems
from vita.plan.trainings import Trainings
from vita.plan.variants import further_seeds

FIGURE_FORMS = ["svg", "pdf", "png"]
FORMS = ["csv", "html"]  # a table's numbers, and the page that the report shows


@dataclass(frozen=True, eq=False)
class Products:
    """Products of a configuration."""

    inputs: Inputs
    trainings: Trainings

    @property
    def systems(self) -> Systems:
        """Systems and their tasks."""
        return self.trainings.systems

    @cached_property
    def extensions(self) -> Extensions:
        """What is added beyond the paper."""
        return Extensions(self.systems, bool(self.inputs.tables))

    @property
    def _everything(self) -> bool:
        return bool(self.trainings.config["products"] == "all")

    @cached_property
    def _table_tasks(self) -> dict[str, list[str]]:
        return {
            table.name: [task for task in table.tasks if task in self.systems.tasks]
            for table in names.TABLES
            if table.tasks
        }

    def table_metrics(self, table: str) -> list[str]:
        """Metrics files of a table, of every system that is run for its tasks."""
        return [
            f"results/metrics/{task}/{system}.csv"
            for task in self._table_tasks[table]
            for system in self.systems.run_for(task)
            if table != "tableC8_cohort" or system == "mean_guess"
        ]

    def table_seeds(self, table: str) -> list[str]:
        """Means and SDs over seeds of a table's trained systems; none where the run has one seed."""
        if not further_seeds(self.trainings.config):
            return []
        metrics = map(Path, self.table_metrics(table))
        return [f"results/seeds/metrics/{p.parent.name}/{p.name}" for p in metrics if p.stem in self.systems.trained]

    def systems_of(self, table: str) -> list[str]:
        """Systems whose metrics a table holds."""
        return list(dict.fromkeys(Path(path).stem for path in self.table_metrics(table)))

    @cached_property
    def tables(self) -> list[str]:
        """Tables of metrics that have any."""
        return [table for table in self._table_tasks if self.table_metrics(table)]

    @cached_property
    def segmented(self) -> list[str]:
        """Systems that are run for segmentation."""
        return self.systems.run_for("segmentation")

    def reconstructions(self, suffix: str) -> list[str]:
        """Reconstructions by Stage I and its variants."""
        shown = list(self.trainings.variants) if self._everything else ["vita"]
        return [f"results/predictions/reconstruction/{variant}.{suffix}" for variant in shown]

    def ablation_tables(self) -> list[str]:
        """Tables of the ablations that this run makes."""
        named = [*ABLATION_TABLES, FRAMES_TABLE] if self.trainings.config["ablations"]["run"] else []
        found = [table for table in named if self.ablation_rows(table)]
        return found + [ALIGNMENT_TABLE] * bool(self.trainings.alignments)

    def ablation_rows(self, table: str) -> dict[str, str]:
        """The row of each variant in one of the ablations' tables."""
        variants = self.trainings.variants.items()
        return {name: variant.rows[table] for name, variant in variants if table in variant.rows}

    @cached_property
    def _figure_sources(self) -> dict[str, list[str]]:
        """Files by their names in names.FIGURES, except `predictions`, which are ViTa's for the figure's tasks."""
        per_participant = {
            "dice": ("segmentation", self.segmented),
            "mask_phenotypes": ("mask_phenotypes", [system for system in self.segmented if system == "vita"]),
        }
        return {
            "embeddings": ["results/embeddings/vita.parquet"],
            "phenotypes": ["results/images/phenotypes.parquet"],
            "curves": ["results/images/curves.parquet"],
            "index": ["results/images/index.parquet"],
            "targets": [str(self.systems.targets)],
            "shards": self.inputs.shards("npz"),
            "masks": [f"results/predictions/segmentation/{system}.npz" for system in self.segmented],
            "examples": self.reconstructions("npz"),
            "psnr": self.reconstructions("parquet"),
            "histories": self.trainings.files("history.csv"),
            **self.extensions.figure_sources(),
        } | {
            name: [f"results/metrics/{folder}/{system}_participants.parquet" for system in systems]
            for name, (folder, systems) in per_participant.items()
        }

    @cached_property
    def figures(self) -> dict[str, dict[str, list[str]]]:
        """Files of each option of each figure's module."""
        return {figure.name: self._figure_files(figure) for figure in names.FIGURES}

    def _figure_files(self, figure: names.Figure) -> dict[str, list[str]]:
        found = {}
        for text in figure.reads:
            option, _, source = text.partition("=")
            if text == "predictions":
                found[option] = self.systems.predictions("vita", *figure.tasks)
            # two scans have no PSNR on a test split
            elif source != "psnr" or self._everything:
                found[option] = self._figure_sources[source or option]
        return found

    def figure_options(self, figure: str) -> str:
        """Arguments of a figure other than files."""
        variants = self.trainings.variants
        if figure == "figB9_reconstructions" and len(variants) > 1:
            return " --titles " + arguments.titled({name: variant.title for name, variant in variants.items()})
        options = names.figure(figure).options
        return f" {options}" if options else ""

    def _drawn(self) -> list[str]:
        """Figures of this run, without those whose tasks are not run."""
        return [figure for figure, files in self.figures.items() if all(files.values())]

    def scan_products(self) -> list[str]:
        """Deliverables that need only scans."""
        figures = [figure.name for figure in names.FIGURES if figure.scans_alone]
        return [
            "results/cohort/exclusions.parquet",
            "results/images/phenotypes.parquet",
            "results/images/curves.parquet",
            *_formed("results/figures", figures, FIGURE_FORMS),
        ]

    def table_and_figure_products(self) -> list[str]:
        """Deliverables that need the table too: everything of the paper."""
        ablations = self.ablation_tables()
        compared = self.tables + [table for table in ablations if table != ALIGNMENT_TABLE]
        return [
            *_formed("results/tables", [*self.tables, "overlap", ACQUISITION_TABLE, *ablations], FORMS),
            *_formed("results/tables", self.extensions.tables, FORMS),
            *(f"results/tables/{table}_vs_paper.html" for table in compared),
            *_formed("results/figures", self._drawn(), FIGURE_FORMS),
            *_formed("results/metrics/mask_phenotypes", self.segmented, FORMS),
            *(
                f"results/metrics/subgroups/{task}/vita.{form}"
                for task in self.systems.tasks_of("vita")
                for form in FORMS
            ),
        ]

    def data_card_tables(self) -> dict[str, str]:
        """Tables that the data card counts in."""
        tables = {
            "split": "results/cohort/split.parquet",
            "exclusions": "results/cohort/exclusions.parquet",
            "phenotypes": "results/images/phenotypes.parquet",
        }
        if self._everything:
            tables |= {name: f"results/cohort/{name}.parquet" for name in ("fields", "labels")}
            tables |= {name: f"results/cohort/{name}.csv" for name in ("fields_remarks", "diagnoses_remarks")}
        return tables

    def model_card_tables(self) -> list[str]:
        """The paper's tables, which the model card includes."""
        tables = names.CARD_TABLES if self._everything else ()
        return [f"results/tables/{table}.md" for table in tables if table in self.tables]

    def attacked(self) -> dict[str, list[str]]:
        """Models, below results/models, whose memory of people is measured, so that their weights may leave: ViTa's.

        By part, since each part is a job of its own: segmentation is trained last, and the rest need not wait for it.
        """
        parts: dict[str, list[str]] = {}
        for model in self.trainings.models:
            if model.repeat:
                continue  # further seeds show how results vary, and their weights do not leave
            if model.folder in ("stage1/vita", "stage2/vita"):
                parts.setdefault("pretraining", []).append(model.folder)
            elif model.system == "vita":
                part = "segmentation" if model.kind == "segmentation" else "tasks"
                parts.setdefault(part, []).append(model.folder)
        return parts

    def membership_inputs(self) -> dict[str, str]:
        """Tables that those models learned from."""
        if not self._everything:
            return {}
        encoded = self.trainings.encoded("vita")
        return {
            "fields": "results/cohort/fields.parquet",
            "phenotypes": "results/images/phenotypes.parquet",
            "labels": "results/cohort/labels.parquet",
            "encoded": f"{encoded}/encoded.parquet",
            "encoder": f"{encoded}/encoder.json",
        }

    def measured(self) -> list[str]:
        """Products whose rules are listed with their times and memory."""
        found = self.scan_products() + (self.table_and_figure_products() if self._everything else [])
        return [*found, "results/run_card.md", "results/data_card.md", "results/model_card.md"]

    def reported(self) -> list[str]:
        """What the report is about."""
        return [*self.measured(), "results/run_times.csv"]

    def shared(self) -> list[str]:
        """Products that may be shown: all except Parquet, which holds rows of participants."""
        named = [path for path in self.reported() if not path.endswith(".parquet")]
        models = ["history.csv", "config.json", "model.safetensors"]
        trained = self.trainings
        return named + [path for name in models for path in (*trained.files(name), *trained.files_again(name))]

    def elsewhere(self) -> list[str]:
        """What trained models applied to another cohort give."""
        return [
            "results/cohort/exclusions.parquet",
            "results/cohort/conventions.csv",
            *_formed("results/tables", [*self.tables, names.DRIFT_TABLE], FORMS),
            *_formed("results/metrics/mask_phenotypes", self.segmented, FORMS),
        ]

    def all(self) -> list[str]:
        """All that the default target makes."""
        if self.trainings.config["apply"]["models"]:
            return self.elsewhere()
        return [
            *self.reported(),
            *(["results/phantom/truth.parquet"] if self.inputs.phantom else []),
            *(["results/models/decisions.json"] if self._everything else []),
            "results/index.html",
            "results/audit.txt",
            "results/release",
        ]


def _formed(folder: str, stems: list[str], forms: list[str]) -> list[str]:
    return [f"{folder}/{stem}.{form}" for stem in stems for form in forms]
