"""Numbers and pictures of the README and its guides, generated from the results of the default run.

    python -m vita.report.readme --results results --pages README.md workflow/guides/results.md
        --images workflow/report/images
        --simulations workflow/resources/simulations.csv   (optional: what simulations found)
        --wall '14 min on 2 cores' --memory '3.2 GB'   (optional: values that no file of the results holds)

Replaces the text between the comments `<!-- measured -->` and `<!-- end of measured -->`, and does the same for
`table1`, `table4` and `figures`, each on the one page that has them; everything else is left unchanged. Pictures are
reduced for the repository (to at most 200 KB).
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from vita.report import measured, measured_line
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

TABLES = {"table1": "table1_sa_phenotypes", "table4": "table4_diseases"}
FIGURES = {
    "label_curves": "Tables 1 and 4 with 2 to 100 % of the labels",
    "fig5_phenotype_scatter": "Phenotypes of the test split predicted by ViTa from images, against the reference",
    "fig8_segmentation_examples": "Masks of every system for the test participant with ViTa's median Dice",
}
WIDEST_PX = 1200
LARGEST_BYTES = 200_000
COLOURS = 128


def replaced(text: str, name: str, content: str) -> str:
    """The text with the block of this name replaced.

    Raises:
        UserError: one of the block's comments is missing or repeated, or they are in the wrong order.
    """
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise UserError(f"the pages must hold the comments {start} and {end} once each, in this order")
    block = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    return block.sub(lambda _: f"{start}\n\n{content.strip()}\n\n{end}", text)


def shrink(source: Path, target: Path) -> None:
    """A picture for the repository: unchanged if it is small, otherwise no wider than `WIDEST_PX` and with few colours.

    Raises:
        UserError: there is no such picture, or it remains too large.
    """
    if not source.is_file():
        raise UserError(f"no figure {source}: run `snakemake` first")
    with replacing(target) as path:
        if source.stat().st_size <= LARGEST_BYTES:
            shutil.copyfile(source, path)
            return
        with Image.open(source) as picture:
            small = picture.convert("RGB")
        small.thumbnail((WIDEST_PX, WIDEST_PX * 2), Image.Resampling.LANCZOS)
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(path, format="PNG", optimize=True)
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError(
                f"{source} still has {path.stat().st_size} bytes after it was reduced, more than {LARGEST_BYTES}"
            )


def table(results: Path, name: str) -> str:
    """A table as the run wrote it.

    Raises:
        UserError: the run has not made it.
    """
    path = results / "tables" / f"{name}.md"
    if not path.is_file():
        raise UserError(f"no table {path}: run `snakemake` first")
    return path.read_text(encoding="utf-8")


def page_of(texts: Mapping[Path, str], name: str) -> Path:
    """The page that has the block of this name; if none has, the first page, which `replaced` then refuses.

    Raises:
        UserError: several pages have it.
    """
    found = [page for page, text in texts.items() if f"<!-- {name} -->" in text]
    if len(found) > 1:
        raise UserError(f"the comment <!-- {name} --> is on {' and '.join(map(str, found))}; leave it on one of them")
    return found[0] if found else next(iter(texts))


def pictures(folder: Path) -> str:
    """The figures with their titles, as Markdown for a page relative to which the pictures are in `folder`."""
    return "\n\n".join(f"![{title}]({folder.as_posix()}/{name}.png)\n\n*{title}.*" for name, title in FIGURES.items())


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", required=True, type=Path, help="folder of a finished default run")
    parser.add_argument("--pages", required=True, nargs="+", type=Path, help="Markdown files to rewrite in place")
    parser.add_argument("--images", required=True, type=Path, help="folder of the README's pictures")
    parser.add_argument("--simulations", type=Path, help="simulations.csv of vita.extensions.simulations")
    parser.add_argument("--wall", help="wall time of the run, in words")
    parser.add_argument("--memory", help="largest memory of all processes together, in words")
    args = parser.parse_args(arguments)
    lines = [line for topic in measured.LINES.values() for line in topic(args.results)]
    lines += measured.simulated(args.simulations) if args.simulations else []
    given = {"wall time": args.wall, "memory of all processes together, at most": args.memory}
    lines += [measured_line.Line(name, value) for name, value in given.items() if value]
    blocks = {"measured": measured_line.markdown(lines)}
    blocks |= {name: table(args.results, file) for name, file in TABLES.items()}
    for name in FIGURES:
        shrink(args.results / "figures" / f"{name}.png", args.images / f"{name}.png")
    texts = {page: page.read_text(encoding="utf-8") for page in args.pages}
    for name in (*blocks, "figures"):
        page = page_of(texts, name)
        content = blocks.get(name) or pictures(Path(os.path.relpath(args.images, page.parent)))
        texts[page] = replaced(texts[page], name, content)
    for page, text in texts.items():
        write_text(page, text)


if __name__ == "__main__":
    cli.run(main)
