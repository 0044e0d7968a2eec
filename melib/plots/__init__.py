"""Figures of the book in one style; each module is imported by itself, so that a page loads what it draws with."""
