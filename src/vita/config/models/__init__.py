"""The configuration as pydantic models: types, ranges, defaults, units and descriptions of all keys."""
