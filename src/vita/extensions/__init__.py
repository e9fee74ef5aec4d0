"""Beyond the paper: when a disease comes, how sure a prediction is, what goes with what, with how few labels, and with
which part of the table."""
