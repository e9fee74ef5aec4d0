"""Tables, figures, cards and pages."""
