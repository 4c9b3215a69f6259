"""Bindings for web3.py, generated; `provenance.sdk.contracts` binds them."""
