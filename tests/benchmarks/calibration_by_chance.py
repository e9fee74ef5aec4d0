"""How far chance takes mean prediction over prevalence, from a finished run's predictions (see the guide to results).

    python tests/benchmarks/calibration_by_chance.py results

Prints, for the six diseases, the share of test splits in which all ratios are within 15 %
    if the main system's probabilities were exactly right (truths drawn from them);
    if a system knew the prevalence of training and validation and nothing else, and it were the true one;
    if those who were held out are divided into validation and test anew, and calibrated anew, for each trained system
    and seed, with the mean log ratio of the six and their correlations;
and, of a phantom run, the ratios of a logistic regression on true phenotypes that was fitted to the training split.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vita import names
from vita.evaluation.classification import is_off
from vita.training.calibration import Line, fit_line

DISEASES = [task.removeprefix("disease_") for task in names.DISEASE_TASKS]
DRAWS, DIVISIONS = 20_000, 300


def held_out(folder: Path, disease: str, system: str) -> pd.DataFrame:
    """`split`, `truth`, `prediction`, and `raw`, the prediction before its calibration, where known."""
    config = json.loads((folder / f"models/disease_{disease}/{system}/config.json").read_text(encoding="utf-8"))
    line = Line(**config["calibration"][disease])
    table = pd.read_parquet(folder / f"predictions/disease_{disease}/{system}.parquet").dropna(subset="truth")
    raw = expit((logit(table["prediction"].clip(1e-12, 1 - 1e-12)) - line.intercept) / line.slope)
    return table.assign(raw=raw).set_index("eid")


def divided(tables: list[pd.DataFrame], trained: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Ratios (divisions, diseases) after new divisions of the people held out, of the same sizes."""
    count = int((tables[0]["split"] == "val").sum())
    found = np.empty((DIVISIONS, len(tables)))
    for division in range(DIVISIONS):
        validation, test = np.split(rng.permutation(len(tables[0])), [count])
        for place, (table, others) in enumerate(zip(tables, trained, strict=True)):
            truth, raw = table["truth"].to_numpy(), table["raw"].to_numpy()
            line = fit_line(truth[validation], raw[validation], float(np.r_[others, truth[validation]].mean()))
            found[division, place] = line.apply(raw[test]).mean() / truth[test].mean()
    return found


def of_true_phenotypes(results: Path, known: pd.DataFrame, split: pd.Series) -> None:
    """Print the ratios, in validation and test, of regressions on the phantom's true phenotypes."""
    truth = pd.read_parquet(results / "phantom/truth.parquet").set_index("eid").dropna(axis=1)
    for disease in DISEASES:
        own = known[disease].dropna().astype(float)
        place, values = split[own.index], truth.loc[own.index]
        train = place == "train"
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(values[train], own[train])
        given = pd.Series(model.predict_proba(values)[:, 1], own.index)
        ratios = [f"{name} {given[place == name].mean() / own[place == name].mean():.2f}" for name in ("val", "test")]
        print(f"true phenotypes, {disease}: {', '.join(ratios)}")


def main() -> None:
    """Command line, see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of a finished run")
    results, rng = parser.parse_args().results, np.random.default_rng(0)
    split = pd.read_parquet(results / "cohort/split.parquet").set_index("eid")["split"]
    known = pd.read_parquet(results / "cohort/labels.parquet").set_index("eid")[DISEASES]
    known = known.loc[known.index.intersection(split.index)]
    place = split[known.index]
    fitted = [known.loc[place != "test", disease].dropna().astype(float) for disease in DISEASES]

    tables = [held_out(results, disease, names.MAIN_SYSTEM).query("split == 'test'") for disease in DISEASES]
    right = np.column_stack([table["prediction"] for table in tables])
    drawn = (rng.random((DRAWS, *right.shape)) < right).mean(axis=1)
    print(f"right probabilities: all within {(~is_off(right.mean(axis=0) / drawn)).all(axis=1).mean():.3f}")
    shares = np.array([own.mean() for own in fitted])
    drawn = rng.binomial(len(right), shares, (DRAWS, len(shares))) / len(right)
    print(f"true prevalence alone: all within {(~is_off(shares / drawn)).all(axis=1).mean():.3f}")

    trained = [known.loc[place == "train", disease].dropna().to_numpy(float) for disease in DISEASES]
    further = (each for each in (results / "seeds").glob("*") if each.name.isdigit())
    for folder in [results, *sorted(further)]:
        for system in names.table("table4_diseases").systems:
            tables = [held_out(folder, disease, system) for disease in DISEASES]
            tests = [table.query("split == 'test'") for table in tables]
            observed = np.log([table["prediction"].mean() / table["truth"].mean() for table in tests])
            ratios = divided(tables, trained, rng)
            print(
                f"{folder.name} {system}: mean log ratio {observed.mean():.3f}; divided anew: all within "
                f"{(~is_off(ratios)).all(axis=1).mean():.3f}, mean log ratio {np.log(ratios).mean():.3f}, "
                f"correlations\n{pd.DataFrame(np.log(ratios), columns=DISEASES).corr().round(2).to_string()}"
            )
    if (results / "phantom/truth.parquet").is_file():
        of_true_phenotypes(results, known, split)


if __name__ == "__main__":
    main()
