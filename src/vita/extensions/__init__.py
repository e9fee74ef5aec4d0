"""Analyses beyond the paper: incident disease, conformal prediction, associations and label efficiency."""
