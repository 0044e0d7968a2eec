"""The commands behind ``python -m melib``, one module each.

A command module has ``HELP`` (one line), ``add_arguments(parser)`` and ``run(arguments) -> int`` (the exit code).
Heavy imports stand inside ``run``, so that ``--help`` answers at once.
"""
