"""Migrations: the steps from one schema to the next, one file each under `versions`, run by `node db upgrade`."""
