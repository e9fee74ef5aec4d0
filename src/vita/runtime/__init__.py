"""What every command shares: command lines, errors, whole files, locks, disks, devices, SLURM."""
