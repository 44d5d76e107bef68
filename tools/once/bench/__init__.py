"""What `once` costs beside turbo, nx and moon, on the same tree, on the same machine, in the same run."""
