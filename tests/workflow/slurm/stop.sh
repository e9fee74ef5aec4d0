#!/usr/bin/env bash
# Ends the SLURM that start.sh started. Usage: stop.sh FOLDER
set -euo pipefail
folder=${1:?the folder given to start.sh}
for name in slurmd slurmctld; do
    [ -s "$folder/$name.pid" ] && kill "$(cat "$folder/$name.pid")" 2>/dev/null || true
done
[ -s /run/munge/munged.pid ] && kill "$(cat /run/munge/munged.pid)" 2>/dev/null || true
