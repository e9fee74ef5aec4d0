"""Search for participants' ids where they should not be: `vita audit`."""
