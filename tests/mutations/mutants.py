"""Semantic mistakes that the tests must notice: what is written wrongly, where, and which tests should fail.

A mutant is found by its text, which stands once in the package that it names, so that modules may move.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        package: folder below `src/vita` in which `old` stands exactly once.
        old: the right text.
        new: the wrong text.
        tests: files or folders below `tests`, any of which should fail.
        means: what goes wrong, in words.
    """

    package: str
    old: str
    new: str
    tests: tuple[str, ...]
    means: str


MODELS, TRAINING = ("models",), ("training",)
METRICS = ("evaluation",)

MUTANTS = (
    # models: positions, patches, masking
    Mutant("models", "_WAVELENGTH = 10_000.0", "_WAVELENGTH = 1_000.0", MODELS, "another wavelength of positions"),
    Mutant(
        "models",
        "torch.stack([angle.sin(), angle.cos()], dim=-1)",
        "torch.stack([angle.cos(), angle.sin()], dim=-1)",
        MODELS,
        "cosines before sines in interleaved positions",
    ),
    Mutant(
        "models",
        "torch.cat([angle.sin(), angle.cos()], dim=1)",
        "torch.cat([angle.cos(), angle.sin()], dim=1)",
        MODELS,
        "cosines before sines in block positions",
    ),
    Mutant("models", "view_of_plane[:plane].count(view)", "plane", MODELS, "slices counted over both views"),
    Mutant(
        "models", 'if settings.positions == "4d":', 'if settings.positions != "4d":', MODELS, "view channel inverted"
    ),
    Mutant(
        "models",
        "sines_and_cosines(torch.arange(features), width + width % 2)",
        "sines_and_cosines(torch.arange(1, features + 1), width + width % 2)",
        MODELS,
        "positions of the table start at 1",
    ),
    Mutant(
        "models",
        "split.permute(0, 1, 2, 4, 6, 3, 5, 7)",
        "split.permute(0, 1, 2, 6, 4, 3, 5, 7)",
        MODELS,
        "columns before rows in the order of patches",
    ),
    Mutant(
        "models",
        "hidden.scatter(1, order_bn[:, :keep], False)",
        "hidden.scatter(1, order_bn[:, keep:], False)",
        MODELS,
        "seen and hidden patches exchanged",
    ),
    Mutant(
        "models",
        "int(patches * (1 - ratio) + _ROUNDING)",
        "int(patches * ratio + _ROUNDING)",
        MODELS,
        "masking ratio inverted",
    ),
    Mutant(
        "models",
        "hidden = order[:, keep:]",
        "hidden = order[:, :keep]",
        MODELS,
        "Stage I's loss on the patches that are seen",
    ),
    Mutant(
        "models",
        "dim=1), order.argsort(dim=1))",
        "dim=1), order)",
        MODELS,
        "decoder tokens put back in the wrong places",
    ),
    Mutant(
        "models",
        "patches, positions = take(patches, visible), positions[visible]",
        "patches, positions = take(patches, visible), positions[: visible.shape[1]]",
        MODELS,
        "visible patches with the positions of others",
    ),
    Mutant(
        "models",
        "tokens[:, :1], patches], dim=1) + self.positions",
        "tokens[:, :1], patches], dim=1)",
        MODELS,
        "decoder without positions",
    ),
    Mutant(
        "models",
        "self.head(self.norm(tokens_bnd)).sigmoid()",
        "self.head(self.norm(tokens_bnd)).tanh()",
        MODELS,
        "voxels outside 0 to 1",
    ),
    # models: blocks and encoders
    Mutant("models", "_MLP_RATIO = 4", "_MLP_RATIO = 2", MODELS, "narrow MLP"),
    Mutant(
        "models",
        "F.dropout(tokens_bnd, self.dropout, self.training) if self.dropout",
        "tokens_bnd if self.dropout",
        (*MODELS, *TRAINING),
        "dropout never applied",
    ),
    Mutant(
        "models",
        "F.gelu(self.fc1(self.norm2(tokens_bnd)))",
        "F.relu(self.fc1(self.norm2(tokens_bnd)))",
        MODELS,
        "ReLU instead of GELU",
    ),
    Mutant(
        "models",
        "numbers_bf[..., None] * self.scale + self.shift",
        "numbers_bf[..., None] * self.scale",
        MODELS,
        "numbers of the table without their shift",
    ),
    Mutant(
        "models",
        "self.lookup(classes_bf.long() + self.first_row)",
        "self.lookup(classes_bf.long())",
        MODELS,
        "features share the rows of one lookup",
    ),
    # models: alignment
    Mutant(
        "models",
        "return tokens_bnd[:, 1:].mean(dim=1)\n\n\ndef _projector",
        "return tokens_bnd.mean(dim=1)\n\n\ndef _projector",
        (*MODELS, *TRAINING),
        "class token in Stage II's pooling and all embeddings",
    ),
    Mutant(
        "models",
        "(lam * from_image + (1 - lam) * from_table).mean()",
        "((1 - lam) * from_image + lam * from_table).mean()",
        MODELS,
        "the two directions of lambda exchanged",
    ),
    Mutant(
        "models",
        "F.normalize(table_bp.float(), dim=1).T / tau",
        "F.normalize(table_bp.float(), dim=1).T * tau",
        MODELS,
        "temperature inverted",
    ),
    Mutant(
        "models",
        "(similarity > similarity.diagonal()[:, None])",
        "(similarity > similarity.diagonal()[None, :])",
        MODELS,
        "retrieval ranked from the table's side",
    ),
    Mutant(
        "models",
        'return tokens_bnd[:, 1:].mean(dim=1) if self.pooling == "mean"',
        'return tokens_bnd.mean(dim=1) if self.pooling == "mean"',
        MODELS,
        "class token in Stage III's pooling",
    ),
    # evaluation
    Mutant("evaluation", "np.arange(order.size, 0, -1)", "order.size", METRICS, "Bonferroni instead of Holm"),
    Mutant(
        "evaluation",
        "np.minimum(np.maximum.accumulate(steps), 1.0)",
        "np.minimum(steps, 1.0)",
        METRICS,
        "Holm's p values not monotone",
    ),
    Mutant(
        "evaluation", "[(1 - LEVEL) / 2, (1 + LEVEL) / 2]", "[1 - LEVEL, LEVEL]", METRICS, "90 % intervals called 95 %"
    ),
    Mutant(
        "evaluation",
        "of_positive.var(ddof=1) / of_positive.size + of_negative",
        "of_positive.var(ddof=1) / of_negative.size + of_negative",
        METRICS,
        "DeLong's variance over the wrong count",
    ),
    Mutant(
        "evaluation",
        "2 * scipy.stats.norm.sf(abs(difference)",
        "scipy.stats.norm.sf(abs(difference)",
        METRICS,
        "one-sided DeLong test",
    ),
    Mutant(
        "evaluation",
        "_ratio(2 * true_positive, positive + calls)",
        "_ratio(true_positive, positive + calls)",
        METRICS,
        "F1 halved",
    ),
    Mutant(
        "evaluation",
        '"recall": _ratio(true_positive, positive)',
        '"recall": _ratio(true_positive, calls)',
        METRICS,
        "precision instead of recall",
    ),
    Mutant("evaluation", "np.diff(descending) != 0, True", "np.diff(descending) != 2, True", METRICS, "ties not seen"),
    Mutant(
        "evaluation",
        "score >= found.threshold, weights",
        "score > found.threshold, weights",
        METRICS,
        "the threshold itself not positive",
    ),
    Mutant(
        "evaluation",
        '"brier": weights @ (truth - score) ** 2 / n',
        '"brier": weights @ np.abs(truth - score) / n',
        METRICS,
        "absolute instead of squared error",
    ),
    Mutant(
        "evaluation",
        "best = max(areas, key=lambda name: areas[name])",
        "best = min(areas, key=lambda name: areas[name])",
        METRICS,
        "tested against the worst baseline (AUC)",
    ),
    Mutant(
        "evaluation",
        "best = min(errors, key=lambda name: errors[name].mean())",
        "best = max(errors, key=lambda name: errors[name].mean())",
        METRICS,
        "tested against the worst baseline (MAE)",
    ),
    Mutant(
        "evaluation",
        '"bias": (found.prediction - found.truth).mean()',
        '"bias": (found.truth - found.prediction).mean()',
        METRICS,
        "sign of the bias",
    ),
    Mutant(
        "evaluation",
        '"sd": error.std(ddof=1) if n > 1',
        '"sd": error.std(ddof=0) if n > 1',
        METRICS,
        "SD of the population",
    ),
    Mutant("evaluation", "PERCENTILE = 0.95", "PERCENTILE = 0.90", METRICS, "HD90 called HD95"),
    Mutant(
        "evaluation",
        "float(max(forward.max(), backward.max()))",
        "float(forward.max())",
        METRICS,
        "one-sided Hausdorff distance",
    ),
    Mutant("evaluation", "np.divide(2 * intersection, total", "np.divide(intersection, total", METRICS, "Dice halved"),
    Mutant(
        "evaluation",
        "& known).reshape(-1",
        ").reshape(-1",
        METRICS,
        "predictions where nothing is annotated count as wrong",
    ),
    Mutant(
        "evaluation",
        "np.where(cavity > 0, cavity, np.iinfo(np.int64).max).argmin()",
        "cavity.argmax()",
        METRICS,
        "end-systole at the largest cavity",
    ),
    # phenotypes
    Mutant("images", "MYOCARDIUM_G_PER_ML = 1.05", "MYOCARDIUM_G_PER_ML = 1.0", ("images",), "density of muscle"),
    Mutant(
        "images", "AREA_LENGTH = 8 / (3 * np.pi)", "AREA_LENGTH = 4 / (3 * np.pi)", ("images",), "area-length formula"
    ),
    Mutant(
        "images",
        "= volumes[first], volumes[es]",
        "= volumes[first], np.nanmin(volumes)",
        ("images",),
        "RV end-systole at the RV's own minimum",
    ),
    Mutant(
        "images",
        'first = 0 if ed == "first" else largest',
        "first = largest",
        ("images",),
        "end-diastole always the largest frame",
    ),
    Mutant(
        "images",
        "100 * (1 - smallest / largest)",
        "100 * (largest / smallest - 1)",
        ("images",),
        "atrial ejection fraction over the minimum",
    ),
    # table
    Mutant(
        "tabular",
        "((value.fill_null(feature.fill) - feature.mean) / feature.std)",
        "((value.fill_null(0.0) - feature.mean) / feature.std)",
        ("tabular",),
        "a missing number becomes 0 in its unit",
    ),
    Mutant(
        "tabular",
        'fit(table.filter(pl.col("split") == "train"), features',
        "fit(table, features",
        ("tabular",),
        "statistics of the table from everybody",
    ),
    Mutant(
        "tabular",
        'fill = mean if impute == "mean" else',
        'fill = mean if impute != "mean" else',
        ("tabular",),
        "mean and median imputation exchanged",
    ),
    Mutant(
        "tabular",
        'keys = [task, "diseases"] if task',
        "keys = [task] if task",
        ("tabular",),
        "diseases' exclusions forgotten",
    ),
    # training
    Mutant(
        "training",
        "known = values.reindex(train.eids)",
        "known = values",
        TRAINING,
        "target mean, SD and shares from everybody",
    ),
    Mutant(
        "training",
        "if judged < progress.best_judged:",
        "if judged > progress.best_judged or True:",
        TRAINING,
        "the last weights instead of the best",
    ),
    Mutant(
        "training",
        "if patience and progress.stale >= patience:",
        "if patience and progress.stale > 10**9:",
        TRAINING,
        "early stopping never",
    ),
    Mutant("training", "if gradient_clip_val:", "if gradient_clip_val and False:", TRAINING, "gradients never clipped"),
    Mutant(
        "training",
        "((stage.weight_decay, False), (0.0, True))",
        "((stage.weight_decay, True), (0.0, False))",
        TRAINING,
        "decay on vectors instead of matrices",
    ),
    Mutant(
        "training",
        "_TRAIN, self.progress.step, self.global_rank)",
        "_TRAIN, self.progress.step)",
        TRAINING,
        "the same random numbers on every rank",
    ),
    Mutant(
        "training",
        "probability = (logits - shift.to(raw)).softmax(dim=1)",
        "probability = (logits + shift.to(raw)).softmax(dim=1)",
        TRAINING,
        "odds corrected with the wrong sign",
    ),
    Mutant(
        "training",
        "raw[:, 0] * known.std + known.mean",
        "raw[:, 0] * known.std",
        TRAINING,
        "predictions without the mean",
    ),
    Mutant(
        "training",
        "f1[: len(thresholds)].argmax()",
        "f1[: len(thresholds)].argmin()",
        TRAINING,
        "threshold of the worst F1",
    ),
    Mutant(
        "training",
        "(1 - log_probability.exp()) ** _FOCUS",
        "log_probability.exp() ** _FOCUS",
        TRAINING,
        "focal weight inverted",
    ),
    Mutant(
        "training",
        "(share.max() / share.clamp(min=share.max() / _MAX_WEIGHT)).clamp(max=_MAX_WEIGHT)",
        "torch.ones_like(share)",
        TRAINING,
        "class weights all one",
    ),
    Mutant(
        "training",
        "torch.multinomial(self.weights, self.participants",
        "torch.multinomial(torch.ones_like(self.weights), self.participants",
        TRAINING,
        "balanced sampling off",
    ),
    Mutant(
        "training",
        "batch[self.rank :: self.ranks]",
        "batch[:: self.ranks]",
        TRAINING,
        "every rank sees the same participants",
    ),
    Mutant(
        "training", "0.5 * (1.0 + math.cos(", "0.5 * (1.0 - math.cos(", TRAINING, "learning rate rises after warm-up"
    ),
    Mutant("training", "return epoch / warmup\n", "return 1.0\n", TRAINING, "no warm-up"),
    Mutant(
        "training",
        "order[: self.steps * self.batch]",
        "order.sort().values[: self.steps * self.batch]",
        TRAINING,
        "participants never shuffled",
    ),
    Mutant(
        "training",
        'by_metric = self.settings.stage.select == "metric"',
        'by_metric = self.settings.stage.select != "metric"',
        TRAINING,
        "best weights by the metric instead of the loss",
    ),
    Mutant("training", "return -metrics[", "return metrics[", TRAINING, "the worst PSNR selects the weights"),
    Mutant(
        "training", "torch.tensor([1.0, _DOUBLE])", "torch.tensor([_DOUBLE, 1.0])", TRAINING, "negatives count twice"
    ),
    Mutant(
        "training",
        "torch.rand(len(images), generator=generator) < 0.5",
        "torch.rand(len(images), generator=generator) < 1.5",
        TRAINING,
        "full contrast of everybody",
    ),
    Mutant(
        "training", "epochs = math.inf if constant", "epochs = math.inf if not constant", TRAINING, "rates exchanged"
    ),
    Mutant(
        "models",
        "return pool(tokens_bnd) if self.first_token else",
        "return pool(tokens_bnd) if not self.first_token else",
        (*MODELS, *TRAINING),
        "class token pooled, and left out where it is asked for",
    ),
    Mutant(
        "evaluation", "std(ddof=1).where(whole[name])", "std(ddof=0).where(whole[name])", METRICS, "SD of all seeds"
    ),
    Mutant(
        "evaluation", "rows.count() == len(runs)", "rows.count() > 0", METRICS, "mean over the seeds that there are"
    ),
    Mutant(
        "images",
        "if intensity == JOINT:",
        "if intensity != JOINT:",
        ("images",),
        "each view its own range, and all one where each is asked for",
    ),
    Mutant(
        "training",
        "return Lines(slope, tuple(",
        "return Lines(1.0, tuple(",
        TRAINING,
        "classes that are too sure stay so",
    ),
    Mutant(
        "evaluation",
        "np.abs(np.asarray(ratio) - 1) > OFF",
        "np.asarray(ratio) - 1 > OFF",
        METRICS,
        "calibration off only where it is too high",
    ),
)
