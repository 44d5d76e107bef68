"""Roles and bindings in PostgreSQL, and the permissions that routes declare."""
