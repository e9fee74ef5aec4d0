"""What a run makes from what: variants, checks across the configuration, digests of code."""
