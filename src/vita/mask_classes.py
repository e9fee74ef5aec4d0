"""Values of masks besides the structures; kept out of `vita.names`, where a change of printed words must not retrain a
model.
"""

BACKGROUND, NOT_ANNOTATED = 0, 255
