"""The networks: image and table encoders, masked autoencoder, alignment, heads, baselines."""
