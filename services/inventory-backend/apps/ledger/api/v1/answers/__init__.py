"""Wire shapes of version 1: what is answered."""
