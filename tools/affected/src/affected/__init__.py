"""Which packages of a uv workspace does a change affect?

>>> rbac = Package(name="rbac", path="libs/rbac", dependencies=frozenset())
>>> service = Package(name="service", path="services/api", dependencies=frozenset({"rbac"}))
>>> select([rbac, service], ["libs/rbac/src/rbac/roles.py"])
{'rbac': 'libs/rbac/src/rbac/roles.py', 'service': 'depends on rbac'}
"""

from affected._git import RevisionUnknown, changed_files
from affected._select import select
from affected._workspace import Package, WorkspaceNotFound, find_root, read_packages

__all__ = [
    "Package",
    "RevisionUnknown",
    "WorkspaceNotFound",
    "changed_files",
    "find_root",
    "read_packages",
    "select",
]
