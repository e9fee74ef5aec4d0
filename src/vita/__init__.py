"""ViTa: visual-tabular representations of the whole heart, from UK Biobank to every table and figure."""
