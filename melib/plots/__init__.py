"""Figures of the book: motion, faces, the benchmark, networks and metrics, in one style.

Each module is imported by itself, so that a page loads what it draws with and no more.
"""
