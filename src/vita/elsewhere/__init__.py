"""Trained models on another cohort: `vita evaluate`."""
