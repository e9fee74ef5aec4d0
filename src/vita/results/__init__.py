"""What is in a results folder: `vita list`, `vita validate`, `vita describe`."""
