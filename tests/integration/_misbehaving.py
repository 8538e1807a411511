"""The sidecar in a world that misbehaves: ``python _misbehaving.py KIND consume …``.

    clock      SIGUSR1 sends the calendar ten years ahead, SIGUSR2 ten years back; the clock that counts seconds goes on
    checkpoint, fill, show    SIGTERM comes in the middle of the third publication, in this part of it

Everything else is the real thing. Time is changed where Python gets it, so for every library.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

YEARS = 10 * 365 * 86400
THIRD = 3


def make_clock_jump() -> None:
    seconds, nanoseconds, ahead = time.time, time.time_ns, [0]

    def jump(by: int) -> Callable[[int, object], None]:
        def handler(_: int, __: object) -> None:
            ahead[0] += by
            print(f"the clock is {ahead[0]} seconds ahead", file=sys.stderr, flush=True)

        return handler

    time.time = lambda: seconds() + ahead[0]
    time.time_ns = lambda: nanoseconds() + ahead[0] * 1_000_000_000
    signal.signal(signal.SIGUSR1, jump(YEARS))
    signal.signal(signal.SIGUSR2, jump(-YEARS))


def end_in_the_middle(owner: type[Any], method: str) -> None:
    """Send ourselves SIGTERM in the third call, and go on only once the main thread has taken notice."""
    real, calls = getattr(owner, method), [0]

    def interrupted(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == THIRD:
            before = signal.getsignal(signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            deadline = time.monotonic() + 30
            while signal.getsignal(signal.SIGTERM) is before and time.monotonic() < deadline:
                time.sleep(0.001)
            print(f"SIGTERM came in {method}", file=sys.stderr, flush=True)
        return real(*arguments, **named)

    setattr(owner, method, interrupted)


def main(kind: str) -> None:
    if kind == "clock":
        make_clock_jump()
    else:
        from headwater import publish
        from headwater.store import Store

        parts: dict[str, tuple[type[Any], str]] = {
            "checkpoint": (Store, "checkpoint"),
            "fill": (publish._Snapshot, "fill"),
            "show": (publish.Publisher, "_show"),
        }
        end_in_the_middle(*parts[kind])
    from headwater.cli import main as headwater

    headwater()


if __name__ == "__main__":
    main(sys.argv.pop(1))
