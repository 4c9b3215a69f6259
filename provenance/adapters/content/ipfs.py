"""How does an IPFS daemon come to hold our content, and when may we believe that it does?

Our store makes the address and the CAR; the daemon imports and pins it. Its 200 proves nothing: the
root it names is compared by bytes, and random leaves are read back and hashed. Two ways to talk to
it: Kubo's RPC (`Rpc`) and the package ipfshttpclient (`Client`, the extra of that name).
"""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx2

from provenance.adapters import transport
from provenance.adapters.content import unixfs
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing, corrupt, missing
from provenance.adapters.content.gateway import DEADLINE_S, SLOWEST_BYTES_PER_S, SourceUnusable
from provenance.domain.cid import BadCid, Cid, parse
from provenance.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.adapters.content.embedded import Embedded
    from provenance.app.ports import Random

SAMPLES: Final = 3
_OK: Final = 200


class Daemon(Protocol):
    """What both clients can ask of a daemon; nothing it answers is believed here."""

    @property
    def name(self) -> str: ...

    def load(self, car: Iterator[bytes], size: int) -> str:
        """The root that the daemon says it imported and pinned."""
        ...

    def block(self, cid: Cid) -> bytes: ...

    def unpin(self, cid: Cid) -> None: ...


class Ipfs:
    """One daemon as a place for content: pinned means read back."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    @property
    def name(self) -> str:
        """Where it is."""
        return self._daemon.name

    def pin(self, cid: Cid, store: Embedded, random: Random) -> None:
        """The daemon holds and keeps it: the root is ours and random leaves came back.

        Raises:
            ContentCorrupt: the daemon names another root, or gives other bytes.
            SourceUnusable: it is silent or refuses.
        """
        leaves = store.leaves(cid)
        named = self._daemon.load(store.car(cid), leaves.size)
        if _parsed(named) != cid:
            raise corrupt(cid, f"{self.name} imported {named[:100]}")
        for _ in range(min(SAMPLES, len(leaves))):
            index = int.from_bytes(random.bytes(8), "big") % len(leaves)
            self.block(Cid("raw", leaves.digest(index)))

    def block(self, cid: Cid) -> bytes:
        """One block, hashed and matched."""
        return unixfs.verified(cid, self._daemon.block(cid))

    def stream(self, cid: Cid, *, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start`, a verified leaf at a time."""
        return unixfs.read(cid, self.block, start=start)

    def has(self, cid: Cid) -> bool:
        """Whether it gives a good root block."""
        try:
            self.block(cid)
        except (ContentMissing, ContentCorrupt, SourceUnusable):
            return False
        return True

    def unpin(self, cid: Cid) -> None:
        """The daemon no longer keeps it, and drops it when it next collects garbage."""
        self._daemon.unpin(cid)


class Rpc:
    """Kubo's RPC. Source: Kubo RPC API v0, /dag/import, /block/get, /pin/rm."""

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        self.name = url.rstrip("/")
        self._deadline_s = deadline_s
        self._client = transport.client(deadline_s, url)

    def load(self, car: Iterator[bytes], size: int) -> str:
        """The root that the daemon names after an import with its pin."""
        boundary = uuid.uuid4().hex  # unknown to whoever wrote the content
        answer = self._post(
            "dag/import?pin-roots=true",
            content=_multipart(car, boundary),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            timeout=self._deadline_s + size / SLOWEST_BYTES_PER_S,
        )
        try:
            root = json.loads(answer.content.split(b"\n", 1)[0])["Root"]
        except (ValueError, KeyError, TypeError) as error:
            raise SourceUnusable(f"{self.name} answers no root", source=self.name) from error
        if root.get("PinErrorMsg"):
            raise SourceUnusable(f"{self.name} did not pin: {root['PinErrorMsg'][:200]}", source=self.name)
        return str(root.get("Cid", {}).get("/", ""))

    def block(self, cid: Cid) -> bytes:
        """A block, unmatched."""
        try:
            return self._post(f"block/get?arg={cid}&offline=true").content
        except Missing:
            raise missing(cid) from None

    def unpin(self, cid: Cid) -> None:
        """The pin is gone, whether it was there or not."""
        try:
            self._post(f"pin/rm?arg={cid}")
        except Missing:
            return

    def _post(self, command: str, **options: Any) -> httpx2.Response:
        try:
            answer = self._client.post(f"{self.name}/api/v0/{command}", **options)
        except httpx2.HTTPError as error:
            raise SourceUnusable(f"{self.name}: {type(error).__name__} {error}".rstrip(), source=self.name) from error
        if answer.status_code != _OK:
            raise _refusal(self.name, answer.text)
        return answer


class Client:
    """The package ipfshttpclient, by its `Client`: `connect` refuses every daemon since 0.8."""

    def __init__(self, address: str, *, deadline_s: float = DEADLINE_S) -> None:
        try:
            import ipfshttpclient  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise Missing(
                "ipfshttpclient is not installed", next="pip install 'provenance-network[ipfshttpclient]'"
            ) from error
        self.name = address
        self._errors = ipfshttpclient.exceptions
        self._client: Any = ipfshttpclient.Client(address, timeout=deadline_s)
        if re.search(r"\b(127\.|localhost\b)|::1\b", address):
            self._client._client._request_proxies = {"no_proxy": "*"}  # noqa: SLF001 - it has no argument for it

    def load(self, car: Iterator[bytes], size: int) -> str:
        """The root that the daemon names; the package wants a file, so the CAR passes through one."""
        with tempfile.NamedTemporaryFile(suffix=".car") as file:  # the package reads its name
            file.writelines(car)
            file.seek(0)
            timeout = DEADLINE_S + size / SLOWEST_BYTES_PER_S
            answer = self._ask(self._client.dag.imprt, file, opts={"pin-roots": "true"}, timeout=timeout)
        return str(answer["Root"]["Cid"]["/"])

    def block(self, cid: Cid) -> bytes:
        """A block, unmatched."""
        try:
            return bytes(self._ask(self._client.block.get, str(cid), offline=True))
        except Missing:
            raise missing(cid) from None

    def unpin(self, cid: Cid) -> None:
        """The pin is gone, whether it was there or not."""
        try:
            self._ask(self._client.pin.rm, str(cid))
        except Missing:
            return

    def _ask(self, command: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except self._errors.ErrorResponse as error:
            raise _refusal(self.name, str(error)) from error
        except self._errors.Error as error:
            raise SourceUnusable(f"{self.name}: {error}", source=self.name) from error


def _refusal(name: str, said: str) -> Missing | SourceUnusable:
    if "not found" in said or "not pinned" in said:
        return Missing(f"{name} has it not")
    return SourceUnusable(f"{name} refuses: {said[:200]}", source=name)


def _parsed(name: str) -> Cid | None:
    try:
        return parse(name)
    except BadCid:
        return None


def _multipart(car: Iterator[bytes], boundary: str) -> Iterator[bytes]:
    """One file in a form, as it goes. Source: RFC 7578 §4."""
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="data.car"\r\n'
        "Content-Type: application/vnd.ipld.car\r\n\r\n"
    ).encode()
    yield from car
    yield f"\r\n--{boundary}--\r\n".encode()
