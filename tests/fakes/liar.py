"""A node that lies: it answers some questions with what the test says, all others as the real one behind it does."""

from __future__ import annotations

import json
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Liar:
    """Lies by method (`eth_maxPriorityFeePerGas`), or by the first four bytes of what is called (`0x313ce567`)."""

    upstream: str
    lies: dict[str, Any] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """Every raw transaction that it was given."""
    url: str = ""

    def answer(self, body: bytes) -> bytes:
        ask = json.loads(body)
        method, params = ask["method"], ask["params"]
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
        call = params[0].get("data", params[0].get("input", ""))[:10] if method == "eth_call" else ""
        for lie in (method, call):
            if lie in self.lies:
                return json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": self.lies[lie]}).encode()
        request = urllib.request.Request(self.upstream, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            told: bytes = reply.read()
        return told


@contextmanager
def liar(upstream: str, **lies: Any) -> Iterator[Liar]:
    """The lying node listens, in front of `upstream`."""
    lying = Liar(upstream, dict(lies))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = lying.answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    lying.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lying
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
