"""A development network: a chain, contracts, a token, named accounts and a settings entry.

`up` makes whatever of it is missing, so that it can be run again at any time. Everything here is for
development: the keys come from a mnemonic that everybody knows.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance import config
from provenance.adapters import wire
from provenance.adapters.anvil import CHAIN_ID, MNEMONIC, Backend, Devnet, Running
from provenance.adapters.chain import AbiMismatch, EvmChain, EvmCreator, EvmNode, NoCode, Rpc
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.adapters.keys.keyfile import document, read_secret
from provenance.adapters.keys.keystore import KeySigner, Keystore
from provenance.adapters.keys.mnemonic import keys
from provenance.adapters.keys.v3 import SCRYPT_N_DEVNET, scrypt_n
from provenance.app.deploy import Plan, Record, Roles, deploy, mint, ruleset_1
from provenance.app.stake import staking
from provenance.domain.fees import Limits
from provenance.errors import Conflict, Missing
from provenance.types import Address, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from provenance.config import Settings

NAME: Final = "devnet"
ACTORS: Final = (
    "operator",
    "publisher",
    "relayer",
    "guardian",
    "arbiter",
    "licensee",
    *(f"holder-{n}" for n in range(1, 9)),
    *(f"voice-{n}" for n in range(1, 9)),
)
LIMITS: Final = Limits(Wei(10**18), Wei(10**12))
"""What making the contracts may cost here, where coins are worth nothing."""
TOKENS_EACH: Final = Wei(1_000_000 * 10**6)


class DevnetDiffers(Conflict):
    """The chain that runs is not the one that was deployed to."""

    next = "Start afresh: `provenance devnet reset`."


@dataclass(frozen=True, slots=True)
class Localnet:
    """A development network that is up."""

    running: Running
    record: Record
    accounts: Mapping[str, Address]
    settings_file: Path
    deployed: bool
    """Whether the contracts were made just now."""


def up(
    settings: Settings,
    *,
    backend: Backend = "anvil",
    port: int | None = None,
    sent: Callable[[str, int], None] = lambda _title, _gas: None,
) -> Localnet:
    """The chain runs, and everything that belongs to it is there.

    Raises:
        DevnetDiffers: the contracts on the chain are not those of this package.
    """
    devnet = wire.devnet(settings)
    secrets_by_name = dict(zip(ACTORS, keys(MNEMONIC, len(ACTORS)), strict=True))
    signers = {name: KeySigner(key) for name, key in secrets_by_name.items()}
    _keystores(Keystore(settings.home / "keystore"), password(devnet), secrets_by_name)
    ran = devnet.running() is not None
    running = devnet.start(backend, port)
    try:
        return _furnished(settings, running, signers, sent)
    except BaseException:
        if not ran:
            devnet.stop()
        raise


def _furnished(
    settings: Settings, running: Running, signers: Mapping[str, KeySigner], sent: Callable[[str, int], None]
) -> Localnet:
    """The contracts are on the chain that runs, and the settings name them."""
    node = EvmNode(Rpc([running.url]), limits=LIMITS)
    file = settings.home / "deployments" / f"{CHAIN_ID}.json"
    before = Record.parse(file.read_bytes()) if file.is_file() and node.block("latest").number else None
    record = _checked(node, before) if before else _deployed(settings, node, signers, file, sent)
    settings_: dict[str, object] = {
        "rpc": [running.url],
        "chain_id": CHAIN_ID,
        "deployment": str(file),
        "finality": "latest-0",
    }
    if NAME not in settings.networks or settings.networks[NAME].gateway is None:
        settings_["gateway"] = f"http://{settings.node.listen}"
    saved = config.save_network(NAME, settings_, path=settings.file)
    accounts = {name: signer.address for name, signer in signers.items()}
    return Localnet(running, record, accounts, saved, deployed=before is None)


def down(settings: Settings, *, purge: bool = False) -> bool:
    """Nothing of the chain runs any more; with `purge` nothing of it is left on disk. Whether it ran."""
    devnet = wire.devnet(settings)
    ran = devnet.stop()
    if purge:
        devnet.purge()
        (settings.home / "deployments" / f"{CHAIN_ID}.json").unlink(missing_ok=True)
        keystore, gone = Keystore(settings.home / "keystore"), []
        for name, key in zip(ACTORS, keys(MNEMONIC, len(ACTORS)), strict=True):
            with suppress(Missing):
                if keystore.address(name) == (address := KeySigner(key).address):
                    keystore.remove(name)
                    gone.append(address)
        KeyFolder(settings.home / "keys").drop(gone)
    return ran


def password(devnet: Devnet) -> bytes:
    """What opens the named accounts: made once, kept beside the chain for its owner alone."""
    file = password_file(devnet.folder.parent)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18) + "\n", "utf-8")
    return read_secret(file)


def password_file(home: Path) -> Path:
    """Where the password of the named accounts is."""
    return home / "devnet" / "password"


def password_of(settings: Settings, account: str) -> Path | None:
    """Where the password of `account` is, by name or address, if `up` made that account; a user's own has none here.

    Raises:
        Missing: there is no such account.
    """
    file = password_file(settings.home)
    if settings.network != NAME or not file.is_file():
        return None
    account_ = Keystore(settings.home / "keystore").account(account)
    if account_.name not in ACTORS or scrypt_n(document(account_.path)) != SCRYPT_N_DEVNET:
        return None
    key = keys(MNEMONIC, len(ACTORS))[ACTORS.index(account_.name)]
    return file if account_.address == KeySigner(key).address else None


def _keystores(keystore: Keystore, secret: bytes, keys_by_name: Mapping[str, bytes]) -> None:
    there = set(keystore.names())
    for name, key in keys_by_name.items():
        if name not in there:
            keystore.add(name, key, secret, scrypt_n=SCRYPT_N_DEVNET)
        elif keystore.address(name) != KeySigner(key).address:
            raise Conflict(
                f"the account {name} in this home is not the devnet's",
                next="Use another --home for the devnet, or rename that account.",
                name=name,
            )


def _checked(node: EvmNode, record: Record) -> Record:
    try:
        wire.connect(node, record)
    except (NoCode, AbiMismatch) as error:
        raise DevnetDiffers(error.detail) from None
    return record


def _deployed(
    settings: Settings,
    node: EvmNode,
    signers: Mapping[str, KeySigner],
    file: Path,
    sent: Callable[[str, int], None],
) -> Record:
    operator = signers["operator"]
    roles = Roles(
        owner=operator.address,
        guardian=signers["guardian"].address,
        arbiter=signers["arbiter"].address,
        publisher=signers["publisher"].address,
        meters=(operator.address,),
    )

    def connect(record: Record) -> EvmChain:
        return wire.connect(node, record)

    plan = Plan(roles, ruleset_1(operator.address))
    record, chain = deploy(EvmCreator(node), connect, wire.store(settings), plan, operator, sent=sent)
    mint(chain, operator, tuple(signer.address for signer in signers.values()), TOKENS_EACH)
    for call in staking(chain, roles.publisher):
        sent("stake for the publisher", chain.send(call, signers["publisher"]).gas_used)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(record.encode())
    draft.replace(file)
    return record
