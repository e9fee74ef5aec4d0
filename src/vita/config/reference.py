"""Writes the schema and the types of the configuration from its models, and config.yaml and the reference page.

After a change of src/vita/config/models or of a preset, in the repository's folder:

    python -m vita.config.reference
"""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vita.config.schema import ANY, children, load_schema, may_be
from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError

TYPED, STUB = "src/vita/config/typed.py", "src/vita/config/blocks.pyi"
SCHEMA, DEFAULTS, PAGE = "workflow/schemas/config.schema.yaml", "config.yaml", "workflow/schemas/config.md"
PAPER = "workflow/presets/paper.yaml"
_WIDTH, _COMMENT = 120, 30  # characters per line; column of a comment, if the value leaves room
_NARROWEST = 40  # characters of a comment's line
_HEAD = """\
# The default run: the phantom cohort, sized for a laptop. Presets under workflow/presets change single keys:
#   snakemake --cores 8 --configfile workflow/presets/smoke.yaml
# workflow/schemas/config.md lists every key with its range. Unknown keys and values out of range are refused."""
_TABLE = "| key | default | may be | what it is | paper |\n| --- | --- | --- | --- | --- |"
_PAGE_HEAD = f"""\
# Every key of the configuration

The default run is `config.yaml`; a preset or a file of your own, given by `--configfile`, changes single keys.
`*` is a name of your choice among those allowed. The last column is what `{PAPER}` sets.
This page and `config.yaml` are written by `python -m vita.config.reference` from `{SCHEMA}`.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.config.reference`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, default=Path(), help="the repository")
    folder = parser.parse_args(arguments).folder
    if not (folder / PAPER).is_file():
        raise UserError(f"{folder / PAPER}: there is no such file; --folder names the repository")
    from vita.config.write_typed import stub_text, typed_text  # pydantic: for a fast start of --help

    write_text(folder / TYPED, typed_text())
    write_text(folder / STUB, stub_text())
    write_text(folder / SCHEMA, schema_text())
    for name, text in pages(folder).items():
        write_text(folder / name, text)


def schema_text() -> str:
    """Text of the schema's file, from the models of the installed or cloned package."""
    from vita.config.json_schema import as_yaml, json_schema  # pydantic: for a fast start of --help

    return as_yaml(json_schema())


def pages(folder: Path) -> dict[str, str]:
    """Text of each file that is made from the schema of the repository `folder`, by its name there."""
    import yaml

    schema = load_schema(folder / SCHEMA)
    paper = yaml.safe_load((folder / PAPER).read_text(encoding="utf-8"))
    return {DEFAULTS: _defaults(schema), PAGE: _page(schema, paper)}


def _defaults(schema: dict[str, Any]) -> str:
    """config.yaml: every key that has a default, in the schema's order, with its description as comment."""
    lines = [_HEAD]
    for key, part in schema["properties"].items():
        lines += ["", *_entry(key, part, 0)]
    return "\n".join(lines) + "\n"


def _is_block(part: dict[str, Any]) -> bool:
    return "properties" in part or part.get("type") == "object"


def _entry(key: str, part: dict[str, Any], depth: int) -> Iterator[str]:
    """A key with its default, or a block of keys."""
    about = part.get("description", "")
    if "default" in part:
        if about and not depth and isinstance(part["default"], dict):
            yield from textwrap.wrap(about, _WIDTH, initial_indent="# ", subsequent_indent="# ")
            about = ""
        lines = list(_value(key, part["default"], depth))
        what, also, more = about.partition(";")
        unit = f", {part['unit']}" if "unit" in part else ""
        yield from _commented(lines, f"{what}{unit}{also}{more}")
    elif "properties" in part:
        if depth:
            yield from _commented([f"{'  ' * depth}{key}:"], about)
        else:
            yield from textwrap.wrap(about, _WIDTH, initial_indent="# ", subsequent_indent="# ")
            yield f"{key}:"
        for name, child in part["properties"].items():
            yield from _entry(name, child, depth + 1)


def _value(key: str, value: Any, depth: int) -> Iterator[str]:
    """A key and its value: blocks of blocks over several lines, everything else on one."""
    if isinstance(value, dict) and value and not _is_row(value):
        yield f"{'  ' * depth}{key}:"
        for name, inner in value.items():
            yield from _value(name, inner, depth + 1)
    else:
        yield f"{'  ' * depth}{key}: {inline(value)}"


def _is_row(value: dict[str, Any]) -> bool:
    return bool(value) and not any(isinstance(each, dict | list) for each in value.values())


def inline(value: object) -> str:
    """A value in YAML on one line."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("\n")


def _commented(lines: list[str], about: str) -> list[str]:
    """The comment after the first line and below it, or above where the first line is long."""
    if not about:
        return lines
    start = max(_COMMENT, len(lines[0]) + 2)
    if start > _WIDTH - _NARROWEST and len(about) > _NARROWEST:  # no room beside the value
        indent = " " * (len(lines[0]) - len(lines[0].lstrip())) + "# "
        return [*textwrap.wrap(about, _WIDTH, initial_indent=indent, subsequent_indent=indent), *lines]
    wrapped = textwrap.wrap(about, max(_NARROWEST, _WIDTH - start - 2))
    first = f"{lines[0]:<{start}}# {wrapped[0]}"
    return [first, *(f"{'':<{start}}# {more}" for more in wrapped[1:]), *lines[1:]]


def _page(schema: dict[str, Any], paper: dict[str, Any]) -> str:
    """The reference page: a table per block."""
    lines = [_PAGE_HEAD]
    seen: dict[str, str] = {}
    single = {key: part for key, part in schema["properties"].items() if not _is_block(part)}
    lines += [_TABLE, *(_row(key, part, paper) for key, part in single.items())]
    for key, part in schema["properties"].items():
        if key not in single:
            lines += ["", f"## {key}", ""]
            lines += [part["description"], ""] if "description" in part else []
            lines += [_TABLE, *_rows(key, part, paper, seen)]
            if "default" in part:
                lines += ["", "```yaml", *_value(key, part["default"], 0), "```"]
    return "\n".join(lines) + "\n"


def _rows(where: str, block: dict[str, Any], paper: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    """Rows of a block's keys; `seen` holds blocks by the first name; their keys are not listed again."""
    for key, part in children(block).items():
        name = f"{where}.{key}"
        same = next((first for first, keys in seen.items() if keys == part.get("properties")), None)
        if same:
            yield _row(name, part, paper, f"keys as in `{same}`")
            continue
        if "properties" in part:
            seen[name] = part["properties"]
        if "default" in part or not _is_block(part):
            yield _row(name, part, paper)
        yield from _rows(name, part, paper, seen)


def _row(name: str, part: dict[str, Any], paper: dict[str, Any], allowed: str = "") -> str:
    default = f"`{inline(part['default'])}`" if "default" in part and ANY not in name else ""
    about = part.get("description", "").replace("<", "\\<")
    cells = [f"`{name}`", default, allowed or may_be(part), about, _of_paper(name, paper)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _of_paper(name: str, paper: dict[str, Any]) -> str:
    """What the paper's preset sets a key to; empty where it leaves the default."""
    value: Any = paper
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return ""
        value = value[key]
    return f"`{inline(value)}`"


if __name__ == "__main__":
    cli.run(main)
