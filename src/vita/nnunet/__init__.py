"""nnU-Net as one of the systems for segmentation: to its files and back, in an environment of its own."""
