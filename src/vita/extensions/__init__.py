"""Beyond the paper: when a disease comes, how sure a prediction is, what goes with what, and with how few labels."""
