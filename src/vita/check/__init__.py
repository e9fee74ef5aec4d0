"""Checks of the configuration against data and machine, which find in seconds what would otherwise fail late in a
run.
"""
