"""Registration: a deposited manifest gets on chain, by its holder or for its holder by somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provenance.app.ports import Call, Chain, Mined, Signer
from provenance.app.publish.request import Authorization, AuthorizationNeeded, Request
from provenance.domain import fields, record, signature, typed
from provenance.domain.typed import Register
from provenance.errors import Invalid
from provenance.types import DatasetId, UnixSeconds

if TYPE_CHECKING:
    from provenance.app.publish.ports import UploadPorts
    from provenance.domain.cid import Cid
    from provenance.domain.manifest import Manifest

KIND: Final = "provenance/register"
TITLE: Final = "register dataset"


class OtherRegistration(Invalid):
    """The signature is for another manifest, holder, terms or shares."""

    next = "Send the holder the new request file, and repeat with the signature under it."


def is_registered(dataset: DatasetId, chain: Chain) -> bool:
    """Whether the chain knows the dataset."""
    return chain.read(Call("DatasetRegistry", "standing", (dataset,)))[1] != 0


def words(manifest: Manifest, cid: Cid, deadline: UnixSeconds) -> Register:
    """What registering this manifest says."""
    return Register(
        holder=manifest.holder,
        manifest_root=manifest.root(),
        manifest_digest=cid.digest,
        terms_hash=manifest.terms_hash,
        split_hash=manifest.split_hash(),
        items=len(manifest.recordings),
        deadline=deadline,
    )


def register(request: Request, manifest: Manifest, cid: Cid, dataset: DatasetId, ports: UploadPorts) -> Mined | None:
    """The dataset is on chain.

    Raises:
        AuthorizationNeeded: it is another's, who has not signed; the request to sign is written.
        OtherRegistration: what was signed is something else.
    """
    ports.sealing.progress.phase("Registering", 0)
    given = authorization(request, manifest, cid, dataset, ports)
    struct = words(manifest, cid, given.register.deadline if given else UnixSeconds(0))
    plain = (struct.manifest_root, struct.manifest_digest, struct.terms_hash, struct.split_hash, struct.items)
    if given is None:
        return ports.transact(Call("DatasetRegistry", "register", plain), TITLE)
    call = Call("DatasetRegistry", "registerFor", (struct.holder, plain, struct.deadline, given.signature))
    return ports.transact(call, TITLE)


def authorization(
    request: Request, manifest: Manifest, cid: Cid, dataset: DatasetId, ports: UploadPorts
) -> Authorization | None:
    """The holder's signature under this manifest; None where the holder uploads itself.

    Raises:
        AuthorizationNeeded: it is another's, who has not signed; the request to sign is written.
        OtherRegistration: what was signed is something else; the same.
        BadSignature: somebody else signed.
    """
    if manifest.holder == ports.sealing.wallet.signer.address:
        return None
    given = request.authorization
    struct = words(manifest, cid, given.register.deadline if given else UnixSeconds(0))
    if given is not None and given.register == struct:
        chain = ports.sealing.chain
        if not chain.has_code(struct.holder):  # a contract wallet's signature is left to the contract
            signature.check(typed.digest(chain.deployment.domains.registry, struct), given.signature, struct.holder)
        return given
    file = ports.write("register.json", encode(words(manifest, cid, UnixSeconds(0))))
    if given is not None:
        names = [name for name in Register.__slots__ if getattr(given.register, name) != getattr(struct, name)]
        raise OtherRegistration(
            f"the signature is for another {', '.join(names)}",
            next=f"Send the holder {file}, and repeat with the signature under it.",
            fields=list(names),
            file=str(file),
        )
    raise AuthorizationNeeded(
        f"{fields.checksummed(manifest.holder)} must sign this registration",
        next=f"The holder runs `provenance dataset sign {file} --out F`; then repeat with --authorization F.",
        file=str(file),
        dataset=fields.shown(dataset),
    )


def match(asked: Register, manifest: Manifest) -> None:
    """The registration is that of this manifest, whose consents the holder's gateway will check.

    Raises:
        OtherRegistration: a root, holder, terms, shares or count differs.
    """
    expected = Register(
        holder=manifest.holder,
        manifest_root=manifest.root(),
        manifest_digest=asked.manifest_digest,
        terms_hash=manifest.terms_hash,
        split_hash=manifest.split_hash(),
        items=len(manifest.recordings),
        deadline=asked.deadline,
    )
    if expected != asked:
        names = [name for name in Register.__slots__ if getattr(asked, name) != getattr(expected, name)]
        raise OtherRegistration(f"the manifest has another {', '.join(names)}", fields=list(names))


def encode(register: Register, signed: bytes = b"") -> bytes:
    """A `provenance/register/1` document: a request to sign, or with the signature an authorization."""
    return record.encode(Authorization(register, signed), KIND)


def parse(content: bytes) -> Authorization:
    """What `encode` wrote; the signature is empty in a request.

    Raises:
        Invalid: not such a document.
    """
    return record.parse(Authorization, content, KIND)


def sign(asked: Register, signer: Signer, chain: Chain, deadline: UnixSeconds) -> Authorization:
    """The registration that was asked for, signed by its holder.

    Raises:
        OtherRegistration: it is not for this account.
    """
    if asked.holder != signer.address:
        raise OtherRegistration(
            f"this registration is for {fields.checksummed(asked.holder)}, not for {fields.checksummed(signer.address)}",
            next="Repeat with --account of the holder.",
        )
    struct = Register(**{name: getattr(asked, name) for name in Register.__slots__} | {"deadline": deadline})
    return Authorization(struct, signer.sign_typed(chain.deployment.domains.registry, struct))
