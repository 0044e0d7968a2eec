"""Processes that branch off one that has imported all and done nothing: imports are most of what they would take."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from melib.study.pages import ONE_THREAD

ROOT = Path(__file__).parents[2]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["melib.cli.study", "melib.study.long_videos", "melib.study.pages", "snakemake.cli", "torch._dynamo"]
)


def _begin(folder: Path, environment: dict[str, str], program: Callable, arguments: tuple) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(program(*arguments))


def start(folder: Path, program: Callable, *arguments: object) -> BaseProcess:
    """Start a function in a folder, one thread each; what it returns is the exit code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **ONE_THREAD}
    process = CONTEXT.Process(target=_begin, args=(folder, environment, program, arguments))
    process.start()
    return process
