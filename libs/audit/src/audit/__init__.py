"""One append-only audit event for each change, in the transaction of the change; sealed, so that tampering shows.

This core says what an event and its origin are, and what a tree over all events commits to. It knows neither Django
nor a database; `audit.django` stores and seals them.
"""

from audit._canonical import leaf_of
from audit._checkpoints import Checkpoint, NoCheckpoint, open_checkpoint, verifier_key
from audit._events import Event, NaiveInstant, Origin
from audit._exports import cef, is_grave, ocsf
from audit._merkle import Tree, inclusion_path, leaf_hash, node_hash, root_from_path
from audit._refusals import AUTHENTICATION_FAILED, AUTHORIZATION_FAILED, Refusal
from audit._sinks import Line, NotDelivered, Sink, UnknownSink, sink_at

__all__ = [
    "AUTHENTICATION_FAILED",
    "AUTHORIZATION_FAILED",
    "Checkpoint",
    "Event",
    "Line",
    "NaiveInstant",
    "NoCheckpoint",
    "NotDelivered",
    "Origin",
    "Refusal",
    "Sink",
    "Tree",
    "UnknownSink",
    "cef",
    "inclusion_path",
    "is_grave",
    "leaf_hash",
    "leaf_of",
    "node_hash",
    "ocsf",
    "open_checkpoint",
    "root_from_path",
    "sink_at",
    "verifier_key",
]
