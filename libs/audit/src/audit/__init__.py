"""One append-only audit event for each change, in the transaction of the change; sealed, so that tampering shows.

This core says what an event and its origin are, and what a tree over all events commits to. It knows neither Django
nor a database; `audit.django` stores and seals them.
"""

from audit._canonical import leaf_of
from audit._checkpoints import Checkpoint, NoCheckpoint, open_checkpoint, verifier_key
from audit._events import Event, NaiveInstant, Origin
from audit._exports import cef, ocsf
from audit._merkle import Tree, inclusion_path, leaf_hash, node_hash, root_from_path

__all__ = [
    "Checkpoint",
    "Event",
    "NaiveInstant",
    "NoCheckpoint",
    "Origin",
    "Tree",
    "cef",
    "inclusion_path",
    "leaf_hash",
    "leaf_of",
    "node_hash",
    "ocsf",
    "open_checkpoint",
    "root_from_path",
    "verifier_key",
]
