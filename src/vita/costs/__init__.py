"""The cost of a run of any size, from measured costs per participant and counted operations of the models."""
