"""The content of a results folder: `vita list`, `vita validate`, `vita describe`."""
