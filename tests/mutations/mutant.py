"""What a semantic mistake is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        package: folder below `src/vita` in which `old` stands exactly once.
        old: the right text.
        new: the wrong text.
        tests: files, folders or single tests below `tests`, any of which should fail; those that do in the shortest
            time.
        means: what goes wrong, in words.
        survives: why no test can notice it, if none can.
    """

    package: str
    old: str
    new: str
    tests: tuple[str, ...]
    means: str
    survives: str = ""
