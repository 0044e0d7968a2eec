"""From a declared run to a page of the book.

``runs`` reads the declarations in ``runs.yml`` and checks parameters, ``pages`` inspects and dresses an executed
notebook, ``execute`` runs one. ``jobs`` names the records that the pages of experiments show, ``reproduce`` holds
records against those that are kept. What must run, and in which order, is decided by Snakemake alone (``Snakefile``).
"""
