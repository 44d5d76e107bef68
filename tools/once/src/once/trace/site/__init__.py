"""On PYTHONPATH of a traced job: a folder whose modules import nothing but the standard library's built-ins."""
