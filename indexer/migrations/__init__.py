"""How does one schema become the next? One file per step under `versions`, run by `node db upgrade`."""
