"""Figures and, later, the report."""
