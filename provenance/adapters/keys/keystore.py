"""Keystores: one party's keys in one folder, in V3 files that Foundry, Brownie and geth read.

Beside `NAME.json` (the account) lies `NAME.x25519.json`, the key to which envelopes are sealed, in the same
form under the same password. Files are made exclusively and are for their owner alone.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from provenance.adapters import durable, eth
from provenance.adapters.keys import keyfile, v3
from provenance.domain import fields
from provenance.domain.hashes import keccak
from provenance.errors import Broken, Conflict, Denied, Failed, Invalid, Missing, ProvenanceError
from provenance.types import Address, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coincurve import PrivateKey

    from provenance.domain.typed import Domain, Struct

_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""n of secp256k1. Source: SEC 2 §2.4.1."""
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_WORDS: Final = re.compile(r"\w[\w .-]{0,99}")
"""What may be meant as a name, in any script: no account is called so, and nothing leads elsewhere."""
_ENVELOPE_KEY: Final = ".x25519"


class RawKeyGiven(Denied):
    """A private key was typed where every user of the machine can see it."""

    next = "Consider that key known to others. Import keys with --key-file FILE or at the prompt."


class EnvelopeKeyDamaged(Failed):
    """The file of an account's envelope key is not as it was written."""

    next = "Import the account's export under another name; without one, move the file away: a new key is made, for new leases."


class SystemRandom:
    """The operating system's randomness."""

    def bytes(self, size: int) -> bytes:
        """`size` unpredictable bytes."""
        return secrets.token_bytes(size)


class KeySigner:
    """Signs digests with one secp256k1 key; the key is not shown."""

    def __init__(self, key: bytes) -> None:
        self._key = _private(key)
        self._address = Address(keccak(self._key.public_key.format(compressed=False)[1:])[12:])

    @property
    def address(self) -> Address:
        return self._address

    def sign(self, digest: Bytes32) -> bytes:
        """65 bytes r ‖ s ‖ v, v 27 or 28, s in the lower half. Source: EIP-2 §Specification."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((signature[64] + 27,))

    def sign_typed(self, domain: Domain, struct: Struct) -> bytes:
        """The same of an EIP-712 struct, which eth-account hashes."""
        eth.load()
        from eth_account import Account  # noqa: PLC0415 - half a second of CPU, where a person signs

        return bytes(Account.sign_typed_data(self._key.secret, *domain.message(struct)).signature)


class KeystoreWallet:
    """One unlocked account: its signature, and its envelope key once that is asked for."""

    def __init__(self, signer: KeySigner, envelope_key: Callable[[], bytes]) -> None:
        self._signer, self._open = signer, envelope_key

    @cached_property
    def _envelope_key(self) -> bytes:
        return self._open()

    @property
    def signer(self) -> KeySigner:
        return self._signer

    @property
    def encryption_key(self) -> Bytes32:
        from provenance.adapters.seal import public_key  # noqa: PLC0415 - who only signs needs no encryption

        return public_key(self._envelope_key)

    def open_envelope(self, envelope: bytes, info: bytes) -> bytes:
        """The plaintext (CEK ‖ salt) of an envelope sealed to this wallet."""
        from provenance.adapters.seal import open_envelope  # noqa: PLC0415 - as above

        return open_envelope(self._envelope_key, envelope, info).encode()


@dataclass(frozen=True, slots=True)
class KeystoreAccount:
    """A name, its address, and where its key is."""

    name: str
    address: Address | None
    """None where the tool that made the file left it out (Foundry does)."""
    path: Path
    fault: ProvenanceError | None = None
    """Why the file is no account that could be used."""


class Keystore:
    """The keys of one party, `NAME.json` each in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Every account's name, sorted."""
        return tuple(sorted(path.stem for path in self._files()))

    def accounts(self) -> tuple[KeystoreAccount, ...]:
        """Every account, by name, with what is wrong with its file; no password is needed."""
        return tuple(map(_looked_at, sorted(self._files(), key=lambda path: path.stem)))

    def account(self, name: str) -> KeystoreAccount:
        """The account of this name or address.

        Raises:
            Missing: there is none.
        """
        known = self._known(name)
        return KeystoreAccount(known, v3.address(keyfile.document(self.path(known))), self.path(known))

    def path(self, name: str) -> Path:
        """Where the key of `name` is or would be."""
        return self.folder / f"{checked_name(name)}.json"

    def envelope_path(self, name: str) -> Path:
        """Where the envelope key of `name` is or would be."""
        return self.folder / f"{checked_name(name)}{_ENVELOPE_KEY}.json"

    def address(self, name: str) -> Address:
        """The address of an account, by name, or of any hex address as it is; no password is needed."""
        known = as_address(name) or v3.address(keyfile.document(self.path(self._known(name))))
        if known is None:
            raise Invalid(
                f"the file of {name} does not tell its address",
                next=f"`provenance account import NEW --keystore {self.path(name)}` makes one that does.",
            )
        return known

    def create(self, name: str, password: bytes, *, scrypt_n: int = v3.SCRYPT_N) -> KeystoreAccount:
        """A new account and its envelope key are on disk."""
        key = secrets.randbelow(_ORDER - 1) + 1
        return self.add(name, key.to_bytes(32, "big"), password, scrypt_n=scrypt_n)

    def add(
        self, name: str, key: bytes, password: bytes, *, envelope_key: bytes | None = None, scrypt_n: int = v3.SCRYPT_N
    ) -> KeystoreAccount:
        """The given key is on disk as account `name`, with a new envelope key unless one is given.

        Raises:
            Conflict: the name, or the address under another name, is there already.
        """
        signer = KeySigner(key)
        for there in self.accounts():
            if there.name == name or there.address == signer.address:
                raise Conflict(f"account {there.name} exists already", next="Choose another name.", name=there.name)
        with durable.writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = envelope_key or secrets.token_bytes(32)
        self._seal(name, beside, password, scrypt_n, signer.address)
        try:
            keyfile.write_new(
                self.path(name), v3.encrypt(signer_key(key), password, scrypt_n=scrypt_n, address=signer.address)
            )
        except BaseException:
            with suppress(OSError):
                self.envelope_path(name).unlink()
            raise
        return KeystoreAccount(name, signer.address, self.path(name))

    def unlock(self, name: str, password: bytes) -> KeystoreWallet:
        """The account, ready to sign and to open envelopes.

        A key that another tool put here gets its envelope key now.

        Raises:
            WrongPassword: it does not open the key.
            ReadableByOthers: the key file is not for its owner alone.
        """
        known = self._known(name)
        document = keyfile.document(self.path(known))
        signer = KeySigner(keyfile.decrypt(document, password, known))
        if v3.address(document) not in (None, signer.address):
            raise Broken(f"the key of {known} is not that of the address in its file")
        if not self.envelope_path(known).exists():
            n = v3.scrypt_n(document) or v3.SCRYPT_N
            self._seal(known, secrets.token_bytes(v3.KEY_BYTES), password, n, signer.address)
        return KeystoreWallet(signer, self._envelope_key(known, password))

    def export(self, name: str) -> dict[str, v3.Document]:
        """Both keys of an account as they lie on disk, under their password."""
        known = self._known(name)
        documents = {"account": keyfile.document(self.path(known))}
        if self.envelope_path(known).exists():
            documents["envelopeKey"] = keyfile.document(self.envelope_path(known))
        return documents

    def owner(self, name: str) -> Address | None:
        """The account's address, which another tool's file may leave to the envelope key's; None if neither says it."""
        documents = self.export(name).values()
        return next(filter(None, map(v3.address, documents)), None)

    def remove(self, name: str) -> None:
        """Both keys of the account are gone from this machine."""
        known = self._known(name)
        self.path(known).unlink()
        self.envelope_path(known).unlink(missing_ok=True)

    def _seal(self, name: str, key: bytes, password: bytes, scrypt_n: int, owner: Address) -> None:
        """The envelope key is on disk, with the digest of its sealing."""
        document = v3.encrypt(key, password, scrypt_n=scrypt_n, address=owner)
        keyfile.write_new(self.envelope_path(name), {**document, "checksum": v3.checksum(document)})

    def _envelope_key(self, name: str, password: bytes) -> Callable[[], bytes]:
        """Opens the envelope key when it is asked for; that it is whole is known before.

        Raises:
            EnvelopeKeyDamaged: it is not.
        """
        path = self.envelope_path(name)
        damaged = EnvelopeKeyDamaged(f"the envelope key of {name} in {path} is damaged", path=str(path), account=name)
        try:
            sealed = keyfile.document(path)
            if "checksum" in sealed and sealed["checksum"] == v3.checksum(sealed):
                return lambda: keyfile.decrypt(sealed, password, name)
            key = v3.decrypt(sealed, password) if "checksum" not in sealed else None
        except (Invalid, KeyError, TypeError) as error:
            raise damaged from error
        if key is None:
            raise damaged
        return lambda: key

    def _files(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.glob("*.json") if not path.stem.endswith(_ENVELOPE_KEY))

    def _known(self, name: str) -> str:
        refuse_raw_key(name)
        wanted = as_address(name)
        if wanted is not None:
            for account in self.accounts():
                if account.address == wanted:
                    return account.name
        elif (_NAME.fullmatch(name) or not _WORDS.fullmatch(name)) and self.path(name).is_file():
            return name
        raise Missing(
            f"no account {name}", next="`provenance account list` shows what there is.", known=list(self.names())
        )


def _looked_at(path: Path) -> KeystoreAccount:
    try:
        checked_name(path.stem)
        return KeystoreAccount(path.stem, v3.address(keyfile.document(path)), path)
    except ProvenanceError as error:
        return KeystoreAccount(path.stem, None, path, error)


def checked_name(name: str) -> str:
    """`name`, if a file may be called so."""
    refuse_raw_key(name)
    if not _NAME.fullmatch(name) or name.endswith(_ENVELOPE_KEY):
        raise Invalid(
            "an account's name has up to 64 Latin letters, digits, dots, dashes or underscores, and begins with a "
            "letter or digit",
            next="Choose such a name.",
        )
    return name


def as_address(text: str) -> Address | None:
    """The address that `text` writes in hex, else None.

    Raises:
        WrongChecksum: a digit of it is mistyped.
    """
    return fields.address({"address": text}, "address") if re.fullmatch(r"0[xX][0-9a-fA-F]{40}", text) else None


def refuse_raw_key(text: str) -> None:
    """`text` does not look like a private key.

    Raises:
        RawKeyGiven: it does; it is not repeated.
    """
    if re.fullmatch(r"\s*(0[xX])?[0-9a-fA-F]{64}\s*", text):
        raise RawKeyGiven("a private key was given as an argument")


def signer_key(key: bytes) -> bytes:
    """The 32 bytes of a private key, checked.

    Raises:
        Invalid: it is no secp256k1 key; it is not repeated.
    """
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < _ORDER:
        raise Invalid("this is no private key: 32 bytes between 1 and n - 1", next="Give 64 hex digits.")
    return key


def _private(key: bytes) -> PrivateKey:
    from coincurve import PrivateKey  # noqa: PLC0415 - listing accounts needs no curve

    return PrivateKey(signer_key(key))
