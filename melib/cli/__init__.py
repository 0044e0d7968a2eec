"""What the commands of ``python -m melib`` do: a function each, from the options to the exit code."""
