"""One append-only audit event for each change, in the transaction of the change.

This core says what an event and its origin are, and knows neither Django nor a database;
`audit.django` stores them.
"""

from audit._events import Event, NaiveInstant, Origin

__all__ = ["Event", "NaiveInstant", "Origin"]
