"""Figure 6: physiological features, reference against prediction from images, on the test split.

    python -m vita.figures.fig6_physiological_scatter
        --predictions results/predictions/physiological/vita.parquet
        --targets workflow/resources/targets.tsv
        --svg results/figures/fig6_physiological_scatter.svg --png results/figures/fig6_physiological_scatter.png
        --csv results/figures/fig6_physiological_scatter.csv

Dashed: equality. Red: least-squares line. R2 is the squared correlation.
"""

from pathlib import Path

from vita import cli
from vita.figures import style

TASKS = ["physiological"]
COLUMNS = 4


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, type=Path, help="one system's predictions")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    from vita.figures.scatter_panels import collect, draw

    drawn = collect(args.predictions, args.targets, TASKS)
    style.save(draw(drawn, style.colour(args.predictions[0].stem), COLUMNS), drawn, args)


if __name__ == "__main__":
    cli.run(main)
