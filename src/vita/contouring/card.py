"""The model card that a training writes beside its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vita.contouring.network import LEAST_DICE
from vita.contouring.worlds import WIDE
from vita.runtime.atomic import write_text

FILE = "MODEL_CARD.md"
_TEXT = """# Model card: {file}

**Trained on synthetic images only.** No image of a person was read in training, and nothing was chosen on one.

What it does: draws the LV cavity, the LV wall and the RV on short-axis slices, these and both atria on 4-chamber
images, LV and left atrium on 2-chamber images, and the LV on 3-chamber images; on single frames of bSSFP cine MRI, in
pixels of 2 mm. The rule `segment_scans` uses it (`images.masks.source: model` or `both`), and `vita predict` does for
models without a segmenter of their own.

Network: a 2-D U-Net (MONAI's BasicUNet) of {weights:,} weights that is told the view; 16-bit floats.

Training: thick sections of hearts with the phantom's mechanics, drawn far more widely than a cohort's. Three of four
have the anatomy that the phantom leaves out: lobed and uneven walls, outflow tracts, a trabeculated RV of any shape,
thin walls of atria and vessels. Sections have any rotation, scale and elastic deformation, and random signals for
blood, muscle and everything around them. {steps} steps of {batch} pictures of
{hearts} hearts of {worlds} (`vita.contouring.worlds`), seed {seed}{averaged},
in the order that this repeats:

{commands}

Dice on random pictures of synthetic hearts that it did not learn on, which are harder than scans:

| {names} |
| {rules} |
| {values} |

How it does on the phantom's scans and on real hearts is in the guide, with every look at the latter:
`new-scans.md`. Other scanners, sequences, implants and congenital hearts were not looked at.

Limits: basal slices, where the outflow tract and the atria lie beside the ventricles, are the least certain, and
papillary muscles count as cavity. Each mask has a score (agreement when the image is turned, smoothness over the
cycle, possible sizes), below which it is not used. Research software, not a medical device.
"""

_ADAPTED = """# Model card: {file}

**Learnt on scans of participants**, after training on synthetic images; these weights describe people's data and stay
where the scans may be.

The network, what it draws and its limits are those of the weights that come with the package. They went on learning
for {steps} steps on {pictures} pictures of at most {people} participants, none of whom may be in the test split;
{masks} of the pictures had masks that were delivered. A teacher, the running mean of the weights, drew plain pictures;
the network learnt from the pixels of which the teacher was at least {sure} sure, on the same pictures turned and with
other contrast. Half of each batch were synthetic pictures. Seed {seed}; what was done where views cross
(`cross_view`): {cross_view}. It was made by the rule `adapt_contours` (`images.masks.adapt`).

Dice on random pictures of synthetic hearts that it did not learn on; a structure below {least} is not drawn:

| | {names} |
| --- | {rules} |
| before | {before} |
| after | {after} |

These numbers say what it has not forgotten, not how good it is on the cohort, of which there may be no masks to
compare with. Look at a sample of masks and their scores. Research software, not a medical device.
"""


def write_adapted(
    path: Path, facts: Mapping[str, str], before: Mapping[str, float], after: Mapping[str, float]
) -> None:
    """Write the card of weights that went on learning on scans.

    Args:
        path: of the weights.
        facts: steps, pictures, people, masks, sure, cross_view and seed.
        before, after: Dice by structure.
    """
    rows = {
        name: " | ".join(f"{dice[each]:.3f}" for each in after) for name, dice in (("before", before), ("after", after))
    }
    names = {"names": " | ".join(after), "rules": " | ".join("---" for _ in after), "least": f"{LEAST_DICE}"}
    write_text(path.with_name(FILE), _ADAPTED.format(file=path.name, **facts, **rows, **names))


def write(path: Path, facts: Mapping[str, str], dice: Mapping[str, float], weights: int, batch: int) -> None:
    """Write the card of the weights at `path` beside them.

    Args:
        path: of the weights.
        facts: steps, hearts, seed and worlds of the training, the `history` of weights that it went on from, a line
            each, and the share that it has in an average with those.
        dice: by structure.
        weights: numbers in the network.
        batch: pictures a step.
    """
    numbers = {
        "worlds": _worlds(facts["world"].split()),
        "averaged": _averaged(facts),
        "commands": "\n".join(f"    {line}" for line in _commands(facts, path.name)),
        "names": " | ".join(dice),
        "rules": " | ".join("---" for _ in dice),
        "values": " | ".join(f"{value:.3f}" for value in dice.values()),
    }
    write_text(path.with_name(FILE), _TEXT.format(file=path.name, weights=weights, batch=batch, **facts, **numbers))


def history(facts: Mapping[str, str]) -> list[str]:
    """The options of what made weights, in order: of trainings, and `--share` of an average of the last training's
    weights with those that it began with.
    """
    options = [f"--{name} {facts[name]}" for name in ("steps", "hearts", "seed")]
    own = " ".join([*options, f"--world {facts.get('world', WIDE.name)}"])
    averaged = [f"--share {facts['share']}"] if "share" in facts else []
    return [*facts.get("earlier", "").splitlines(), own, *averaged]


def _commands(facts: Mapping[str, str], file: str) -> list[str]:
    """What makes the weights again."""
    found: list[str] = []
    start = last = ""
    made = history(facts)
    for number, options in enumerate(made, 1):
        output = file if number == len(made) else f"{number}.{file}"
        if options.startswith("--share"):
            own = f"average --start {start} --trained {last}"
        else:
            start, own = last, f"train --start {last}" if last else "train"
        found.append(f"python -m vita.contouring.{own} {options} --output {output}")
        last = output
    return found


def _worlds(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the world `{names[0]}`"
    return "each of the worlds " + " and ".join(f"`{name}`" for name in names)


def _averaged(facts: Mapping[str, str]) -> str:
    earlier = ",\nafter earlier trainings" if facts["earlier"] else ""
    if "share" not in facts:
        return earlier
    return f"{earlier}; these weights lie {facts['share']} of the way from those that it began with"
