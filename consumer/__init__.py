"""Headwater: OpenLineage events in, root causes out, with DuckDB in between."""

__version__ = "0.1.0"
