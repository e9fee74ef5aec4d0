"""Cardiac MRI: from scans to shards, quality control and phenotypes."""
