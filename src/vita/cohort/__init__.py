"""UK Biobank tables: fields, labels, exclusions and the split."""
