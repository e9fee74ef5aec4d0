"""Classes of masks beside the structures; not in `vita.names`, whose printed words must not retrain anything."""

BACKGROUND, NOT_ANNOTATED = 0, 255
