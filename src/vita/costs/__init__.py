"""What a run at any size costs, from measured costs of a participant and counted operations of the models."""
