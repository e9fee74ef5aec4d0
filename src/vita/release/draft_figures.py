"""The figures of a release: each of the run's in a form without rows of participants."""

import logging
import shutil
from pathlib import Path

from vita import names
from vita.release import page
from vita.release.draft import Draft, placed

log = logging.getLogger(__name__)


def add_figures(release: Draft) -> None:
    """Every figure of the run in its releasable form."""
    from vita.release import figures  # start-up: they bring matplotlib
    from vita.report.figures import style

    style.apply()
    target = release.folder / "figures"
    target.mkdir()
    order = [figure.name for figure in names.FIGURES]
    for path in sorted((release.results / "figures").glob("*.csv"), key=lambda path: placed(path.stem, order)):
        name = path.stem
        title = names.FIGURE_TITLES.get(name, name)
        if figures.released_as_pixels(name, release.cohort.phantom):
            _add_pixels(release, name, title)
            continue
        if name in figures.AS_IT_IS:
            for form in ("csv", "svg", "png"):
                shutil.copyfile(path.with_suffix(f".{form}"), target / f"{name}.{form}")
            words = "Losses of models; it contains no data of participants."
            release.figures.append(page.ShownFigure(title, words, f"figures/{name}.svg", f"figures/{name}.csv"))
            continue
        try:
            release.figures.append(_in_cells(release, path, title, release.cell))
        except KeyError:
            release.left_out.append(f"{title}: it has no form without rows of participants.")


def _in_cells(release: Draft, path: Path, title: str, cell: int) -> page.ShownFigure:
    """Write a figure as numbers over at least `cell` people.

    Args:
        path: its CSV in the results.

    Raises:
        KeyError: it has no such form.
    """
    from vita.release import figures  # start-up: they bring matplotlib

    name = path.stem
    found = figures.aggregate(name, figures.drawn_from(name, path, release.results, cell), cell)
    figures.save(found, release.folder / "figures", name)
    drawn = found.figure is not None
    words = f"Numbers over at least {cell} people each." if drawn else "Too few people for any of its numbers."
    image = f"figures/{name}.svg" if drawn else ""
    return page.ShownFigure(title, words, image, f"figures/{name}.csv", cell if drawn else 0)


def coarser_figures(release: Draft, failed: set[Path]) -> set[Path]:
    """Make refused figures once more over twice as many people: of many means, one may resemble a person by chance.

    Returns:
        Files of these figures.
    """
    again: set[Path] = set()
    for place, shown in enumerate(release.figures):
        stem = Path(shown.csv or shown.image).with_suffix("")
        own = {path for path in failed if path.with_suffix("") == stem}
        if own and shown.cell == release.cell:
            source = release.results / "figures" / f"{stem.name}.csv"
            release.figures[place] = _in_cells(release, source, shown.title, 2 * release.cell)
            log.info("%s is made of at least %d people each: the check refuses less", stem.name, 2 * release.cell)
            again |= own
    return again


def _add_pixels(release: Draft, name: str, title: str) -> None:
    """A figure with images of hearts: released for synthetic hearts, left out otherwise."""
    if not release.cohort.phantom:
        release.left_out.append(f"{title}: it shows pixels of participants' scans.")
        return
    for form in ("svg", "png"):
        source = release.results / "figures" / f"{name}.{form}"
        shutil.copyfile(source, release.folder / "figures" / source.name)
        release.made_of[f"figures/{source.name}"] = "images of synthetic hearts"
    release.figures.append(page.ShownFigure(title, "Synthetic hearts.", f"figures/{name}.svg"))
