#!/usr/bin/env python
"""Django's own entry point; people use `inventory`."""

from config.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
