"""Kernels that branch off a process which has imported what most pages import: that takes longer than many a page."""

import multiprocessing
import os
import sys
import time
from contextlib import suppress

from jupyter_client.launcher import launch_kernel

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["ipykernel.kernelapp", "seaborn", "melib.study.figures", "melib.study.data"])


class Branched:
    """A kernel in place of the ``Popen`` that jupyter_client would start."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], *, env: dict[str, str], **_: object) -> None:
        self._process = _CONTEXT.Process(target=_begin, args=(command, os.getcwd(), env))
        self._process.start()
        self.pid, self.wait, self.poll = self._process.pid, self._process.join, lambda: self._process.exitcode
        self.kill, self.terminate = self._process.kill, self._process.terminate
        self.send_signal = lambda number: os.kill(self.pid, number)
        with suppress(ProcessLookupError):  # it may die at once, which its exit code tells
            while self._process.is_alive() and os.getpgid(self.pid) != self.pid:  # signals go to a kernel's group
                time.sleep(0.01)


def _begin(command: list[str], folder: str, environment: dict[str, str]) -> None:
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    os.chdir(folder)
    os.environ.update(environment)
    sys.path.insert(0, "")
    launch_new_instance(argv=[*command[3:], f"--IPKernelApp.parent_handle={os.getppid()}"])


#: What starts a kernel. Elsewhere than on Linux some libraries do not survive a branch.
launch = Branched if sys.platform == "linux" else launch_kernel
