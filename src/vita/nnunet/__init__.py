"""nnU-Net as one of the systems for segmentation: conversion to its files and back, in a separate environment."""
