"""Figure 5: cardiac phenotypes, reference against prediction from images, on the test split.

    python -m vita.figures.fig5_phenotype_scatter
        --predictions results/predictions/sa_phenotypes/vita.parquet results/predictions/la_phenotypes/vita.parquet
        --targets workflow/resources/targets.tsv
        --svg results/figures/fig5_phenotype_scatter.svg --png results/figures/fig5_phenotype_scatter.png
        --csv results/figures/fig5_phenotype_scatter.csv

Dashed: equality. Red: least-squares line. R2 is the squared correlation.
"""

from pathlib import Path

from vita import cli
from vita.figures import style

TASKS = ["sa_phenotypes", "la_phenotypes"]
COLUMNS = 6


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
