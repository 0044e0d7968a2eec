"""The study: from the data file of an experiment to a record, and from records to tables, figures and pages.

:mod:`~melib.study.experiments` reads ``notebooks/NAME.yml`` into rows with :mod:`~melib.study.settings`;
:mod:`~melib.study.records` keeps what :mod:`~melib.study.long_videos` and :mod:`~melib.study.clips` compute of a row;
:mod:`~melib.study.compare` sets rows beside each other; :mod:`~melib.study.pages` makes pages of notebooks.
"""
