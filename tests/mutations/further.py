"""More semantic mistakes, of newer parts: extensions, the network that draws masks, probes, calibration and seeds."""

from mutations.mutant import Mutant

HAND, CONTROLS = "training/test_by_hand.py::", "training/test_controls.py::"
CONFORMAL, ANY_PART = ("extensions/test_conformal.py",), "extensions/test_any_part.py::"

_BY_VAL = (
    'validation = (samples.split == "val").to_numpy()\n'
    "    truth = task.truth.reindex(samples.eids).to_numpy(float)\n    "
)
_BY_TEST = _BY_VAL.replace('"val"', '"test"')

FURTHER = (
    # training: what is chosen on which split
    Mutant(
        "training",
        _BY_VAL + "return {",
        _BY_TEST + "return {",
        (f"{HAND}test_thresholds_come_from_the_validation_split",),
        "thresholds chosen on the test split",
    ),
    Mutant(
        "training",
        _BY_VAL + "fitted",
        _BY_TEST + "fitted",
        (f"{HAND}test_calibration_comes_from_the_validation_split_and_the_prevalence_from_training_too",),
        "calibration fitted on the test split",
    ),
    Mutant(
        "training",
        'split.index[split.isin(["train", "val"])]',
        'split.index[split.isin(["val"])]',
        (f"{HAND}test_calibration_comes_from_the_validation_split_and_the_prevalence_from_training_too",),
        "prevalence from validation alone",
    ),
    Mutant(
        "training",
        "np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))",
        "truth",
        ("training/test_calibration.py::test_the_slope_is_that_of_scikit_learn",),
        "Platt's targets without smoothing",
    ),
    Mutant(
        "training",
        "np.abs(head(features_nf[validate])[:, 0] - truth_n[validate]).mean() if",
        "np.abs(head(features_nf[train])[:, 0] - truth_n[train]).mean() if",
        (f"{CONTROLS}test_a_ridge_by_hand_with_the_penalty_that_validation_chooses",),
        "a probe's penalty chosen on what it was fitted to",
    ),
    Mutant(
        "training",
        "mean, spread = scale(features_nf[train_n])",
        "mean, spread = scale(features_nf)",
        (f"{CONTROLS}test_statistics_of_features_come_from_training_alone",),
        "mean and SD of a probe's features from everybody",
    ),
    Mutant(
        "training",
        "LogisticRegression(C=1 / penalty",
        "LogisticRegression(C=penalty",
        (f"{CONTROLS}test_classes_as_scikit_learn_with_the_penalty_that_validation_chooses",),
        "penalty of logistic regressions inverted",
    ),
    Mutant(
        "training",
        'values.loc[split == "train", target.name]',
        "values[target.name]",
        ("training/test_stages.py::test_mean_guess_is_the_mean_of_train",),
        "mean guess from everybody",
    ),
    # training: losses, steps and predictions
    Mutant(
        "training",
        "head.bias_o + odds_shift.double().numpy()",
        "head.bias_o - odds_shift.double().numpy()",
        ("training/test_head_start.py::test_classes_start_with_the_probabilities_of_the_logistic_regression",),
        "a linear head starts at the wrong odds",
    ),
    Mutant(
        "training",
        "return total / sections",
        "return total",
        (f"{CONTROLS}test_tokens_are_averaged_per_plane_and_over_sections",),
        "sum instead of mean over the sections of the cycle",
    ),
    Mutant(
        "training",
        "clamp(min=_SMALLEST_SHARE).log() + self.class_weights[column].log()",
        "clamp(min=_SMALLEST_SHARE).log()",
        ("training/test_watchdog.py::test_the_trivial_loss_of_a_weighted_disease_is_that_of_even_odds",),
        "trivial loss of a weighted disease without the weights",
    ),
    Mutant(
        "training",
        "trivial - _MARGIN * abs(trivial)",
        "trivial + _MARGIN * abs(trivial)",
        ("training/test_watchdog.py::test_two_percent_below_is_not_learned",),
        "a training at the trivial loss has learned",
    ),
    Mutant(
        "training",
        '({} if masks is None else {"masks": masks})',
        "{}",
        (f"{HAND}test_masks_are_moved_with_the_images_of_a_training_step",),
        "masks stay where they are while images turn",
    ),
    Mutant(
        "training",
        "shift = mean * (1 - factor_b)",
        "shift = mean * 0",
        ("training/test_augment.py::test_contrast_is_stretched_around_the_mean_of_each_heart",),
        "contrast changes the mean brightness",
    ),
    Mutant(
        "training",
        '",".join(map(str, numbers))',
        '"".join(map(str, numbers))',
        ("training/test_data.py::test_seeds_of_neighbours_differ",),
        "seeds 1 and 23 are 12 and 3",
    ),
    Mutant(
        "training",
        "reversed(list(zip(passes, classes, strict=True)))",
        "zip(passes, classes, strict=True)",
        ("training/test_frames.py::test_a_frame_has_the_mask_of_the_first_pass_that_takes_it",),
        "a frame's mask from the last pass instead of the first",
    ),
    # models
    Mutant(
        "models",
        "(features_bf - self.mean) / self.std",
        "features_bf / self.std",
        ("training/test_head_start.py::test_numbers_start_as_the_ridge",),
        "features of the linear head not centred",
    ),
    Mutant(
        "models",
        "patches.reshape(len(patches), planes, -1, patches.shape[2]).mean(dim=2)",
        "patches.reshape(len(patches), -1, planes, patches.shape[2]).mean(dim=1)",
        (f"{CONTROLS}test_tokens_are_averaged_per_plane_and_over_sections",),
        "tokens averaged over planes instead of within each",
    ),
    Mutant(
        "models",
        "(rank < best).float()",
        "(rank <= best).float()",
        ("models/test_encoders.py::test_retrieval_counts_the_best",),
        "the second best counts as the best",
    ),
    Mutant(
        "models",
        'float("-inf"))',
        "0.0)",
        ("models/test_golden.py::test_contrastive_loss",),
        "the positive pair stays in equation 3's denominator",
    ),
    # evaluation
    Mutant(
        "evaluation",
        "(part - auc) / np.sqrt(part.size * (part.size - 1))",
        "(part - auc) / part.size",
        ("evaluation/test_statistics.py::test_influences_add_up_to_delongs_variance_and_covariance",),
        "variance of AUCs over draws too small",
    ),
    Mutant(
        "evaluation",
        '"calibration_intercept": logistic(truth, ones, odds)',
        '"calibration_intercept": logistic(truth, ones, nothing)',
        ("evaluation/test_statistics.py",),
        "intercept of calibration without the predictions",
    ),
    Mutant(
        "evaluation",
        "between(1, SMALLEST_COUNT - 1)",
        "between(1, SMALLEST_COUNT - 2)",
        ("evaluation/test_small_counts.py",),
        "a group of nine is printed",
    ),
    Mutant(
        "evaluation",
        "fitted = design[~member & (fold != number)]\n        known = logs[~member & (fold != number)]",
        "fitted = design[~member]\n        known = logs[~member]",
        ("evaluation/test_membership.py::test_nobody_is_judged_by_a_reference_that_they_helped_to_fit",),
        "people judged by a reference that was fitted to them",
    ),
    Mutant(
        "evaluation",
        'if worst["high"] <= gate:',
        'if worst["auc"] <= gate:',
        ("evaluation/test_membership.py::test_few_people_are_too_few_to_tell",),
        "weights released although too few people were looked at",
    ),
    Mutant(
        "evaluation",
        "filled = masked * (hidden.shape[1] - keep) / hidden.shape[1]",
        "filled = masked",
        ("evaluation/test_psnr.py",),
        "PSNR of the filled image without its visible patches",
    ),
    # extensions
    Mutant(
        "extensions",
        "(scores.size + 1) * level",
        "scores.size * level",
        CONFORMAL,
        "conformal quantile one rank too low",
    ),
    Mutant(
        "extensions",
        "for depth in range(cells_c.shape[1]):",
        "for depth in reversed(range(cells_c.shape[1])):",
        CONFORMAL,
        "one conformal limit for all sexes and ages",
    ),
    Mutant(
        "extensions",
        "limits_by(known.score[calibration], cells[calibration], cells[rest])",
        "limits_by(known.score, cells, cells[rest])",
        CONFORMAL,
        "conformal limits from those on whom they are measured",
    ),
    Mutant(
        "extensions",
        'enumerate(("train", "val"))',
        'enumerate(("train",))',
        ("extensions/test_label_efficiency.py::test_the_penalty_is_chosen_on_the_same_part_of_validation",),
        "few labels in training, but all of validation's",
    ),
    Mutant(
        "extensions",
        "values = values_bc * seen_bf[:, self.feature_of]",
        "values = values_bc",
        (f"{ANY_PART}test_the_network_by_hand",),
        "hidden features of the table are seen",
    ),
    Mutant(
        "extensions",
        "+ (1 - seen_bf) @ self.missing",
        "+ seen_bf @ self.missing",
        (f"{ANY_PART}test_the_network_by_hand",),
        "the token of a missing feature where it is there",
    ),
    Mutant(
        "extensions",
        "F.softplus(weight + _ONE) * image_bd",
        "(weight + _ONE) * image_bd",
        (f"{ANY_PART}test_the_network_by_hand",),
        "the table can turn the image's order around",
    ),
    Mutant(
        "extensions",
        "model.fit(features_nf[known[others]], truth_n[known[others]])",
        "model.fit(features_nf[known], truth_n[known])",
        (f"{ANY_PART}test_the_image_is_its_head_of_table_4_and_that_of_others_in_training",),
        "the image's scores of training people by heads that learnt on them",
    ),
    Mutant(
        "extensions",
        "timed_metrics.censoring_weights(train, test)",
        "timed_metrics.censoring_weights(test, test)",
        ("extensions/test_timed_metrics.py::test_the_studys_own_c_weighs_by_censoring_in_training",),
        "censoring estimated on the test split",
    ),
    Mutant(
        "extensions",
        "axes[:most].T / np.sqrt(scaled.shape[1])",
        "axes[:most].T",
        ("extensions/test_hazards.py::test_a_block_has_a_variance_of_one_however_many_features_it_has",),
        "a block of many features outweighs a small one",
    ),
    Mutant(
        "extensions",
        "leaving * np.divide(ill, ill + dead, out=np.zeros_like(ill), where=ill + dead > 0)",
        "leaving",
        ("extensions/test_hazards.py::test_absolute_risk_by_hand",),
        "deaths counted as the disease",
    ),
    Mutant(
        "extensions",
        "(first > scan)).fill_null(value=False)",
        "(first >= scan)).fill_null(value=False)",
        ("extensions/test_outcomes.py",),
        "diagnosed on the day of the scan, yet at risk",
    ),
    # masks of a network
    Mutant(
        "contouring",
        "1.0 if step == WARM_UP else 1 - DECAY",
        "1.0 if step == WARM_UP else DECAY",
        ("contouring/test_learning.py::test_weights_are_means_over_steps_once_it_has_warmed_up",),
        "the last weights instead of their mean",
    ),
    Mutant(
        "contouring",
        "float(2 * both[number] / either[number])",
        "float(both[number] / either[number])",
        ("contouring/test_learning.py::test_dice_of_all_pictures_together_by_hand",),
        "Dice of the network halved",
    ),
    Mutant(
        "contouring",
        "WALL_SHARE = 0.5",
        "WALL_SHARE = 0.25",
        ("contouring/test_conventions.py",),
        "a quarter of wall around the blood is enough",
    ),
    Mutant(
        "contouring",
        "outwards_mm <= -DEPTH_MM",
        "outwards_mm <= 0",
        ("contouring/test_conventions.py",),
        "bends of the outline count as papillary muscles",
    ),
    Mutant(
        "contouring",
        "bend = np.abs(np.diff(curve_t, 2))",
        "bend = np.abs(np.diff(curve_t))",
        ("contouring/test_quality.py",),
        "a beat counts as a jump",
    ),
    # seeds
    Mutant(
        "plan",
        'return int(found[1]) if found else int(config["seed"])',
        'return int(config["seed"])',
        ("plan/test_plan.py::test_a_further_seed_is_in_the_settings_and_starts_are_of_its_own",),
        "all trainings of several seeds have the same one",
    ),
)
