"""A model's config.json: what it holds, and an error that names the file where it is missing or damaged."""

import json
from pathlib import Path

import pytest

from vita.models.config_file import read_config
from vita.runtime.errors import UserError


def test_the_config_of_a_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model": {"patch": [4, 8, 8]}, "seed": 7}))
    assert read_config(tmp_path) == {"model": {"patch": [4, 8, 8]}, "seed": 7}


def test_a_missing_config_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/config\.json: No such file or directory; give a complete folder"):
        read_config(tmp_path)


@pytest.mark.parametrize(("text", "reason"), [("{", "is not JSON"), ("[1]", "holds no keys"), ("\xff", "is not JSON")])
def test_a_damaged_config_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=rf"/config\.json {reason}.*; train the model again"):
        read_config(tmp_path)
