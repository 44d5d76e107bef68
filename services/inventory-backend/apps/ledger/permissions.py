"""This domain's permissions."""

from rbac import registry

VIEW = registry.register("ledger.view", "See balances, postings and transactions.")
POST = registry.register("ledger.post", "Post stock transactions.")
REVERSE = registry.register("ledger.reverse", "Reverse a posted transaction.")
CLOSE_PERIOD = registry.register("ledger.close_period", "Close the books up to an instant.")
AUDIT = registry.register("ledger.audit", "Read the integrity report.")
