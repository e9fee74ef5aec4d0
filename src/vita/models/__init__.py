"""The networks: image encoder, table encoder, masked autoencoder, alignment, heads and baselines."""
