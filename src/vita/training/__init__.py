"""Training: one data path and one loop for the three stages and all baselines."""
