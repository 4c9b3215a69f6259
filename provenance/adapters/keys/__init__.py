"""Keys of one party: V3 keystores, the files they come from, envelope keys, and the devnet's mnemonic."""
