"""Numbers and tables as text, LaTeX and HTML."""
