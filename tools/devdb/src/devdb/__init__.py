"""A real PostgreSQL with no set-up: found, or started and stopped again.

Example:
    with devdb.server(profile="test") as server:
        migrated = devdb.template(server, name="inventory", key=digest, build=migrate)
        devdb.clone(server, template=migrated, name="inventory_1")
        url = server.url("inventory_1")
"""

from devdb._databases import clone, drop_database, ensure_database, template
from devdb._server import Profile, Server, Source, server
from devdb._unavailable import DevdbUnavailable

__all__ = [
    "DevdbUnavailable",
    "Profile",
    "Server",
    "Source",
    "clone",
    "drop_database",
    "ensure_database",
    "server",
    "template",
]
