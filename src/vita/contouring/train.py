"""Train the network that draws masks, on synthetic pictures alone: no image of a person is read.

The weights that come with the package were made by:

    python -m vita.contouring.train --steps 10000 --output src/vita/contouring/weights/contours.safetensors

and their model card beside them. A training may go on from weights in another world of hearts (see
`vita.contouring.worlds`). Everything follows from the seeds and the numbers of steps. Every picture is new;
nothing is chosen by a validation.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from vita.contouring.worlds import WIDE, WORLDS
from vita.runtime import cli

if TYPE_CHECKING:
    from vita.contouring.network import Contours

log = logging.getLogger(__name__)

BATCH, STEPS, HEARTS, SEED = 12, 10000, 300, 2026
JUDGED_HEARTS, JUDGED_BATCHES = 16, 20  # that the network never saw


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches of {BATCH} pictures")
    parser.add_argument("--hearts", type=int, default=HEARTS, help="random hearts to cut")
    parser.add_argument("--seed", type=int, default=SEED, help="of everything")
    parser.add_argument("--world", choices=list(WORLDS), default=WIDE.name, help="of hearts and signals")
    parser.add_argument("--start", type=Path, help="weights to go on from, with a lower rate; by default, new ones")
    parser.add_argument("--output", type=Path, required=True, help="weights as safetensors; a model card beside")
    args = parser.parse_args(arguments)
    # start-up: torch is imported once there is something to do
    import numpy as np

    from vita.contouring import card, network
    from vita.contouring.fitting import fit, judge
    from vita.contouring.pictures import Pictures
    from vita.contouring.sections import draw_sections

    start = network.load(args.start) if args.start else None
    earlier = _earlier(network.facts_of(args.start)) if args.start else ""
    world = WORLDS[args.world]
    sections = draw_sections(args.hearts, np.random.default_rng([args.seed, 1]), world)
    log.info("%d sections of %d hearts", len(sections.views_n), args.hearts)
    others = draw_sections(JUDGED_HEARTS, np.random.default_rng([args.seed, 2]), world)

    def keep(model: "Contours", steps: int) -> None:
        dice = judge(model, Pictures(others, args.seed + 1, world), JUDGED_BATCHES, BATCH)
        log.info("Dice on hearts not seen: %s", ", ".join(f"{name} {value:.3f}" for name, value in dice.items()))
        facts = {"seed": str(args.seed), "steps": str(steps), "hearts": str(args.hearts), "world": world.name}
        facts["earlier"] = earlier
        scores = {f"dice {name}": f"{value:.3f}" for name, value in dice.items()}
        network.save(model, args.output, facts | scores | {"data": "synthetic only"})
        card.write(args.output, facts, dice, sum(part.numel() for part in model.parameters()), BATCH)

    keep(fit(Pictures(sections, args.seed, world), args.steps, BATCH, args.seed, keep, start), args.steps)


def _earlier(facts: dict[str, str]) -> str:
    """The options of the training that made weights, for the command that repeats it."""
    options = [f"--{name} {facts[name]}" for name in ("steps", "hearts", "seed")]
    return " ".join([*options, f"--world {facts.get('world', WIDE.name)}"])


if __name__ == "__main__":
    cli.run(main)
