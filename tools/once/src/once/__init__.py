"""Once."""
