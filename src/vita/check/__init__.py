"""What would fail late in a run, found in seconds before its first job: configuration against data and machine."""
