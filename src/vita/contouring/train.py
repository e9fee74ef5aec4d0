"""Train the network that draws masks, on synthetic pictures alone: no image of a person is read.

A training may go on from weights, in another world of hearts (see `vita.contouring.worlds`) or in several, of which
every batch has as many pictures. Everything follows from the seeds and the numbers of steps. Every picture is new;
nothing is chosen by a validation. The commands that made the weights that come with the package are in the model card
beside them (`vita.contouring.average` is one of them).
After an interruption, the same command goes on.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from vita.contouring.worlds import WIDE, WORLDS
from vita.runtime import cli, fingerprint

if TYPE_CHECKING:
    from vita.contouring.network import Contours

log = logging.getLogger(__name__)

BATCH, STEPS, HEARTS, SEED = 12, 10000, 300, 2026
JUDGED_HEARTS, JUDGED_BATCHES = 16, 20  # that the network never saw
STATE_STEPS = 250  # between resumable states; a minute


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches of {BATCH} pictures")
    parser.add_argument("--hearts", type=int, default=HEARTS, help="random hearts to cut, of each world")
    parser.add_argument("--seed", type=int, default=SEED, help="of everything")
    parser.add_argument("--world", choices=list(WORLDS), nargs="+", default=[WIDE.name], help="of hearts and signals")
    parser.add_argument("--start", type=Path, help="weights to go on from, with a lower rate; by default, new ones")
    parser.add_argument("--output", type=Path, required=True, help="weights as safetensors; a model card beside")
    args = parser.parse_args(arguments)
    # start-up: torch is imported once there is something to do
    import numpy as np

    from vita.contouring import card, network
    from vita.contouring.fitting import fit
    from vita.contouring.mixture import mixed
    from vita.contouring.resuming import Resumable, beside

    start = network.load(args.start) if args.start else None
    earlier = "\n".join(card.history(network.facts_of(args.start))) if args.start else ""
    worlds = [WORLDS[name] for name in args.world]
    pictures = mixed(worlds, args.hearts, np.random.default_rng([args.seed, 1]), args.seed)
    log.info("%d hearts of each world: %s", args.hearts, ", ".join(args.world))
    facts = {"seed": str(args.seed), "hearts": str(args.hearts), "world": " ".join(args.world), "earlier": earlier}

    def keep(model: "Contours", steps: int) -> None:
        write(model, args.output, facts | {"steps": str(steps)})

    digest = fingerprint.of_file(args.start) if args.start else ""
    identity = facts | {"steps": args.steps, "batch": BATCH, "data": {"start": digest}}
    resumable = Resumable(beside(args.output), identity, STATE_STEPS)
    keep(fit(pictures, args.steps, BATCH, args.seed, keep, start, resumable), args.steps)
    resumable.finished()


def write(model: "Contours", output: Path, facts: dict[str, str]) -> None:
    """Judge weights on hearts not learnt on, and write them with a model card.

    Args:
        model: of these weights.
        output: file; the card is written beside it.
        facts: see `vita.contouring.card.write`.
    """
    import numpy as np

    from vita.contouring import card, network
    from vita.contouring.fitting import judge
    from vita.contouring.mixture import mixed

    seed, worlds = int(facts["seed"]), [WORLDS[name] for name in facts["world"].split()]
    others = mixed(worlds, JUDGED_HEARTS, np.random.default_rng([seed, 2]), seed + 1)
    dice = judge(model, others, JUDGED_BATCHES, BATCH)
    log.info("Dice on hearts not seen: %s", ", ".join(f"{name} {value:.3f}" for name, value in dice.items()))
    scores = {f"dice {name}": f"{value:.3f}" for name, value in dice.items()}
    network.save(model, output, facts | scores | {"data": "synthetic only"})
    card.write(output, facts, dice, sum(part.numel() for part in model.parameters()), BATCH)


if __name__ == "__main__":
    cli.run(main)
