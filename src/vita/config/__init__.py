"""The configuration: models of its blocks, what is generated from them, its checks, and how steps read it."""
