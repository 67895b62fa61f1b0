"""The published networks: one file per paper, as its table is printed, and the literature's totals."""
