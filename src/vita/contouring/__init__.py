"""Masks for scans that have none: a small network that learnt on synthetic images of the phantom's hearts."""
