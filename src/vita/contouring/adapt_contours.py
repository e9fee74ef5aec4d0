"""The network for masks goes on learning on a cohort's own scans: rule adapt_contours (images.masks.adapt).

Takes the weights that come with the package and trains them as `vita.contouring.adapting` says, on people whom the
split never holds out: whoever can be in test is not learnt from, neither scan nor mask. Scans need no masks;
with images.masks.source `both` those that were delivered are learnt from too. Writes the weights once it is finished,
and a model card beside them. Everything follows from the seed, the settings and the files, on the same machine.
After an interruption, the same command goes on from the state beside the weights.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from vita.cohort.split import held_out
from vita.cohort.split_table import share_of_each
from vita.config.blocks import check_complete, needed
from vita.config.typed import Adapt, Split
from vita.contouring.delivered import WEIGHTS
from vita.contouring.make_masks import image_settings
from vita.contouring.template import commands_of
from vita.contouring.worlds import WIDE
from vita.images.folders import Found, find_participants
from vita.images.index import add_scans, index_participant
from vita.images.layout import VIEWS
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.runtime import cli, fingerprint
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

if TYPE_CHECKING:  # start-up: torch is imported once there is something to do
    from vita.contouring.own_pictures import OwnPictures

log = logging.getLogger(__name__)

KEY: Final = "images.masks.adapt"
HALF, HEARTS = 6, 100  # pictures of the cohort in a batch, and as many synthetic ones, of at most so many hearts
JUDGED_HEARTS, JUDGED_BATCHES = 16, 20
STATE_STEPS = 50  # between resumable states; half a minute. A setting would draw all masks again when it is changed
MASKED = 0.5  # share of the people that have masks, where there are as many


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    add_scans(parser)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where to compute")
    parser.add_argument("--output", type=Path, required=True, help="weights as safetensors; a model card beside")
    cli.add_settings(parser, "seed, split, and masks, instance and max_file_mb of the block images")
    args = parser.parse_args(arguments)
    adapt_block = needed(args.settings, KEY)
    check_complete(KEY, adapt_block, ("steps", "people", "sure", "cross_view"))
    settings, seed = image_settings(args.settings), int(needed(args.settings, "seed"))
    if settings.instance is None:
        raise UserError("--settings has no 'images.instance'; give it 'cohort.instance' of config.yaml")
    everybody = find_participants(args.scans, load_withdrawals(args.withdrawals), settings.instance)
    people = chosen(everybody, settings, needed(args.settings, "split"), seed, adapt_block["people"])
    _train(people, settings, adapt_block, seed, args.device, args.output)


def chosen(
    everybody: Mapping[int, Found], settings: ImageSettings, split: Split, seed: int, count: int
) -> dict[int, Found]:
    """People to learn from: any but those who may be in test, in an order that depends on seed and id alone.

    Where masks that were delivered are used, up to MASKED of the people are such as have some.

    Args:
        everybody: with scans.
        settings: how masks are named and whether they are used.
        split: block of the configuration.
        seed: of the run, by which the split is made.
        count: how many.

    Raises:
        UserError: there is nobody.
    """
    eids = np.array(sorted(everybody), np.int64)
    free = eids[share_of_each(eids, f"{seed} test") >= held_out(split)]
    if not len(free):
        raise UserError(
            f"config: '{KEY}.steps' is set, but none of {len(eids)} participants with scans may be learnt from, since "
            "the split holds them out; lower 'split.held_out', or set this to 0"
        )
    ordered = free[np.argsort(share_of_each(free, f"{seed} adapt"))].tolist()
    names = {name for each in settings.masks.values() for name in each} if settings.mask_source == "both" else set()
    first = [eid for eid in ordered if names & set(everybody[eid].files)][: round(MASKED * count)]
    taken = list(dict.fromkeys([*first, *ordered]))[:count]
    return {eid: everybody[eid] for eid in sorted(taken)}


def _train(
    people: Mapping[int, Found],
    settings: ImageSettings,
    adapt_block: Adapt,
    seed: int,
    device: str,
    output: Path,
) -> None:
    from vita.contouring import card, network
    from vita.contouring.adapting import Course, adapt
    from vita.contouring.fitting import judge
    from vita.contouring.pictures import Pictures
    from vita.contouring.resuming import Resumable, beside
    from vita.contouring.sections import draw_sections
    from vita.contouring.taking import read_pictures

    start = network.load()
    together = adapt_block["cross_view"] != "none"
    own = read_pictures(_rows(people, settings), settings, start, np.random.default_rng([seed, 3]), together)
    _check(own, len(people))
    masks = int((own.annotated_nc.sum(dim=1) > 1).sum())
    log.info("%d pictures of %d participants, %d with masks", len(own), len(people), masks)
    course = Course(adapt_block["steps"], HALF, adapt_block["sure"], seed, adapt_block["cross_view"])
    learnt, judged = (
        draw_sections(count, np.random.default_rng([seed, number]), WIDE)
        for number, count in ((1, min(HEARTS, course.steps)), (2, JUDGED_HEARTS))
    )
    identity = {"seed": seed, "images": {"masks": {"adapt": adapt_block}}}
    data = {"pictures": own.digest(), "start": fingerprint.of_file(WEIGHTS)}
    resumable = Resumable(beside(output), identity | {"data": data}, STATE_STEPS)
    adapted = adapt(start, own, Pictures(learnt, seed, WIDE), course, device, resumable)
    before, after = (
        judge(each, Pictures(judged, seed + 1, WIDE), JUDGED_BATCHES, 2 * HALF) for each in (start, adapted)
    )
    for name, value in after.items():
        log.info("Dice of %s on synthetic hearts not seen: %.3f before, %.3f after", name, before[name], value)
    facts = {"seed": str(seed), "steps": str(course.steps), "people": str(len(people)), "sure": str(course.sure)}
    facts["cross_view"] = course.cross_view
    card.write_adapted(output, facts | {"pictures": str(len(own)), "masks": str(masks)}, before, after)
    scores = {f"dice {name}": f"{value:.3f}" for name, value in after.items()}
    network.save(adapted, output, facts | scores | {"data": "synthetic, then scans of a cohort"})
    resumable.finished()


def _rows(people: Mapping[int, Found], settings: ImageSettings) -> Iterable[IndexRow]:
    """The index's rows of views that the network draws and that are there."""
    drawn = set(VIEWS) - set(commands_of(settings.mask_command))
    for eid, found in people.items():
        yield from (row for row in index_participant(eid, found, settings) if row["usable"] and row["view"] in drawn)


def _check(own: "OwnPictures", people: int) -> None:
    if not len(own):
        raise UserError(
            f"config: '{KEY}.steps' is set, but a heart is seen in none of the scans of {people} participants; look at "
            "'input.scans', or set this to 0"
        )


if __name__ == "__main__":
    cli.run(main)
