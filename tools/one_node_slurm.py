"""Start SLURM on this computer alone, to try ``profiles/slurm`` against a real one; stop it again.

    eval "$(python tools/one_node_slurm.py start FOLDER)"
    snakemake --profile profiles/slurm ...
    python tools/one_node_slurm.py stop FOLDER

Needed: the programs of SLURM and MUNGE (Debian, Ubuntu: ``apt-get install slurm-wlm munge``); neither systemd nor, for
one's own jobs, root. Configuration, key, logs and state lie in FOLDER, which is made, and nowhere else. Daemons listen
on 127.0.0.1 alone. The node claims one graphics card, with none behind it, so that a request for one can be tried.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from melib.errors import InputError

#: In the order in which they start.
DAEMONS = ("munged", "slurmctld", "slurmd")
#: Seconds until the node must be idle, and until a daemon must have ended.
PATIENCE = 60
#: A socket's path may be 107 characters long, and the longest one here is FOLDER/munge.socket with a suffix.
LONGEST = 80

CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# Neither control groups nor an accounting database: both would have to be set up on the machine itself.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
KillWait=2
MinJobAge=3600
MailProg={nothing}
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def programs() -> dict[str, str]:
    """Where the programs are; daemons of a system often lie beside a user's path.

    Raises
    ------
    FileNotFoundError
        If one is not installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = {name: shutil.which(name, path=path) for name in (*DAEMONS, "sinfo", "squeue", "scancel", "srun", "true")}
    if missing := [name for name, where in found.items() if where is None]:
        raise FileNotFoundError(
            f"no program {', '.join(missing)}: install SLURM and MUNGE (Debian: apt-get install slurm-wlm munge)"
        )
    return {name: str(where) for name, where in found.items()}


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 on which nothing listens."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def running(folder: Path) -> dict[str, psutil.Process]:
    """The daemons of a folder that are alive, by name."""
    found = {}
    for name in DAEMONS:
        try:
            process = psutil.Process(int((folder / f"{name}.pid").read_text()))
            if process.name() == name:  # else its number has gone to another program
                found[name] = process
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            continue
    return found


def write_configuration(folder: Path, where: dict[str, str]) -> None:
    """Write what the daemons read, and a ``srun`` that finds it."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(exist_ok=True)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    host = socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    values = {
        "cpus": len(os.sched_getaffinity(0)),
        "memory": psutil.virtual_memory().total * 9 // 10 // 2**20,
        "user": getpass.getuser(),
        "nothing": where["true"],
    }
    text = CONFIGURATION.format(folder=folder, host=host, controller=controller, node=node, **values)
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/null\n", encoding="utf-8")
    # Snakemake's executor starts srun without the variables of SLURM, SLURM_CONF among them.
    srun = folder / "bin" / "srun"
    configuration = shlex.quote(str(folder / "slurm.conf"))
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {where["srun"]} "$@"\n', encoding="utf-8")
    srun.chmod(0o755)


def start(folder: Path) -> dict[str, str]:
    """Start the daemons and wait until the node takes jobs.

    Parameters
    ----------
    folder : Path
        Made if missing, for this user alone.

    Returns
    -------
    dict of str to str
        The variables that programs of SLURM need in their environment.

    Raises
    ------
    FileNotFoundError
        If SLURM or MUNGE is not installed.
    ValueError
        If the folder's path is too long for a socket, or its daemons run already.
    RuntimeError
        If a daemon does not start or the node is not idle in time; what had started is stopped again.
    """
    where = programs()
    folder = folder.resolve()
    if len(str(folder)) > LONGEST or any(character.isspace() for character in str(folder)):
        raise InputError(f"{folder}: choose a folder of at most {LONGEST} characters and no space among them")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if alive := running(folder):
        raise InputError(f"{', '.join(alive)} of {folder} run already: stop them first")
    write_configuration(folder, where)
    environment = {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    munge = {name: str(folder / f"munge{end}") for name, end in (("key-file", ".key"), ("socket", ".socket"))}
    munge |= {name: str(folder / f"munged.{name.partition('-')[0]}") for name in ("pid-file", "log-file", "seed-file")}
    commands = {
        # --force: MUNGE wants a folder that everyone may enter; this cluster serves one user.
        "munged": [where["munged"], "--force", *(f"--{name}={value}" for name, value in munge.items())],
        "slurmctld": [where["slurmctld"], "-c"],
        "slurmd": [where["slurmd"], "-c"],
    }
    try:
        for name, command in commands.items():
            with (folder / f"{name}.start.log").open("wb") as log:
                # Daemons go into the background by themselves; their output must not keep the caller's pipe open.
                code = subprocess.run(
                    command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                ).returncode
            if code:
                raise RuntimeError(f"{name} did not start: read {folder}/{name}.start.log and {folder}/{name}.log")
        _wait_until_idle(where["sinfo"], folder, environment)
    except BaseException:
        stop(folder)
        raise
    return environment


def _wait_until_idle(sinfo: str, folder: Path, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = subprocess.run(
            [sinfo, "--noheader", "--format=%T"], env={**os.environ, **environment}, capture_output=True, text=True
        )
        if answer.returncode == 0 and answer.stdout.strip() == "idle":
            return
        if time.monotonic() > deadline:
            said = (answer.stdout + answer.stderr).strip()
            raise RuntimeError(f"the node is not idle after {PATIENCE} s but {said!r}: read {folder}/slurm*.log")
        time.sleep(0.5)


def stop(folder: Path) -> list[str]:
    """End the daemons of a folder, with the jobs they run; the folder and its logs stay.

    Returns
    -------
    list of str
        Names of those that were running.
    """
    folder = folder.resolve()
    alive = running(folder)
    if len(alive) == len(DAEMONS):
        _cancel(folder)
    for name in reversed(DAEMONS):
        if name in alive:
            alive[name].terminate()
    _, stubborn = psutil.wait_procs(alive.values(), timeout=10)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=PATIENCE)
    return list(alive)


def _cancel(folder: Path) -> None:
    """Cancel all jobs and wait for their end: what a job has started is no child of the daemons and outlives them."""
    where = programs()
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    user = ["--user", getpass.getuser()]
    subprocess.run([where["scancel"], "--quiet", *user], env=environment, check=False)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        left = subprocess.run([where["squeue"], "--noheader", *user], env=environment, capture_output=True, text=True)
        if left.returncode or not left.stdout.strip():
            return
        time.sleep(0.5)


def main() -> int:
    """Start or stop; what a shell has to evaluate goes to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("start", "stop"))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of configuration, key, logs and state")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "start":
            for name, value in start(arguments.folder).items():
                print(f"export {name}={shlex.quote(value)}")
        elif stopped := stop(arguments.folder):
            print(f"stopped {', '.join(stopped)}", file=sys.stderr)
        else:
            print(f"no daemon of {arguments.folder} is running", file=sys.stderr)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"one_node_slurm.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
