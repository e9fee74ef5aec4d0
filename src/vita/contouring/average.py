"""Weights between those that a training began with and those that it ended with: less is forgotten.

The mean of two networks of which one began as the other is often better than both, on what either learnt (Wortsman et
al., Model soups, ICML 2022; Robust fine-tuning, CVPR 2022). The weights that come with the package are such a mean;
their model card has the commands of all trainings.
"""

from pathlib import Path

from vita.runtime import cli
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--start", type=Path, required=True, help="weights that the training began with")
    parser.add_argument("--trained", type=Path, required=True, help="those that it ended with")
    parser.add_argument("--share", type=float, required=True, help="of the way from the first to the second, 0 to 1")
    parser.add_argument("--output", type=Path, required=True, help="weights as safetensors; a model card beside")
    args = parser.parse_args(arguments)
    if not 0 < args.share < 1:
        raise UserError(f"--share is {args.share:g}, but must lie between 0 and 1")
    # start-up: torch is imported once there is something to do
    from vita.contouring import network
    from vita.contouring.fitting import approach
    from vita.contouring.train import write

    mean = network.load(args.start)
    approach(mean, network.load(args.trained), args.share)
    facts = network.facts_of(args.trained)
    if not facts.get("earlier") or "share" in facts:
        raise UserError(f"{args.trained}: not the end of a training that went on from other weights (--start)")
    kept = {name: facts[name] for name in ("seed", "steps", "hearts", "world", "earlier")}
    write(mean, args.output, kept | {"share": f"{args.share:g}"})


if __name__ == "__main__":
    cli.run(main)
