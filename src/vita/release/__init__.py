"""Release of results: the release folder, and the check that nobody can be singled out in a folder."""
