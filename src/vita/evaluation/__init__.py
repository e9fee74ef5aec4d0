"""Metrics, their uncertainty, and the tables made of them."""
