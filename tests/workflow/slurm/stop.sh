#!/usr/bin/env bash
# Ends the SLURM that start.sh started. Usage: stop.sh FOLDER
set -euo pipefail
folder=${1:?the folder given to start.sh}
for file in "$folder"/slurmd.*.pid "$folder/slurmctld.pid"; do
    [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
done
[ -s /run/munge/munged.pid ] && kill "$(cat /run/munge/munged.pid)" 2>/dev/null || true
# with the configuration left behind, tools ask a controller that is gone, and every start of Snakemake waits for the answer
grep -qs '^ClusterName=one$' /etc/slurm/slurm.conf && rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf /etc/slurm/cgroup.conf
exit 0
