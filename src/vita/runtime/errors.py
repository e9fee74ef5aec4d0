"""Errors that the user can fix: they are shown as one line, without a traceback."""


class UserError(Exception):
    """What is wrong, where (file, line, column or config key) and what to do about it, in one sentence."""
