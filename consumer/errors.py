"""Everything that can go wrong, drawn.

    HeadwaterError
    ├── UnreadableRecord     a record of a topic or file is not an OpenLineage event   → dead letter, carry on
    ├── TooManyDeadLetters   so large a share is unreadable that going on would hide it → stop
    ├── SettingsError        a setting or an argument makes no sense                    → stop, exit 2
    ├── SourceError          a topic or file cannot be read                             → stop
    │   ├── BrokerUnavailable    no broker answers; worth another try
    │   ├── BrokerRefused        wrong credentials or no permission; not worth another try
    │   ├── TopicMissing         the topic does not exist
    │   └── FileUnreadable       the file is missing, broken, or of a kind we do not know
    ├── IntakeError          a request cannot be taken                                  → answered with its status
    │   ├── IntakeRefused        it is not what we take: the sender must change it
    │   └── IntakeBusy           not now; the sender should try again
    ├── WebhookError         an incident could not be told                              → tried again later
    │   └── WebhookUnavailable   nobody answers, or not now; worth another try at once
    └── StoreError           the DuckDB store cannot be used                            → stop
        ├── StoreMissing         there is no store at this path
        ├── StoreBusy            another process has it open for writing
        ├── StoreTooNew          a newer Headwater wrote it
        ├── StoreDamaged         the file is not a Headwater store, or is broken
        ├── StoreFull            the disk is full; what was committed is safe
        ├── QueryError           the user's SQL failed
        ├── UnknownPart          a dataset has no such check or field
        ├── UnknownDataset       no dataset, or several, have the name that was asked for
        └── UnknownIncident      no incident, or several, have the id that was asked for

Each message says what happened, where, and what to try; the first line of a class's docstring is its meaning.
"""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "invalid_utf8",  # the bytes are not UTF-8
    "invalid_json",  # the text is not JSON (NaN and Infinity are not JSON)
    "not_an_event",  # JSON, but none of run, job and dataset, or not an object at all
    "no_event_time",  # eventTime is missing or is not a time
    "no_run_id",  # a run event without run.runId
    "no_job",  # a run event without job.namespace and job.name
    "too_large",  # more bytes than max_record_bytes; not even looked at
]


class HeadwaterError(Exception):
    """Something that Headwater can explain to its user; the message is shown without a traceback."""

    exit_code = 1


class UnreadableRecord(HeadwaterError):
    """A record is not an OpenLineage event.

    Attributes:
        reason: why, as one of a closed set of words.
        detail: why, as a sentence.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class TooManyDeadLetters(HeadwaterError):
    """So many records are unreadable that going on would only hide a fault."""


class SettingsError(HeadwaterError):
    """A setting or an argument makes no sense."""

    exit_code = 2


class SourceError(HeadwaterError):
    """A topic or file cannot be read."""


class BrokerUnavailable(SourceError):
    """No broker answers; it is worth trying again."""


class BrokerRefused(SourceError):
    """The broker answers and says no: wrong credentials or a missing permission."""


class TopicMissing(SourceError):
    """The topic does not exist on this broker."""


class FileUnreadable(SourceError):
    """A file is missing, broken, or of a kind that is not known."""


class IntakeError(HeadwaterError):
    """A request that brings events cannot be taken; nothing of it was kept."""


class IntakeRefused(IntakeError):
    """A request is not what we take, and never will be.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class IntakeBusy(IntakeError):
    """A request cannot be taken just now; it is worth trying again."""


class WebhookError(HeadwaterError):
    """An incident could not be told to the webhook."""


class WebhookUnavailable(WebhookError):
    """The webhook does not answer, or not now; it is worth trying again.

    Attributes:
        retry_after: seconds that the other side asks to wait, if it does.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreError(HeadwaterError):
    """The DuckDB store cannot be used."""


class StoreMissing(StoreError):
    """There is no store at this path."""


class StoreBusy(StoreError):
    """Another process has the store open for writing."""


class StoreTooNew(StoreError):
    """A newer Headwater wrote this store."""


class StoreDamaged(StoreError):
    """The file is not a Headwater store, or its contents are broken."""


class StoreFull(StoreError):
    """The disk is full. What was committed is safe."""


class QueryError(StoreError):
    """The user's SQL failed."""


class UnknownDataset(StoreError):
    """No dataset, or more than one, has the name that was asked for."""


class UnknownIncident(StoreError):
    """No incident, or more than one, has the id that was asked for."""


class UnknownPart(StoreError):
    """A dataset has no check or field of the name that was asked for."""
