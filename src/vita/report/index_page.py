"""The run on one page, which opens offline and prints: headline numbers, tables, figures with captions, provenance.

    python -m vita.report.index_page --results results --config results/config.json
        --captions workflow/report --output results/index.html

Tables and figures appear in the order of vita.names; those that the run did not make are left out. Figures are embedded
in the page.
"""

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup, escape

from vita import names
from vita.config.typed import Configuration
from vita.printing.cells import Cell, Printed
from vita.printing.web import part, render
from vita.report import captions, measured, measured_masks
from vita.report.figures import style
from vita.report.measured_line import Line
from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError

TEMPLATES = Path(__file__).with_name("templates")
FIRST_TABLES = tuple(table.name for table in names.TABLES[:4])
TRAINING_FIGURE = "learning_curves"
CARDS = {"data_card": "Participants and exclusions", "run_times": "Run times", "run_card": "Provenance"}
LINKS = {"model_card.html": "Model card", "report.html": "Snakemake's report"}
NOTICE = "Research software, not a medical device."


@dataclass(frozen=True)
class Part:
    """A table or a figure (`png` in base64, with its caption as body) and the name of its anchor.

    `share` is the figure's width in percent of that of a page.
    """

    name: str
    title: str
    body: Markup
    png: str = ""
    share: int = 100


@dataclass(frozen=True)
class Section:
    """A section of the page with an entry in its menu."""

    name: str
    title: str
    parts: list[Part]


@dataclass(frozen=True)
class Run:
    """A finished run and the texts that describe it."""

    results: Path
    config: Configuration
    templates: Path  # of captions, in reStructuredText

    @property
    def phantom(self) -> bool:
        """Whether all participants are synthetic."""
        return bool(self.config["input"]["source"] == "phantom")

    def caption(self, template: str, **wildcards: str) -> Markup:
        """A caption as HTML."""
        text = (self.results / "captions.rst").read_text(encoding="utf-8")
        return captions.rendered(self.templates / f"{template}.rst", text, self.config, wildcards)


def headline(run: Run) -> Printed:
    """The numbers that a reader looks for first; the aims are those of the default run on the phantom."""
    lines = [*measured.participants(run.results), *_errors(run), *_auc(run), *_dice(run)]
    histories = [run.results / f"models/{stage}/vita/history.csv" for stage in ("stage1", "stage2")]
    lines += measured.pretraining(run.results) if all(path.is_file() for path in histories) else []
    out = Printed("Headline numbers", ["", "Value", *(["Aim of the default run", "Reached"] * run.phantom)], words=4)
    verdicts = {True: "yes", False: "no", None: ""}
    for line in lines:
        name = line.name[:1].upper() + line.name[1:]
        cells = [name, line.value, *([line.aim, verdicts[line.reached]] if run.phantom else [])]
        out.rows.append([Cell(text) for text in cells])
    return out


def _table(run: Run, name: str) -> pd.DataFrame | None:
    path = run.results / "tables" / f"{name}.csv"
    return pd.read_csv(path) if path.is_file() else None


def _errors(run: Run) -> list[Line]:
    """Average error of each system in Tables 1 to 3."""
    lines = []
    for name in FIRST_TABLES[:3]:
        table = _table(run, name)
        if table is None:
            continue
        average = table.set_index("target").loc["Average"]
        mae = {s: average[f"{s}_mae"] for s in names.SYSTEM_TITLES if pd.notna(average.get(f"{s}_mae"))}
        words = "; ".join(f"{names.title(system)} {value:.2f}" for system, value in mae.items())
        aim, reached = "", None
        if name == FIRST_TABLES[0] and {names.MAIN_SYSTEM, names.MEAN_GUESS} <= mae.keys():
            aim = f"ViTa at most {measured.LARGEST_RATIO:g} of the mean guess"
            reached = bool(mae[names.MAIN_SYSTEM] <= measured.LARGEST_RATIO * mae[names.MEAN_GUESS])
        lines.append(Line(f"{names.TABLE_TITLES[name]}, average MAE", words, aim, reached))
    return lines


def _auc(run: Run) -> list[Line]:
    """AUC of each disease by the main system."""
    table = _table(run, FIRST_TABLES[3])
    if table is None:
        return []
    auc = table[table["model"] == names.MAIN_SYSTEM].set_index("title")["auc"].dropna()
    aim = f"{measured.FEWEST_DISEASES} at least {measured.LOWEST_AUC}"
    reached = int((auc >= measured.LOWEST_AUC).sum()) >= measured.FEWEST_DISEASES
    words = "; ".join(f"{title} {value:.2f}" for title, value in auc.items())
    return [Line(f"{names.TABLE_TITLES[FIRST_TABLES[3]]}, AUC of ViTa", words, aim, reached)] if words else []


def _dice(run: Run) -> list[Line]:
    """Dice of each structure by the main system."""
    table = _table(run, "segmentation")
    if table is None:
        return []
    whole = table[(table["view"] == "all") & (table["phase"] == "all") & (table["model"] == names.MAIN_SYSTEM)]
    dice = whole.set_index("target")["dice"].dropna()
    words = "; ".join(f"{name} {value:.2f}" for name, value in dice.items())
    aims = pd.Series({name: aim.dice for name, aim in measured_masks.AIMS.items()}).reindex(dice.index)
    aim = f"at least {', '.join(f'{value:g}' for value in aims)}"
    line = Line("Segmentation, Dice of ViTa", words, aim, bool((dice >= aims).all()))
    return [line] if words else []


def body(page: Path) -> Markup:
    """The content of another page of this package, with its headings two levels lower.

    Raises:
        UserError: it is missing or not such a page.
    """
    if not page.is_file():
        raise UserError(f"no page {page}: run the rule that makes it")
    found = re.search(r"<body>\n(.*)</body>", page.read_text(encoding="utf-8"), re.DOTALL)
    if not found:
        raise UserError(f"{page} is not a page of this package")
    # where a cell has two lines, a spread and an interval are one of them
    kept_together = found[1].replace(" ± ", " ±\N{NO-BREAK SPACE}")
    kept_together = re.sub(r"(?<=\d)–(?=\d)", "–\N{WORD JOINER}", kept_together)
    lower = re.sub(r"(</?h)([1-4])\b", lambda match: f"{match[1]}{int(match[2]) + 2}", kept_together)
    return Markup(lower)  # written by vita.printing.web, which has escaped its texts


def sections(run: Run) -> list[Section]:
    """All sections that have something to show."""
    found = [Section("headline", "Headline numbers", [Part("", "", part(headline(run)))])]
    later = [table.name for table in names.TABLES if table.name not in FIRST_TABLES]
    figures = [figure.name for figure in names.FIGURES if figure.name != TRAINING_FIGURE]
    found.append(Section("tables", "Tables 1 to 4", _tables(run, FIRST_TABLES)))
    found.append(Section("figures", "Figures", _figures(run, figures)))
    found.append(Section("training", "Training", _figures(run, [TRAINING_FIGURE])))
    found.append(Section("more_tables", "More tables", _tables(run, later)))
    compared = [(f"{table.name}_vs_paper", table.title) for table in names.TABLES]
    pages = {name: (run.results / "tables" / f"{name}.html", title) for name, title in compared}
    beside = [Part(name, title, body(page)) for name, (page, title) in pages.items() if page.is_file()]
    beside = [part for part in beside if "<table" in part.body]  # the paper prints numbers for it
    found.append(Section("paper", "Comparison with the paper", beside))
    for name, title in CARDS.items():
        page = run.results / f"{name}.html"
        found.append(Section(name, title, [Part("", "", body(page))] if page.is_file() else []))
    return [section for section in found if section.parts]


def _tables(run: Run, wanted: list[str] | tuple[str, ...]) -> list[Part]:
    pages = {name: run.results / "tables" / f"{name}.html" for name in wanted}
    return [
        Part(name, names.TABLE_TITLES[name], body(page) + _table_caption(run, name))
        for name, page in pages.items()
        if page.is_file()
    ]


def _table_caption(run: Run, name: str) -> Markup:
    if name in (*names.ABLATION_TABLES, names.FRAMES_TABLE):
        return run.caption("ablation", ablation=name)
    own = {names.ALIGNMENT_TABLE: "ablation_alignment", names.ACQUISITION_TABLE: "acquisition", "overlap": "overlap"}
    own |= {table: table for table in names.EXTENSION_TABLES.values()}
    return run.caption(own[name]) if name in own else run.caption("table", table=name)


def _figures(run: Run, wanted: list[str]) -> list[Part]:
    pictures = {name: run.results / "figures" / f"{name}.png" for name in wanted}
    return [
        Part(
            name,
            names.FIGURE_TITLES[name],
            run.caption(name) + _files(name),
            base64.b64encode(path.read_bytes()).decode("ascii"),
            _share(path),
        )
        for name, path in pictures.items()
        if path.is_file()
    ]


def _share(picture: Path) -> int:
    from PIL import Image  # start-up

    with Image.open(picture) as image:
        return min(100, round(100 * image.width / (style.PAGE_INCHES * style.PNG_DPI)))


def _files(figure: str) -> Markup:
    """Links to a figure's files."""
    links = (f'<a href="figures/{figure}.{form}">{form.upper()}</a>' for form in ("svg", "pdf", "csv"))
    return Markup(f"<p>{', '.join(links)}</p>")  # a figure's name is one of ours


def write_page(results: Path, config: Configuration, templates: Path, output: Path) -> None:
    """Write the page.

    Args:
        results: folder of a finished run.
        config: its configuration.
        templates: folder of the captions' templates.
        output: page to write.

    Raises:
        UserError: something that the page needs is missing.
    """
    if not (results / "captions.rst").is_file():
        raise UserError(f"no {results / 'captions.rst'}: run the rule write_captions")
    run = Run(results, config, templates)
    introduction = run.caption("workflow")
    if not run.phantom:
        introduction += Markup('<p class="notice">{}</p>').format(escape(NOTICE))
    text = render(
        "index.html",
        TEMPLATES,
        title="ViTa on the phantom cohort" if run.phantom else "ViTa",
        introduction=introduction,
        sections=sections(run),
        links=LINKS,
    )
    write_text(output, text)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", required=True, type=Path, help="folder of the run's results")
    parser.add_argument("--config", required=True, type=Path, help="config.json of the run")
    parser.add_argument("--captions", required=True, type=Path, help="folder of the captions' templates")
    parser.add_argument("--output", required=True, type=Path, help="page to write")
    args = parser.parse_args(arguments)
    if not args.config.is_file():
        raise UserError(f"no configuration at {args.config}: run the rule record_config")
    config: Configuration = json.loads(args.config.read_text(encoding="utf-8"))
    write_page(args.results, config, args.captions, args.output)


if __name__ == "__main__":
    cli.run(main)
