#!/usr/bin/env bash
# A SLURM on this machine, without systemd; root only. Usage: start.sh FOLDER
# Jobs run on one node; a second one, this machine once more, is there for jobs over both (partition "both").
# Needs Debian's slurm-wlm and munge. Memory is watched by polling and a job above its request is killed, since
# containers seldom let SLURM make control groups. CPUs and GPUs are pretended, so that requests can be looked at.
set -euo pipefail
folder=${1:?a folder for state and logs}
node=$(hostname -s)
second=$node-again
if [ -e /etc/slurm/slurm.conf ] && ! grep -q '^ClusterName=one$' /etc/slurm/slurm.conf; then
    echo "/etc/slurm/slurm.conf is of another SLURM; this script would overwrite it" >&2
    exit 1
fi
mkdir -p "$folder/state" "$folder/spool/$node" "$folder/spool/$second" /run/munge /var/log/munge /var/lib/munge /etc/slurm

[ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chown -R munge:munge /etc/munge /run/munge /var/log/munge /var/lib/munge
chmod 400 /etc/munge/munge.key
chmod 755 /run/munge
munge -n </dev/null 2>/dev/null | unmunge >/dev/null 2>&1 || su -s /bin/sh munge -c munged

memory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 - 1000))
cat >/etc/slurm/slurm.conf <<CONF
ClusterName=one
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,defer
MpiDefault=none
ReturnToService=2
EnforcePartLimits=ALL
KillWait=2
MinJobAge=43200
GresTypes=gpu
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=16 RealMemory=$memory Gres=gpu:toy:2 Feature=old State=UNKNOWN
NodeName=$node NodeHostname=$node NodeAddr=127.0.0.1 Port=17001
NodeName=$second NodeHostname=$node NodeAddr=127.0.0.1 Port=17002
PartitionName=short Nodes=$node Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$node MaxTime=INFINITE State=UP
PartitionName=both Nodes=$node,$second MaxTime=INFINITE State=UP
CONF
echo "Name=gpu Type=toy File=/dev/zero,/dev/full" >/etc/slurm/gres.conf
echo "CgroupAutomount=no" >/etc/slurm/cgroup.conf

pgrep -x slurmctld >/dev/null || slurmctld
pgrep -x slurmd >/dev/null || for name in "$node" "$second"; do slurmd -N "$name"; done
for _ in $(seq 60); do
    [ "$(sinfo -h -N -p both -t idle,mixed,allocated 2>/dev/null | wc -l)" = 2 ] && exit 0
    scontrol update NodeName="$node,$second" State=RESUME 2>/dev/null || true
    sleep 0.5
done
echo "SLURM did not start; see $folder/slurmctld.log and $folder/slurmd.*.log" >&2
exit 1
