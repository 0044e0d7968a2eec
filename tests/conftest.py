"""Which tests share a process when there are several: those of a file, and all that read the built book."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group("book" if {"book", "html"} & {*item.fixturenames} else item.path.name))
