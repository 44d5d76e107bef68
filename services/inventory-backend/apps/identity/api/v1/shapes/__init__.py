"""Wire shapes of version 1."""
