"""The phantom cohort: people, hearts, scans and a UK Biobank table with known true values."""
