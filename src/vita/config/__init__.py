"""The configuration: its schema, which holds defaults and descriptions, its checks, and its reference page."""
