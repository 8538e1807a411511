"""The DuckDB store: `Store` owns the live file and writes, `Reader` asks the published one."""

from .reader import Reader
from .store import Store, live_path

__all__ = ["Reader", "Store", "live_path"]
