"""A Slurm of our own with two nodes on this machine, each with eight pretended GPUs, that ends with the test.

Needs the programs of Slurm and munge, and to be root: Slurm starts jobs as their users.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "sinfo")
CONTROLLER = """
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=15
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
InactiveLimit=0
KillWait=30
SchedulerParameters=sched_interval=1,batch_sched_delay=0
GresTypes=gpu
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 "
    "ThreadsPerCore=1 RealMemory=2000 Gres=gpu:h200:8 State=UNKNOWN\n"
)
PARTITION = "PartitionName=debug Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP\n"
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\n"


@dataclass
class Slurm:
    """Its folder, and what a client's environment needs."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A client's command."""
        env = self.environment | environment
        return subprocess.run(words, env=env, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)

    def show(self, job: str) -> dict[str, str]:
        """What Slurm says of a job."""
        shown = self.run("scontrol", "--oneliner", "show", "job", job).stdout
        return dict(word.split("=", 1) for word in shown.split() if "=" in word)

    def submit(self, log: Path, *words: str, **environment: str) -> str:
        """The number of a job whose output goes to `log`; `words` are options, the script and what it is told."""
        done = self.run("sbatch", "--parsable", "--export=ALL", f"--output={log}", *words, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def finish(self, job: str, log: Path, seconds: float) -> None:
        """Until the job has ended, which it must do well."""
        found = self.wait(job, ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL"), seconds)
        assert found["JobState"] == "COMPLETED", log.read_text()

    def wait(self, job: str, states: tuple[str, ...], seconds: float) -> dict[str, str]:
        """Until the job is in one of the states."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.show(job)
            if found.get("JobState") in states:
                return found
            time.sleep(0.5)
        raise AssertionError(f"job {job} is {self.show(job).get('JobState')}, not {states}, after {seconds} s")


@contextmanager
def private_slurm(folder: Path) -> Iterator[Slurm]:
    """Start one in `folder`; the test is skipped, with the reason, where that cannot be."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} are not installed (Debian: slurm-wlm munge)")
    if os.geteuid() != 0:
        pytest.skip("a private Slurm needs root")
    environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(folder), "SLURM_CONF": str(folder / "slurm.conf")}
    _configure(folder)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        munge = folder / "munge"
        files = [f"--{name}={munge / name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        daemons.append(_start(environment, folder, "munged", "--foreground", "--force", f"--key-file={munge / 'key'}", *files))
        _until(lambda: (munge / "socket").exists(), "munged")
        daemons.append(_start(environment, folder, "slurmctld", "-D", "-c"))
        daemons.extend(_start(environment, folder, "slurmd", "-D", "-N", name) for name in ("n1", "n2"))
        slurm = Slurm(folder, environment)
        _until(lambda: slurm.run("sinfo", "--noheader", "--format=%D %t").stdout.split() == ["2", "idle"], "Slurm's nodes")
        yield slurm
        _cancel_all(slurm)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in reversed(daemons):
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _cancel_all(slurm: Slurm) -> None:
    """What a failed test left."""
    slurm.run("scancel", "--user=root")
    _until(lambda: not slurm.run("squeue", "--noheader").stdout, "the end of all jobs")


def _configure(folder: Path) -> None:
    host = socket.gethostname()
    ports = _free_ports(3)
    for name in ("munge", "state", "spool-n1", "spool-n2"):
        (folder / name).mkdir(mode=0o700)
    (folder / "munge" / "key").write_bytes(os.urandom(128))
    (folder / "munge" / "key").chmod(0o400)
    nodes = "".join(NODE.format(name=name, host=host, port=port) for name, port in zip(("n1", "n2"), ports[1:], strict=True))
    (folder / "slurm.conf").write_text(CONTROLLER.format(host=host, controller=ports[0], folder=folder) + nodes + PARTITION)
    for number in range(8):
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"NodeName=n[1-2] Name=gpu Type=h200 File={folder}/gpu[0-7]\n")
    (folder / "cgroup.conf").write_text(CGROUP)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start(environment: dict[str, str], folder: Path, *words: str) -> subprocess.Popen[bytes]:
    with (folder / f"{words[0]}-{Path(words[-1]).name.strip('-')}.out").open("wb") as output:
        return subprocess.Popen(words, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT)


def _until(ready, what: str) -> None:
    for _ in range(240):
        if ready():
            return
        time.sleep(0.5)
    raise AssertionError(f"{what} did not come")
