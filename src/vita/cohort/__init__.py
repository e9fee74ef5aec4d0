"""UK Biobank tables: fields, diagnoses, labels, exclusions and the split."""
