"""Participants' ids where they should not be: `vita audit`."""
