"""Types of the configuration for mypy, from its models: blocks as typed dictionaries, and single keys by their names.

Steps and the workflow read the configuration as a dictionary, without pydantic. These types let mypy refuse a key that
does not exist, or one whose value is of another type: `vita.config.typed` in a whole configuration, and the stub of
`vita.config.blocks` in what a step reads of its `--settings`.
"""

import keyword
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from vita.config.models.config import Config
from vita.config.models.kinds import Absent, Block

_HEAD = '''\
"""A checked configuration as typed dictionaries, for mypy: a block each, with its keys and their types.

Written by `python -m vita.config.reference` from the models in src/vita/config/models: change those. A block that a
configuration may give in part, such as the settings of a task, has keys that may be missing.
"""

from typing import Literal, TypedDict
'''
_STUB_HEAD = '''\
"""Types of `vita.config.blocks`, for mypy: the value that a key of `--settings` has, by the key's dotted name.

Written by `python -m vita.config.reference` from the models in src/vita/config/models: change those.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, overload

'''
_STUB_END = """\
def check_complete(name: str, block: Mapping[str, object], keys: Iterable[str]) -> None: ...
def whole(**changes: object) -> Configuration: ...
def block(name: str, own: Mapping[str, object]) -> dict[str, object]: ...
"""
# what the plan of a run adds to blocks of the configuration
_ADDED = {"images.instance": "Literal[2, 3]", "training.threads": "int", "training.devices": "int"}
# keys of the whole configuration alone, which no step is given
_OF_THE_PLAN = {"seeds", "products", "stage1", "stage2", "stage3", "systems", "ablations", "replace_results"}
_OF_THE_PLAN |= {"extensions", "resources"}
_MOST = 6  # choices that are written out
_WIDTH = 120  # characters per line


def typed_text() -> str:
    """Text of the module, a class for each block, those that others need first."""
    partial = set(_given_in_part(Config))
    parts = [_class(block, block in partial) for block in dict.fromkeys(_blocks(Config)) if not _is_table(block)]
    return "\n\n".join([_HEAD, *parts])


def stub_text() -> str:
    """Text of the stub of `vita.config.blocks`: a signature of `needed` for each type that keys have."""
    by_type: dict[str, list[str]] = {}
    for name, hint in [*_named(Config), *_ADDED.items()]:
        if name.partition(".")[0] not in _OF_THE_PLAN:
            by_type.setdefault(hint, []).append(name)
    classes = sorted({"Configuration"} | {each.__name__ for each in _blocks(Config)} & set(by_type))
    imports = ["from vita.config.typed import (", *(f"    {name}," for name in classes), ")"]
    signatures = [_signature(names, hint) for hint, names in by_type.items()]
    return "\n".join([_STUB_HEAD + "\n".join(imports) + "\n", *signatures, _STUB_END])


def _named(block: type[Block], above: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names of keys that every configuration has, blocks included, and the types of their values."""
    for field_name, field in block.model_fields.items():
        name, kind = f"{above}{field.alias or field_name}", field.annotation
        yield name, _hint(kind)
        if isinstance(kind, type) and issubclass(kind, Block) and not _is_table(kind):
            yield from _named(kind, f"{name}.")


def _signature(names: Sequence[str], hint: str) -> str:
    """On one line where it fits, as ruff writes it."""
    literal = ", ".join(f'"{name}"' for name in names)
    line = f"def needed(settings: Mapping[str, object], name: Literal[{literal}]) -> {hint}: ..."
    if len(line) <= _WIDTH:
        return f"@overload\n{line}"
    lines = ["@overload", "def needed(", "    settings: Mapping[str, object],"]
    line = f"    name: Literal[{literal}],"
    if len(line) > _WIDTH:
        line = "\n".join(["    name: Literal[", *(f'        "{name}",' for name in names), "    ],"])
    return "\n".join([*lines, line, f") -> {hint}: ..."])


def _blocks(block: type[Block]) -> Iterator[type[Block]]:
    """A block after those that it holds."""
    for field in block.model_fields.values():
        for inner in _inner(field.annotation):
            yield from _blocks(inner)
    yield block


def _inner(annotation: Any) -> Iterator[type[Block]]:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
    for part in get_args(annotation):
        yield from _inner(part)


def _given_in_part(block: type[Block]) -> Iterator[type[Block]]:
    """Blocks of which a configuration need not give every key: those under names of the user's choice, and of rules."""
    for field in block.model_fields.values():
        for inner in _inner(field.annotation):
            if inner is not field.annotation or _is_table(block):
                yield inner
            yield from _given_in_part(inner)


def _is_table(block: type[Block]) -> bool:
    """Whether all keys hold a block of the same kind, so that they are read by names in variables."""
    kinds = {field.annotation for field in block.model_fields.values()}
    return len(kinds) == 1 and any(_inner(kinds.pop()))


def _class(block: type[Block], partial: bool) -> str:
    """A block as a class, or as a call where a key is a word of Python's."""
    keys = {field.alias or name: _hint(field.annotation) for name, field in block.model_fields.items()}
    if any(map(keyword.iskeyword, keys)):
        lines = [f"{block.__name__} = TypedDict(", f'    "{block.__name__}",', "    {"]
        lines += [f'        "{key}": {hint},' for key, hint in keys.items()]
        return "\n".join([*lines, "    },", *(["    total=False,"] if partial else []), ")"]) + "\n"
    total = ", total=False" if partial else ""
    lines = [f"class {block.__name__ if block is not Config else 'Configuration'}(TypedDict{total}):"]
    doc = (block.__doc__ or "").partition("\n")[0]
    lines += [f'    """{doc}"""\n', *(f"    {key}: {hint}" for key, hint in keys.items())]
    return "\n".join(lines) + "\n"


def _hint(annotation: Any) -> str:
    """A type as it is written, without what only pydantic checks."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _hint(parts[0])
    if origin is Literal and len(parts) > _MOST:
        return type(parts[0]).__name__
    if origin is Literal:
        return f"Literal[{', '.join(_literal(each) for each in parts)}]"
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(_hint(each) for each in parts if each != Absent))
    if origin is list:
        return f"list[{_hint(parts[0])}]"
    if origin is dict:
        return f"dict[str, {_hint(parts[1])}]"
    if annotation is types.NoneType:
        return "None"
    if issubclass(annotation, Block) and _is_table(annotation):
        inner: FieldInfo = next(iter(annotation.model_fields.values()))
        return f"dict[str, {_hint(inner.annotation)}]"
    return str(annotation.__name__)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
