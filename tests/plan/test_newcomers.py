"""What newcomers write in a configuration: the line names the key and says what to write in its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from presets import ROOT
from vita.plan.checking import merged
from vita.runtime.errors import UserError

BLOCK = "it must be a block of keys"


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"cores": 8}, "unknown key 'cores'; that is an option of the command: snakemake --cores 8"),
        ({"jobs": 8}, "that is an option of the command: snakemake --cores 8"),
        ({"profile": "slurm"}, "snakemake --profile workflow/profiles/slurm"),
        ({"output": "/data"}, "in the folder that the option --directory of the command names"),
        ({"results": "/data"}, "in the folder that the option --directory of the command names"),
        ({"tables": ["x.csv"]}, "did you mean 'input.tables'?"),
        ({"scans": "/x"}, "did you mean 'input.scans'?"),
        ({"batch_size": 3}, "did you mean 'stage1.batch' or 'stage2.batch' or 'stage3.defaults.batch'?"),
        ({"gpus": 1}, "did you mean 'resources.default.gpus'?"),
        ({"training": {"threads": 2}}, "did you mean 'resources.default.cpus'?"),
        ({"vita": {"tasks": []}}, "did you mean 'systems.vita'?"),
        ({"stage3": {"lr": 1e-3}}, "did you mean 'stage3.defaults.lr'?"),
        ({"stage3": {"diseases": {"lr": 1e-3}}}, "did you mean 'stage3.tasks.diseases'?"),
        ({"stage3": {"tasks": {"cad": {"lr": 1e-3}}}}, "did you mean 'stage3.tasks.disease_cad'?"),
        ({"split": {"train": 0.7}}, "whoever is in neither 'split.val' nor 'split.test' trains"),
        ({"split": 0.2}, f"{BLOCK}, such as val, test, held_out"),
        ({"systems": ["vita"]}, f"{BLOCK}, such as mean_guess, demographics, brightness ..."),
        ({"systems": {"vita": ["segmentation"]}}, f"{BLOCK}, such as init, view, individual ..."),
        ({"images": {"masks": "model"}}, f"{BLOCK}; write {{source: model}}"),
        ({"phenotypes": "fields"}, f"{BLOCK}; write {{source: fields}}"),
        ({"labels": "incident"}, f"{BLOCK}; write {{timing: incident}}"),
        ({"ablations": True}, f"{BLOCK}; write {{run: true}}"),
        ({"ablations": {"mask_ratios": 0.5}}, "; write [0.5]"),
        ({"seeds": 3}, "; write [3]"),
        ({"seeds": "1,2"}, "; write [1, 2]"),
        ({"input": {"source": "files", "scans": "s", "tables": "x.csv"}}, "; write [x.csv]"),
        ({"labels": {"codes": {"infarct": "I21"}}}, "; write [I21]"),
        ({"tabular": {"exclude": "diagnoses"}}, "; write [diagnoses]"),
        ({"cohort": {"ethnicity": 1001}}, "; write [1001]"),
        ({"nnunet": {"environment": ""}}, "it must not be empty; write one"),
        ({"images": {"write_nifti": ""}}, "it must not be empty; use null for none"),
        ({"images": {"crop": "centre"}}, "did you mean center?"),
        ({"extensions": None}, "it must be a list, each survival or associations or "),
        ({"stage1": {"epochs": 2.5}}, "it must be a whole number of at least 1"),
        ({"products": "tables"}, "choose all or scans"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_line_says_what_to_write(changed: dict[str, Any], end: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(UserError) as mistake:
        merged(ROOT, [tmp_path / "own.yaml"], [])
    line = str(mistake.value)
    assert line.startswith("config: ")
    assert "\n" not in line
    assert end in line
    if ";" in end or end.endswith("?"):
        assert line.endswith(end)
