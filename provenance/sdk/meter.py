"""`provenance.Meter`: the record of what a model server made.

    with provenance.Meter(license, model="tiny@1", purpose="train.tts", territory="DE", max_units=1_000) as meter:
        meter.record(output=wav, weights={recording: 0.7, other: 0.3})

What `record` returned from is on disk, survives `kill -9`, and reaches the gateway in signed
segments. Leaving the block closes the session with its last segment.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Final, Self

from stamina import instrumentation

from provenance import config
from provenance.adapters import wire
from provenance.adapters.durable import Unwritable
from provenance.adapters.keys.keyfile import read_secret
from provenance.adapters.keys.keystore import KeySigner, Keystore
from provenance.adapters.localnet import password_of
from provenance.adapters.queue import FolderQueue
from provenance.app import license as licenses
from provenance.app.meter import RECEIPTS, MeterClosed, MeteredOutput, MeterExtent, Recorder, open_session
from provenance.domain import attribution, purposes, territories, typed, usage
from provenance.domain.hashes import sha256
from provenance.domain.rules.case import UseFacts
from provenance.domain.rules.terms import session_end
from provenance.domain.terms import Terms
from provenance.domain.usage import UNIT_BY_LABEL, Outcome, Unit, Use
from provenance.errors import Denied, Invalid, ProvenanceError, Unavailable
from provenance.types import PPM_ONE, ZERO32, Bytes32, ReceiptId, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from stamina.instrumentation import RetryHook

    from provenance.app.ports import Clock, Gateway, Wallet
    from provenance.config import Settings
    from provenance.domain.typed import Domain

HOUR_S: Final = 3_600
FOLDER: Final = "meter"


class Meter:
    """One session of one license: records, signs, submits. Safe to share between threads."""

    def __init__(  # noqa: PLR0913 - the keywords of a public front
        self,
        license_id: bytes | str,
        *,
        model: str,
        purpose: str,
        territory: str,
        max_units: int,
        hours: int = 24,
        unit: str | None = None,
        wallet: Wallet | None = None,
        settings: Settings | None = None,
    ) -> None:
        """The session is on disk; `with` (or `open`) opens it at the gateway.

        Args:
            license_id: 32 bytes, or 0x-hex.
            model: `name@version` of what makes the outputs.
            purpose: one code of the license's, such as `train.tts`.
            territory: the country of use, two letters.
            max_units: the most that this session may owe; the license's balance must cover it.
            hours: how long it may record; it ends with the license and its terms at the latest.
            unit: what `units` counts; the terms' unit if None.
            wallet: the licensee's; the settings' account and password if None.
            settings: as `provenance.config.load` reads them.

        Raises:
            Denied: a purpose, territory or unit outside the license and its terms; a settlement would reject the
                use, and its units would be owed all the same.
        """
        _quiet_retries()
        self._settings = settings or config.load()
        self._wallet = wallet or _wallet(self._settings)
        self._model, self._purpose, self._territory = _model(model), purposes.mask((purpose,)), territory
        chain, clock, random = wire.chain(self._settings), wire.clock(self._settings), wire.random()
        license_ = licenses.find(chain, _license_id(license_id))
        self._domain = chain.deployment.domains.usage
        self._clock = clock
        terms = Terms.parse(wire.content(self._settings).get_digest(license_.grant.terms_hash)[1])
        extent = MeterExtent.of(license_.grant, terms, licenses.items(chain, license_.grant.dataset_id))
        self._unit = _unit(unit, extent)
        extent.check_kind(UseFacts(clock.now(), self._purpose, territories.country(territory), self._unit))
        self._gateway = wire.gateway(self._settings, self._wallet.signer)
        self._lock = threading.Lock()
        now = clock.now()
        key = random.bytes(32)
        session = typed.MeterSession(
            meter=self._gateway.key().wallet,
            session_key=KeySigner(key).address,
            license_id=license_.id,
            valid_from=now,
            valid_until=min(UnixSeconds(now + hours * HOUR_S), session_end(license_.expiry, terms)),
            max_units=max_units,
            nonce=int.from_bytes(random.bytes(32)),
        )
        opened = open_session(self._domain, session, self._wallet.signer)
        self._queue = FolderQueue(self._settings.journals / FOLDER / opened.id.hex(), new=True)
        self._recorder = Recorder(
            self._queue.journal, self._queue, self._queue.keep_key(key), self._domain, self._clock, extent=extent
        )
        self._recorder.begin(opened)
        self._ended = False

    @property
    def session(self) -> str:
        """The session's id."""
        return "0x" + self._recorder.session_id.hex()

    @property
    def queue(self) -> Path:
        """The session's folder; `provenance usage submit` goes on with it after a crash."""
        return self._queue.folder

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except ProvenanceError as unfinished:  # what ended the block is the program's to see
            error.add_note(f"The Meter was not closed: {unfinished.detail}. {unfinished.next_step}")

    def open(self) -> Self:
        """The gateway takes the session's segments from now on.

        Raises:
            Denied: the license does not stand, is in arrears, or its balance does not cover `max_units`.
        """
        recorder = self._recorder
        try:
            if recorder.session is not None:
                self._gateway.open_session(recorder.session, recorder.session_signature)
        except (Denied, Invalid):
            self._queue.discard()
            raise
        except ProvenanceError:
            self._queue.close()
            raise
        return self

    def record(  # noqa: PLR0913 - the fields of a receipt
        self,
        *,
        output: bytes | None = None,
        digest: bytes | None = None,
        weights: attribution.Given | None = None,
        outcome: str | Outcome = Outcome.DELIVERED,
        units: int = 1,
        method: int = attribution.METHOD_CONSTRUCTION,
        quality_ppm: int = PPM_ONE,
        corrects: ReceiptId = ZERO32,
        purpose: str | None = None,
        territory: str | None = None,
        model: str | None = None,
    ) -> Use:
        """The receipt of one output; on disk before this returns.

        Args:
            output: what was made; only its sha-256 is kept.
            digest: its sha-256, instead.
            weights: whose recordings made it, by recording id (32 bytes, or 0x-hex): whole ppm that sum to
                1,000,000, or floats of any scale. Nothing if nobody can say: then it is shared equally.
            outcome: `delivered`, `draft`, `rejected` or `refunded`.
            units: in the session's unit.
            method: how the weights came about; the terms name which counts.
            quality_ppm: by the method's own measure.
            corrects: the receipt that this one corrects.
            purpose: another than the Meter's.
            territory: another than the Meter's.
            model: another than the Meter's.

        Raises:
            SessionSpent: past `max_units`.
            Invalid: what cannot be a receipt, or a recording that the license's dataset does not have.
            Denied: a purpose or territory outside the license and its terms.

        Where it raises, nothing was recorded.
        """
        metered = MeteredOutput(
            commitment=_commitment(output, digest),
            model=_model(model) if model else self._model,
            purpose=purposes.mask((purpose,)) if purpose else self._purpose,
            territory=territory or self._territory,
            weights=weights or {},
            method=method,
            quality_ppm=quality_ppm,
            outcome=_outcome(outcome),
            unit=self._unit,
            units=units,
            corrects=corrects,
        )
        with self._lock:
            self._refuse_ended()
            use = self._recorder.record(metered)
            if self._recorder.unsigned >= RECEIPTS:
                self._recorder.cut()
                with contextlib.suppress(Unavailable):  # the queue keeps it; the next segment or `close` tries again
                    self._recorder.submit(self._gateway)
            return use

    def flush(self) -> int:
        """Everything recorded is acknowledged by the gateway; returns how many segments were new.

        Raises:
            Unavailable: the gateway is silent; nothing is lost.
        """
        with self._lock:
            self._refuse_ended()
            with _kept(self._queue):
                self._recorder.cut()
                return self._recorder.submit(self._gateway)

    def _refuse_ended(self) -> None:
        if self._ended:
            raise MeterClosed("this Meter was closed", session=self.session)

    def close(self) -> None:
        """The session has signed its last segment, and all of it is acknowledged.

        Raises:
            Unavailable: the gateway is silent; the queue waits for `provenance usage submit`.
        """
        with self._lock:
            if self._recorder.done:
                return
            if self._ended:
                self._recorder, self._queue = resume(self._queue.folder, self._domain, self._clock)
            self._ended = True
            finish(self._recorder, self._queue, self._gateway)


def finish(recorder: Recorder, queue: FolderQueue, gateway: Gateway) -> int:
    """The session is closed and acknowledged, its key forgotten and its folder free; returns new segments.

    Raises:
        Unavailable: the gateway is silent; nothing is lost.
    """
    try:
        with _kept(queue):
            if not recorder.closed:
                recorder.cut(last=True)
            new = recorder.submit(gateway)
    finally:
        queue.close()
    queue.forget_key()
    return new


@contextlib.contextmanager
def _kept(queue: FolderQueue) -> Iterator[None]:
    """A gateway that is silent meanwhile is told with where the receipts are and how they get to it later."""
    try:
        yield
    except Unwritable:
        raise  # of the disk, which says its own next step
    except Unavailable as error:
        later = f"The receipts are kept in {queue.folder}. Later: `provenance usage submit {queue.folder}`."
        raise type(error)(error.detail, next=later, **error.facts) from None


@functools.cache
def _quiet_retries() -> None:
    """A program is not told that we ask the gateway again; what it tells of retries of its own stays."""

    def others(hook: RetryHook) -> RetryHook:
        return lambda details: None if isinstance(details.caused_by, ProvenanceError) else hook(details)

    instrumentation.set_on_retry_hooks([others(hook) for hook in instrumentation.get_on_retry_hooks()])


def resume(folder: Path, domain: Domain, clock: Clock) -> tuple[Recorder, FolderQueue]:
    """The session in a folder as its last instruction left it.

    Raises:
        Missing: there is no such queue.
        JournalBusy: another process has it.
    """
    queue = FolderQueue(folder)
    return Recorder(queue.journal, queue, queue.key(), domain, clock), queue


def _wallet(settings: Settings) -> Wallet:
    if not settings.account:
        raise Invalid("which account is the licensee?", next="Set `account`, or pass wallet= to the Meter.")
    file = settings.password_file
    if file is None and settings.password is None:
        file = password_of(settings, settings.account)
    if file is not None:
        secret = read_secret(file)
    elif settings.password is not None:
        secret = settings.password.get_secret_value().encode()
    else:
        raise Invalid("no password for the licensee's account", next="Set `password_file`, or pass wallet=.")
    return Keystore(settings.home / "keystore").unlock(settings.account, secret)


def _license_id(given: bytes | str) -> Bytes32:
    text = given if isinstance(given, str) else "0x" + given.hex()
    try:
        octets = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        octets = b""
    if len(octets) != 32:
        raise Invalid(f"{text[:80]!r} is no license id", field="license", next="`provenance license list` shows it.")
    return Bytes32(octets)


def _unit(label: str | None, extent: MeterExtent) -> Unit:
    """The named unit, or the one of the license's terms."""
    if label is not None:
        if label not in UNIT_BY_LABEL:
            raise Invalid(f"unit {label!r} is none of {', '.join(UNIT_BY_LABEL)}", field="unit")
        return UNIT_BY_LABEL[label]
    return Unit(extent.extent.unit)


def _model(text: str) -> Bytes32:
    name, _, version = text.partition("@")
    if not (name and version):
        raise Invalid(f"model {text!r} is not `name@version`", field="model")
    return usage.model_id(name, version)


def _commitment(output: bytes | None, digest: bytes | None) -> Bytes32:
    if output is not None and digest is None:
        return sha256(output)
    if digest is not None and output is None and len(digest) == 32:
        return Bytes32(digest)
    raise Invalid("give either output=bytes or digest=its 32-byte sha-256", field="output")


def _outcome(given: str | Outcome) -> Outcome:
    if isinstance(given, Outcome):
        return given
    try:
        return Outcome[given.upper()]
    except KeyError:
        names = ", ".join(outcome.name.lower() for outcome in Outcome)
        raise Invalid(f"outcome {given!r} is none of {names}", field="outcome") from None


__all__ = ["Meter", "finish", "resume"]
