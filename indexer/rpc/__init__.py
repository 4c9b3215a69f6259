"""The chain by many endpoints: one answer, as far as it can be checked against itself."""
