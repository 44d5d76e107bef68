"""Writes: a whole file, through the same actions as the API."""

from apps.dataio.actions.imports import FileRefused, Imported, import_file

__all__ = ["FileRefused", "Imported", "import_file"]
