"""What the ledger costs over HTTP, against floors that are measured on the same machine in the same run."""
