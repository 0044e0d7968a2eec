"""From a declared run to a page of the book.

``runs`` reads the declarations in ``runs.yml`` and checks parameters, ``pages`` inspects and dresses an executed
notebook, ``execute`` runs one. What must run, and in which order, is decided by Snakemake alone (``Snakefile``).
"""
