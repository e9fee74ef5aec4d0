"""The likelihood-ratio attack of sacroml (AI-SDC) on a logistic regression, as numbers to compare others with.

    python -m tests.evaluation.sacroml_lira > tests/evaluation/sacroml_lira.json

It needs sacroml 2.0.1, whose requirements (pandas below 3) do not go with those of this project: use an environment of
its own with sacroml alone.
"""

import json
import tempfile
from typing import Any

import numpy as np

ROWS, COLUMNS, SHADOWS = 40, 12, 12


def attacked() -> dict[str, Any]:
    """Logits of the true class by a model and its shadow models, who was in their trainings, and the scores."""
    from sacroml.attacks import utils
    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.target import Target
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    columns = rng.normal(size=(ROWS, COLUMNS))
    labels = (columns[:, 0] + rng.normal(0, 2, ROWS) > 0).astype(int)
    half = ROWS // 2
    model = LogisticRegression(C=1.0).fit(columns[:half], labels[:half])
    target = Target(
        model=model, X_train=columns[:half], y_train=labels[:half], X_test=columns[half:], y_test=labels[half:]
    )
    with tempfile.TemporaryDirectory() as folder:
        attack = LIRAAttack(
            folder, write_report=False, n_shadow_models=SHADOWS, mode="online-carlini", report_individual=True
        )
        attack.attack(target)
        shadows, inside = np.empty((SHADOWS, ROWS)), np.zeros((SHADOWS, ROWS), bool)
        for number in range(SHADOWS):
            shadow, chosen, _ = utils.get_shadow_model(attack.shadow_path, number)
            sure = shadow.predict_proba(columns)[np.arange(ROWS), labels]
            shadows[number], inside[number, chosen] = [utils.logit(each) for each in sure], True
    metrics = attack.attack_metrics[0]
    own = metrics["individual"]
    found = {"target": own["target_logit"], "score": own["member_prob"], "auc": metrics["AUC"]}
    return {
        name: np.asarray(value).tolist() for name, value in (found | {"shadows": shadows, "inside": inside}).items()
    }


if __name__ == "__main__":
    print(json.dumps(attacked(), indent=None))
