"""``python _opening.py STORE TIMES``: opens a published store again and again, and prints what goes wrong.

The last line says how often it was opened.
"""

from __future__ import annotations

import sys

import duckdb


def open_and_close(store: str, times: int) -> None:
    seen = 0
    for _ in range(times):
        try:
            with duckdb.connect(store, read_only=True, config={"threads": 1}) as con:
                ((now,),) = con.execute("SELECT coalesce(sum(next_offset), 0) FROM kafka_offset").fetchall()
        except duckdb.Error as exc:
            print(f"{type(exc).__name__}: {exc}".replace("\n", " "))
            continue
        if now < seen:
            print(f"back from {seen} to {now}")
        seen = now
    print(times)


if __name__ == "__main__":
    open_and_close(sys.argv[1], int(sys.argv[2]))
