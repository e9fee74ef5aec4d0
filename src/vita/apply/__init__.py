"""Trained models applied to new scans: `vita predict`."""
