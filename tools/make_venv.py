"""Make the virtual environment ``.venv`` from ``requirements.lock``, unless it already agrees with it.

Called by the Makefile with whatever Python the user has, so the syntax stays old enough for that Python to reach the
line that refuses it. The stamp, the lock's SHA-256, is written last: an interrupted install is repeated.
"""

# A Python too old for the study must still be able to read this file, hence no f-strings.
# ruff: noqa: UP031
import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)
LOCK = "requirements.lock"
VENV = ".venv"
STAMP = os.path.join(VENV, "lock.sha256")


def refuse_unfit_python():
    """End with one line when this Python cannot make the environment."""
    if sys.version_info[:2] < OLDEST:
        sys.exit(
            "Python %d.%d or newer is needed, and %s is %d.%d: try `make PYTHON=python%d.%d ...`"
            % (OLDEST + (sys.executable,) + tuple(sys.version_info[:2]) + OLDEST)
        )
    try:
        import ensurepip  # noqa: F401  (Debian splits it off together with a working venv)
        import venv  # noqa: F401
    except ImportError as error:
        sys.exit(
            "this Python has no module %s: install it (Debian, Ubuntu: `apt-get install python3-venv`) "
            "or try another one with `make PYTHON=...`" % error.name
        )


def main():
    """Install what the lock says into ``.venv``."""
    with open(LOCK, "rb") as lock:
        locked = lock.read()
    wanted, names = hashlib.sha256(locked).hexdigest(), locked.decode().splitlines()
    python = os.path.join(VENV, "bin", "python")
    if os.path.exists(STAMP) and os.path.exists(python):
        with open(STAMP) as stamp:
            if stamp.read().strip() == wanted:
                return
    refuse_unfit_python()
    print("making %s from %s (once; a few minutes)" % (VENV, LOCK))
    sys.stdout.flush()
    if os.path.exists(STAMP):
        os.remove(STAMP)
    # What is imported is compiled then. Two processes install half of the lock each; a third one, what it leaves out.
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    for together in (
        [[sys.executable, "-m", "venv", VENV]],
        [pip + ["--no-deps"] + names[start::2] for start in (0, 1)],
        [pip + ["-r", LOCK]],
        [pip + ["--no-deps", "--no-build-isolation", "--editable", "."]],
    ):
        started = [subprocess.Popen(command) for command in together]
        if any([each.wait() for each in started]):
            sys.exit("could not make %s from %s: what failed has said why" % (VENV, LOCK))
    with open(STAMP + ".new", "w") as stamp:
        stamp.write(wanted + "\n")
    os.replace(STAMP + ".new", STAMP)


if __name__ == "__main__":
    main()
