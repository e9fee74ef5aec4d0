"""The feature table and its encoding."""
