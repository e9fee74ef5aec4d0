"""The cost of a run: core hours, GPU hours and disk (Markdown).

    python -m vita.costs --results results --participants 42000

The time per participant for images, and the operations per second of a training step at the paper's size, were measured
by tests/benchmarks on this machine; everything else is scaled from a finished run. Operations of the models are
counted. GPU hours are not measured: they are the operations divided by the assumed speed of a GPU. nnU-Net is not
counted, since it plans its size itself. Trainings that stop early cost less.
"""

from pathlib import Path
from typing import Any, cast

from vita.config.reading import read_config
from vita.config.typed import Configuration
from vita.runtime import cli
from vita.runtime.errors import UserError

_H100_TFLOPS = 989.0  # bfloat16 without sparsity, NVIDIA's data sheet
_ASSUMED_USE = 0.3


def read_configs(paths: list[Path]) -> Configuration:
    """Configurations merged as by Snakemake, where later ones override earlier ones.

    Raises:
        UserError: one is missing.
    """
    from snakemake.utils import update_config

    merged: dict[str, Any] = {}
    for path in paths:
        if not path.is_file():
            raise UserError(f"no configuration at {path}; name those of the run by --config, config.yaml first")
        update_config(merged, read_config(path))
    return cast(Configuration, merged)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of a finished run")
    parser.add_argument(
        "--benchmarks", type=Path, help="folder of the benchmarks' tables; default: <results>/benchmarks"
    )
    parser.add_argument("--participants", type=int, required=True, help="with short- and long-axis scans")
    configs = [Path("config.yaml"), Path("workflow/presets/paper.yaml")]
    parser.add_argument("--config", type=Path, nargs="+", default=configs, help="the run's configurations")
    parser.add_argument("--resources", type=Path, default=Path("workflow/resources"), help="folder of targets.tsv")
    parser.add_argument(
        "--gpu-tflops", type=float, default=_H100_TFLOPS, help="peak speed of the GPU, 10^12 operations per second"
    )
    parser.add_argument("--gpu-use", type=float, help="share of it that training uses; default: as measured, else 0.3")
    args = parser.parse_args(arguments)
    if args.participants < 1:
        raise UserError(f"--participants is {args.participants}; it must be at least 1")
    from vita.costs.table import cost_lines, page  # start-up
    from vita.costs.unit_costs import read_costs

    unit = read_costs(args.results, args.benchmarks or args.results / "benchmarks")
    lines = cost_lines(read_configs(args.config), args.participants, unit, args.resources)
    use, origin = args.gpu_use or unit.gpu_use or _ASSUMED_USE, "measured"
    if args.gpu_use or not unit.gpu_use:
        origin = "assumed"
    print(page(lines, unit, args.gpu_tflops, use, origin))


if __name__ == "__main__":
    cli.run(main)
