"""The DuckDB store: `Store` owns the live file and writes, `Reader` asks the published one."""

from .imports import ImportTables
from .incidents import Failure, IncidentAction, IncidentNotice, IncidentRule, failures_of
from .reader import Reader
from .store import Store, live_path

__all__ = [
    "Failure",
    "ImportTables",
    "IncidentAction",
    "IncidentNotice",
    "IncidentRule",
    "Reader",
    "Store",
    "failures_of",
    "live_path",
]
