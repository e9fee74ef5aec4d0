"""What a configuration plans, without Snakemake: systems, models with settings and starts, products, resources."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from presets import ROOT
from vita.plan import arguments
from vita.plan.plan import Plan
from vita.plan.resources import JobResources, growing

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
RESOURCES = ROOT / "workflow" / "resources"


def planned(**blocks: Any) -> Plan:
    """The default run with some of its blocks' keys changed; `systems` replaces all of them."""
    systems = {"systems": blocks.pop("systems")} if "systems" in blocks else {}
    changed = {key: CONFIG[key] | own if isinstance(own, dict) else own for key, own in blocks.items()}
    return Plan.from_config(CONFIG | changed | systems, RESOURCES)


SMALL = {
    "mean_guess": {"tasks": ["la_phenotypes"]},
    "probe_vita": {"init": "stage2", "tasks": ["la_phenotypes"]},
    "vit": {"init": None, "individual": True, "tasks": ["la_phenotypes", "disease_cad"]},
    "vita": {"init": "stage2", "tasks": ["la_phenotypes", "disease_cad"]},
    "vita_la": {"init": "stage2", "view": "la", "tasks": ["la_phenotypes"]},
}


@pytest.fixture
def small() -> Plan:
    return planned(systems=SMALL, ablations={"run": False}, tabular={"exclude": {"diseases": ["diagnoses"]}})


def test_systems_of_a_task_are_in_the_order_of_the_config(small: Plan) -> None:
    systems = small.systems
    assert systems.tasks == ["disease_cad", "la_phenotypes"]
    assert systems.run_for("la_phenotypes") == ["mean_guess", "probe_vita", "vit", "vita", "vita_la"]
    assert systems.run_for("disease_cad") == ["vit", "vita"]
    assert systems.controls_of("la_phenotypes") == ["probe_vita"]
    assert systems.trained == ["vit", "vita", "vita_la"]
    assert systems.classification == ["disease_cad"]


def test_vita_alone_is_compared_and_not_with_what_sees_less(small: Plan) -> None:
    assert small.systems.compared("la_phenotypes", "vita") == ["mean_guess", "vit"]
    assert small.systems.compared("la_phenotypes", "vit") == []


def test_an_individual_system_has_a_model_for_each_target_of_several(small: Plan) -> None:
    names = small.systems.models_of("la_phenotypes", "vit")
    assert len(names) == 8  # atrial phenotypes
    assert "vit-LAV_max" in names
    assert small.systems.targets_of("la_phenotypes")["LAV_max"] == "LAV max"
    assert small.systems.models_of("disease_cad", "vit") == ["vit"]
    assert small.systems.models_of("la_phenotypes", "vita") == ["vita"]


def test_models_are_those_that_systems_need(small: Plan) -> None:
    models = {model.folder: model for model in small.trainings.models}
    stage2 = ["stage2/vita", "stage2/vita_without_diagnoses", "stage2/view_la"]
    vit = [f"la_phenotypes/{name}" for name in small.systems.models_of("la_phenotypes", "vit")]
    others = ["disease_cad/vit", "disease_cad/vita", "la_phenotypes/vita", "la_phenotypes/vita_la"]
    assert sorted(models) == sorted(["stage1/vita", "stage1/view_la", *stage2, *vit, *others])
    assert {folder: models[folder].outputs for folder in ("la_phenotypes/vita", vit[0], "disease_cad/vita")} == {
        "la_phenotypes/vita": 8,
        vit[0]: 1,
        "disease_cad/vita": 1,
    }
    assert models["stage2/view_la"].blocks["model"]["view_of_plane"] == [0, 0, 0]
    assert "view_of_plane" not in models["stage2/vita"].blocks["model"]


def test_what_a_training_starts_from(small: Plan) -> None:
    trainings = small.trainings
    assert trainings.stage2_start("vita_without_diagnoses") == "results/models/stage1/vita"
    assert trainings.encoded("vita_without_diagnoses") == "results/tabular_without_diagnoses"
    assert trainings.stage3_start("disease_cad", "vita") == "results/models/stage2/vita_without_diagnoses"
    assert trainings.stage3_start("la_phenotypes", "vita_la") == "results/models/stage2/view_la"
    assert trainings.stage3_start("la_phenotypes", "vit") is None
    assert trainings.control_features("la_phenotypes") == {"probe_vita": "results/controls/probe_vita.parquet"}
    assert trainings.probe_start("probe_vita", "") == "results/models/stage2/vita"


def test_imported_weights_are_for_what_sees_both_views() -> None:
    trainings = planned(systems=SMALL, stage2={"init": "elsewhere"}, stage3={"init": "there"}).trainings
    assert trainings.stage2_start("vita") == "elsewhere"
    assert trainings.stage2_start("view_la") == "results/models/stage1/view_la"
    assert trainings.stage3_start("la_phenotypes", "vita") == "there"
    assert trainings.stage3_start("la_phenotypes", "vita_la") == "results/models/stage2/view_la"


def test_the_machine_is_in_a_trainings_settings_but_not_in_their_meaning(small: Plan) -> None:
    blocks = small.trainings.stage1("vita")
    meaning = json.loads(shlex.split(small.trainings.meaning(blocks))[0])
    settings = json.loads(shlex.split(small.trainings.settings(blocks, threads=4, devices=2))[0])
    assert (settings["training"]["threads"], settings["training"]["devices"]) == (4, 2)
    assert meaning["precision"] == settings["training"]["precision"]
    assert "training" not in meaning
    assert "checkpointing" not in meaning["model"]
    assert settings["stage"] == blocks["stage"]
    assert meaning["stage"] == {
        key: value for key, value in blocks["stage"].items() if key != "budget_s"
    }  # there is none


def test_products_of_a_few_tasks(small: Plan) -> None:
    products = small.products
    assert products.tables == ["table2_la_phenotypes", "table4_diseases", "tableC8_cohort"]
    assert products.table_metrics("table4_diseases") == [
        "results/metrics/disease_cad/vit.csv",
        "results/metrics/disease_cad/vita.csv",
    ]
    assert products.systems_of("tableC8_cohort") == ["mean_guess"]
    made = products.all()
    assert "results/tables/table2_la_phenotypes.csv" in made
    assert "results/phantom/truth.parquet" in made
    assert not any("segmentation" in path or "ablation" in path for path in made)
    assert not any(path.endswith(".parquet") for path in products.shared())


def test_scans_alone_train_one_model_and_make_nothing_of_a_table() -> None:
    plan = planned(products="scans")
    assert [model.folder for model in plan.trainings.models] == ["stage1/vita"]
    made = plan.products.all()
    assert "results/models/decisions.json" not in made
    assert not any(path.startswith("results/tables") for path in made)
    assert plan.products.model_card_tables() == []
    assert plan.products.reconstructions("npz") == ["results/predictions/reconstruction/vita.npz"]


def test_every_figure_knows_its_files() -> None:
    figures = planned().products.figures
    assert figures["figB9_reconstructions"]["examples"]
    assert all(files for figure in figures.values() for files in figure.values())


def test_the_users_files_are_inputs_where_they_are_there(tmp_path: Path) -> None:
    table, gone = tmp_path / "a table.csv", tmp_path / "gone.csv"
    table.touch()
    names = {"source": "files", "tables": [str(table), str(gone)], "withdrawals": str(gone), "scans": "scans"}
    inputs = planned(input=names).inputs
    assert inputs.tables == [str(table), str(gone)]
    assert inputs.tables_there == [str(table)]
    assert inputs.withdrawals_there == []
    assert inputs.withdrawals_argument == f"--withdrawals {gone}"
    assert planned().inputs.tables_there == ["results/phantom/table.csv"]  # which a rule makes


def test_names_in_braces_are_no_wildcards_and_reach_the_module() -> None:
    block = {"command": {"sa": "it's 'a b' {scan} { mask }"}, "empty": {}}
    text = arguments.settings(1, masks=block)
    assert not re.search(r"\{\s*\w", text)
    assert json.loads(shlex.split(text)[0]) == {"seed": 1, "masks": block}


def test_arguments_are_quoted() -> None:
    assert arguments.options({"table": "a b.csv"}) == "--table 'a b.csv'"
    assert arguments.init("a b") == "--init 'a b'"
    assert arguments.init(None) == ""
    assert arguments.weights("x") == "x/model.safetensors"
    assert arguments.weights(None) == []
    assert arguments.titled({"vita": "Both views"}) == "'vita=Both views'"


def resources(on_cluster: bool = False, devices: tuple[str, ...] = (), **blocks: Any) -> JobResources:
    config = planned(**blocks).config
    return JobResources(config, on_cluster, None if on_cluster else 2, list(devices))


def test_an_amount_doubles_with_each_attempt_and_grows_with_the_input(tmp_path: Path) -> None:
    assert [growing(100, 0)(None, attempt) for attempt in (1, 2, 3)] == [100, 200, 400]
    assert growing(100, 0, most=300, extra=50)(None, 2) == 250
    assert growing(100, 0, most=300, extra=150)(None, 2) == 300
    (tmp_path / "file").write_bytes(bytes(2_000_000))
    assert growing(100, 1000)(None, input=[str(tmp_path / "file")], attempt=1) == 102
    with pytest.raises(FileNotFoundError):
        growing(100, 1000)(None, input=[str(tmp_path / "none")], attempt=1)


def test_gpus_are_asked_for_where_they_are_or_are_wanted() -> None:
    assert resources().gpus("train_stage1") == 0
    assert resources(devices=("0",)).gpus("train_stage1") == 1
    assert resources(devices=("0",)).gpus("make_table") == 0
    assert resources(training={"device": "cuda"}).gpus("train_stage1") == 1
    assert resources(devices=("0",), training={"device": "cpu"}).gpus("train_stage1") == 0
    asked = resources(devices=("0",), resources={"gpu_type": "a100", "gpu_partition": "gpus"}).asked("train_stage1")
    assert (asked["gpu"], asked["gpu_model"], asked["slurm_partition"]) == (1, "a100", "gpus")
    assert resources().asked("train_stage1")["gpu"] == 0
    assert "gpu" not in resources().asked("make_table")


def test_a_training_over_nodes_asks_for_tasks_and_needs_a_cluster() -> None:
    rules = CONFIG["resources"]["rules"] | {"train_stage1": {"gpus": 4, "cpus": 3}}
    blocks = {"training": {"nodes": 2}, "resources": {"rules": rules, "gpu_type": "a100"}}
    asked = resources(on_cluster=True, devices=("0",), **blocks).asked_by_training("train_stage1")
    assert (asked["nodes"], asked["tasks"], asked["mpi"], asked["gres"]) == (2, 2, "srun", "gpu:a100:4")
    assert asked["cpus_per_task"] == 12
    assert "gpu" not in asked
    (message,) = resources(**blocks).missing_nodes()
    assert "'training.nodes' is 2" in message
    assert not list(resources(on_cluster=True, **blocks).missing_nodes())


def test_further_seeds_train_systems_and_the_stages_that_they_start_from() -> None:
    """Not the ablations' variants, nor Stage II for nobody, nor what is fitted in closed form."""
    systems = {
        "mean_guess": {"tasks": ["la_phenotypes"]},
        "probe_mae": {"init": "stage1", "tasks": ["la_phenotypes"]},
        "vit": {"init": None, "tasks": ["la_phenotypes"]},
        "vita_la": {"init": "stage2", "view": "la", "tasks": ["la_phenotypes"]},
    }
    plan = planned(systems=systems, seeds=[7, CONFIG["seed"]])
    once = [model.folder for model in plan.trainings.models if not model.repeat]
    assert {"stage1/vita", "stage1/mask_50", "stage2/vita"} < set(once)
    again = {f"results/{model.repeat}models/{model.folder}" for model in plan.trainings.models if model.repeat}
    trained = ["stage1/view_la", "stage2/view_la", "la_phenotypes/vit", "la_phenotypes/vita_la"]
    assert again == {f"results/seeds/7/models/{folder}" for folder in trained}
    assert plan.products.table_seeds("table2_la_phenotypes") == [
        "results/seeds/metrics/la_phenotypes/vit.csv",
        "results/seeds/metrics/la_phenotypes/vita_la.csv",
    ]
    assert planned(systems=systems).products.table_seeds("table2_la_phenotypes") == []
    assert "results/seeds/7/models/la_phenotypes/vit/model.safetensors" in plan.products.shared()
    assert "results/seeds/7/models/la_phenotypes/vit/config.json" not in plan.trainings.files("config.json")


def test_each_of_vitas_models_is_attacked_once_and_segmentation_apart() -> None:
    once, again = (planned(systems=SMALL, seeds=seeds).products.attacked() for seeds in ([], [7, 8]))
    assert once == again
    folders = [folder for part in once.values() for folder in part]
    assert len(folders) == len(set(folders))
    assert once["pretraining"] == ["stage1/vita", "stage2/vita"]
    assert once.get("segmentation", []) in ([], ["segmentation/vita"])
    assert all(folder.endswith("/vita") for folder in once["tasks"])


def test_a_further_seed_is_in_the_settings_and_starts_are_of_its_own() -> None:
    trainings = planned(systems=SMALL, seeds=[7]).trainings
    blocks = trainings.stage1("vita")
    assert CONFIG["seed"] != 7
    for text, seed in (
        (trainings.settings(blocks, 1, 1, "seeds/7/"), 7),
        (trainings.meaning(blocks, "seeds/7/"), 7),
        (trainings.settings(blocks, 1, 1), CONFIG["seed"]),
        (trainings.meaning(blocks), CONFIG["seed"]),
    ):
        assert json.loads(shlex.split(text)[0])["seed"] == seed
    assert trainings.stage2_start("view_la", "seeds/7/") == "results/seeds/7/models/stage1/view_la"
    assert trainings.stage3_start("la_phenotypes", "vita", "seeds/7/") == "results/seeds/7/models/stage2/vita"
    imported = planned(systems=SMALL, seeds=[7], stage2={"init": "elsewhere"}).trainings
    assert imported.stage2_start("vita", "seeds/7/") == "elsewhere"
    again = {model.folder for model in imported.models if model.repeat}
    assert "stage2/vita" in again
    assert "stage1/vita" not in again


def diseases(**own: Any) -> Plan:
    """ViTa, one that learns each target by itself, a control and one from scratch, with settings for diseases."""
    both = ["sa_phenotypes", "disease_cad"]
    systems = {
        "brightness": {"tasks": both},
        "resnet50": {"init": None, "tasks": both},
        "mae": {"init": "stage1", "individual": True, "tasks": both},
        "vita": {"init": "stage2", "tasks": both},
    }
    tasks = CONFIG["stage3"]["tasks"] | {"diseases": own}
    return planned(systems=systems, stage3={"tasks": tasks}, ablations={"run": False})


def test_a_disease_starts_from_the_same_systems_model_of_the_start_task() -> None:
    trainings = diseases(start="sa_phenotypes").trainings
    assert trainings.stage3_start("disease_cad", "vita") == "results/models/sa_phenotypes/vita"
    assert trainings.stage3_start("disease_cad", "vita", "seeds/1/") == "results/seeds/1/models/sa_phenotypes/vita"
    assert trainings.stage3_start("disease_cad", "resnet50") is None, "from scratch"
    assert trainings.stage3_start("disease_cad", "mae") == "results/models/stage1/vita", "it has a model per phenotype"
    assert trainings.stage3_start("sa_phenotypes", "vita") == "results/models/stage2/vita"
    assert "start" not in trainings.stage3("disease_cad", "vita")["stage"]


def test_a_start_task_that_the_system_is_not_run_for_is_not_used() -> None:
    trainings = diseases(start="la_phenotypes").trainings
    assert trainings.stage3_start("disease_cad", "vita") == "results/models/stage2/vita"


def test_features_kept_out_for_a_disease_do_not_come_back_through_its_start() -> None:
    systems = {"vita": {"init": "stage2", "tasks": ["sa_phenotypes", "disease_cad"]}}
    plan = planned(systems=systems, tabular={"exclude": {"diseases": ["diagnoses"]}}, ablations={"run": False})
    start = plan.trainings.stage3_start("disease_cad", "vita")
    assert start == "results/models/stage2/vita_without_diagnoses"
    everywhere = planned(systems=systems, tabular={"exclude": ["diagnoses"]}, ablations={"run": False})
    assert everywhere.trainings.stage3_start("disease_cad", "vita") == "results/models/sa_phenotypes/vita"


def test_heads_go_through_the_tasks_that_the_run_has() -> None:
    trainings = diseases(through=["sa_phenotypes", "la_phenotypes"]).trainings
    assert trainings.through("disease_cad", "vita") == ["sa_phenotypes"]
    assert trainings.through("disease_cad", "brightness") == ["sa_phenotypes"]
    assert trainings.through("sa_phenotypes", "vita") == [], "numbers are fitted directly"
    assert set(trainings.tables_of("disease_cad", "vita")) == {"labels", "phenotypes"}
    assert set(trainings.tables_of("sa_phenotypes", "vita")) == {"phenotypes"}
    no_closed_form = diseases(through=["sa_phenotypes"], head="mlp").trainings
    assert no_closed_form.through("disease_cad", "vita") == []
    assert no_closed_form.through("disease_cad", "brightness") == ["sa_phenotypes"], "a control's head is closed"


def test_the_table_of_diseases_is_told_both() -> None:
    trainings = diseases(start="sa_phenotypes", through=["sa_phenotypes"]).trainings
    assert trainings.ways(["disease_cad"]) == "--starts vita=sa_phenotypes --through sa_phenotypes"
    assert trainings.ways(["sa_phenotypes"]).strip() == ""
