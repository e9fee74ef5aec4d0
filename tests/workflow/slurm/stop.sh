#!/usr/bin/env bash
# Ends the SLURM that start.sh started. Usage: stop.sh FOLDER
set -euo pipefail
folder=${1:?the folder given to start.sh}
for file in "$folder"/slurmd.*.pid "$folder/slurmctld.pid"; do
    [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
done
[ -s /run/munge/munged.pid ] && kill "$(cat /run/munge/munged.pid)" 2>/dev/null || true
