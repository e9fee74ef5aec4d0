"""Training: one data path and one loop that the three stages and all baselines share."""
