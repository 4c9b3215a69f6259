"""What a command is given: settings, output, and the ports made from them when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, TextIO

from provenance.adapters import wire
from provenance.cli.out import Out, Sent
from provenance.cli.password import password
from provenance.domain.fees import Limits
from provenance.domain.fields import ether
from provenance.errors import Invalid, Missing
from provenance.types import Address, Json, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from provenance.adapters.chain import EvmChain, EvmNode
    from provenance.adapters.keys.keystore import Keystore, KeystoreWallet
    from provenance.adapters.remote import HttpGateway
    from provenance.app.license import Send
    from provenance.app.ports import Call, Clock, Content, Cost, Mined, Random, Wallet
    from provenance.config import Network, Settings


__all__ = ["Context", "DryRun", "Flags", "Sent", "Session"]


NAMES = 6  # more are not listed in an error
ROOM = 5  # quarters of the price that the user saw, which moves until a transaction is signed
APPROVAL = ("Token", "approve")
AFTER_APPROVAL_GAS = 250_000
"""More than what takes approved tokens uses; a node estimates it only once the approval is mined."""


class DryRun(Exception):
    """The command has shown what it would do; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line: its streams, what it sent, and its results in words, whatever was printed."""

    stdout: TextIO
    stderr: TextIO
    sent: list[Sent] = field(default_factory=list)
    texts: list[Callable[[], list[str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The options that every command has, as the user said them."""

    network: str | None = None
    account: str | None = None
    password_file: Path | None = None
    gateway: str | None = None
    content: tuple[str, ...] = ()
    config: Path | None = None
    home: Path | None = None
    as_json: bool = False
    yes: bool = False
    dry_run: bool = False
    verbose: int = 0
    quiet: bool = False
    log_format: str | None = None


class Context:
    """What one command was given."""

    def __init__(self, flags: Flags, out: Out, session: Session) -> None:
        self.flags, self.out, self.session = flags, out, session
        self._wallets: dict[str, KeystoreWallet] = {}

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be changed or sent."""
        return self.flags.dry_run

    @property
    def verbose(self) -> int:
        """How often `-v` was said."""
        return self.flags.verbose

    @cached_property
    def settings(self) -> Settings:
        """Flags over environment over file."""
        from stamina import instrumentation

        from provenance import config

        loaded = config.load(
            self.flags.config,
            {
                name: getattr(self.flags, name)
                for name in ("network", "account", "password_file", "gateway", "content", "home", "log_format")
            },
        )
        instrumentation.set_on_retry_hooks(None if self.verbose else ())  # a request tried again is news for `-v` only
        if self.verbose:
            self.log(loaded)
        return loaded

    def log(self, settings: Settings) -> None:
        """What is logged from now on is written to stderr."""
        from provenance.cli.log import configure

        configure(self.session.stderr, verbose=self.verbose, form=settings.log_format)

    @property
    def network(self) -> Network:
        """The chosen network's settings."""
        return self.settings.chosen()

    @property
    def home(self) -> Path:
        """This party's folder."""
        return self.settings.home

    @property
    def journals(self) -> Path:
        """Where is kept what means nothing without its chain."""
        return self.settings.journals

    @cached_property
    def keystore(self) -> Keystore:
        """The keys under `home`."""
        from provenance.adapters.keys.keystore import Keystore

        return Keystore(self.home / "keystore")

    @cached_property
    def clock(self) -> Clock:
        """Host time plus the devnet's lead."""
        return wire.clock(self.settings)

    @cached_property
    def random(self) -> Random:
        """The system's randomness."""
        from provenance.adapters.keys.keystore import SystemRandom

        return SystemRandom()

    @cached_property
    def _chain(self) -> EvmChain:
        return wire.chain(self.settings)

    @cached_property
    def _content(self) -> Content:
        return wire.content(self.settings)

    def chain(self) -> EvmChain:
        """The chosen network's node and deployment."""
        return self._chain

    def content(self) -> Content:
        """This party's content stores."""
        return self._content

    def gateway(self, wallet: Wallet | None = None) -> HttpGateway:
        """The gateway in force, as its client sees it; `wallet` signs the requests whose sender must be known."""
        return wire.gateway(self.settings, wallet.signer if wallet else None)

    def address(self, name: str | None = None) -> Address:
        """The address of an account by name or hex; no password is needed."""
        return self.keystore.address(self.account_name(name))

    def wallet(self, name: str | None = None) -> Wallet:
        """The unlocked account `name`, else the one of `--account`; unlocked once a command."""
        chosen = self.account_name(name)
        if chosen not in self._wallets:
            from provenance.adapters.localnet import password_of

            secret = self.password(f"Password of {chosen}", kept=password_of(self.settings, chosen))
            self._wallets[chosen] = self.keystore.unlock(chosen, secret)
        return self._wallets[chosen]

    def password(self, prompt: str, *, repeat: bool = False, kept: Path | None = None) -> bytes:
        """From `--password-file`, PROVENANCE_PASSWORD, the file `kept` or a prompt, in this order."""
        return password(self.settings, prompt, repeat=repeat, kept=kept)

    def transact(self, call: Call, title: str, wallet: Wallet | None = None, *, means: str = "") -> Mined:
        """The call is mined, after what it does and costs was shown and the user agreed.

        Args:
            call: what is sent.
            title: names the transaction in results.
            wallet: the sender; the account in force if None.
            means: what it does, in the user's words; the title where that says it all.

        Raises:
            DryRun: with `--dry-run`, when the cost has been shown.
        """
        return self.act(means or title, wallet)(call, title)

    def act(self, means: str, wallet: Wallet | None = None, *, tokens: str = "") -> Send:
        """What sends the transactions of one act: the user is asked once, before the first of them.

        Args:
            means: what all of them do, in the user's words, and for whom.
            wallet: the sender; the account in force if None.
            tokens: what the act takes besides fees, such as `25 TUSD`.

        Returns:
            Sends a call, named in results by a title.
        """
        sender, titles = wallet or self.wallet(), list[str]()

        def send(call: Call, title: str) -> Mined:
            calls, approving = (call,), (call.contract, call.function) == APPROVAL
            action = f"{means}: {call.contract}.{call.function}" + (", then what takes it" if approving else "")
            if self.dry_run:
                self.would_send(action, calls, sender.signer.address, title=title)
            if not titles:
                self.ask(action, calls, sender.signer.address, tokens=tokens)
            titles.append(title)
            return self.send(call, title, sender)

        return send

    def send(self, call: Call, title: str, wallet: Wallet) -> Mined:
        """The call, to which the user agreed before, is mined and named in the results."""
        mined = self.chain().send(call, wallet.signer)
        self.session.sent.append(Sent(title, mined))
        if self.verbose:
            self.out.say(f"{title}: tx 0x{mined.tx.hex()}, block {mined.block.number}, {mined.gas_used:,} gas")
        return mined

    def ask(self, action: str, calls: Sequence[Call], sender: Address, *, tokens: str = "") -> None:
        """The user saw what the transactions cost and agreed, or said `--yes` before."""
        costs = () if self.out.yes else self._costs(calls, sender)
        self.agree(action, costs, tokens=tokens, question="Send it?" if len(costs) == 1 else "Send them?")

    def agree(
        self, action: str, costs: Sequence[Cost], *, tokens: str = "", question: str, node: EvmNode | None = None
    ) -> None:
        """The user agreed to what an act does and costs in all, or said `--yes` before.

        What is above the limits of the network is said in words and asked for; `--yes` does not agree to it, and nothing
        above what the user saw is signed afterwards.

        Args:
            action: what is done.
            costs: of each transaction.
            tokens: what it takes besides.
            question: what is asked where the costs are within the limits.
            node: what signs and sends; the chain's, unless there are no contracts yet.

        Raises:
            Declined: the user said no.
            FeeAboveLimit: a cost is above the limits, and nobody is asked.
        """
        node, limits = node or self.chain().node, wire.limits(self.settings)
        node.limits = limits
        if self.out.yes:
            for cost in costs:
                limits.check(cost.fee_wei, cost.gas_price_wei)
            return
        self.out.warn(f"{action}, {_priced(costs, tokens)}")
        if not all(limits.allow(cost.fee_wei, cost.gas_price_wei) for cost in costs):
            fee, gas_price = (max(wei) * ROOM // 4 for wei in zip(*map(_wei, costs), strict=True))
            self.out.warn(f"{node.rpc.url} names this price, which may be a lie: {limits.words()}.")
            question = f"Pay up to {ether(fee)} ETH for a transaction all the same?"
            limits = Limits(Wei(fee), Wei(gas_price))
        self.out.confirm(question)
        node.limits = limits

    def would_send(self, action: str, calls: Sequence[Call], sender: Address, **facts: Json) -> NoReturn:
        """Says what the transactions would cost together; `--dry-run` ends here.

        Raises:
            DryRun: always.
        """
        costs = self._costs(calls, sender)
        sent: dict[str, Json] = {"function": f"{calls[0].contract}.{calls[0].function}"} if calls else {}
        gas, fee = sum(cost.gas for cost in costs), sum(cost.fee_wei for cost in costs)
        self.would(
            f"{action}, {_priced(costs)}",
            **{"transactions": len(costs), "gas": gas, "feeWei": str(fee), **sent, **facts},
        )

    def _costs(self, calls: Sequence[Call], sender: Address) -> list[Cost]:
        """What the calls would cost now, each as if it were the next; what follows an approval costs so much at most.

        The sender has as much as the dearest is to be covered with: most of that is left for the one after it.
        """
        from provenance.adapters.chain import afford

        costs = [self.chain().cost(call, sender) for call in calls]
        if [(call.contract, call.function) for call in calls] == [APPROVAL]:
            costs.append(self.chain().node.price(AFTER_APPROVAL_GAS))
        afford(self.chain().node, sender, costs)
        return costs

    def would(self, text: str, **facts: Json) -> NoReturn:
        """Says what the command would do; `--dry-run` ends here.

        Raises:
            DryRun: always.
        """
        self.out.emit(
            {"dryRun": True, "would": text, **facts}, text=f"Would send: {text}" if "gas" in facts else f"Would {text}"
        )
        raise DryRun

    def account_name(self, name: str | None = None) -> str:
        """`name`, else what `--account` says, else the only account there is."""
        chosen = name or self.settings.account
        if chosen:
            return chosen
        names = self.keystore.names()
        if len(names) == 1:
            return names[0]
        if not names:
            raise Missing("there is no account yet", next="`provenance account create NAME` makes one.")
        there = f"there are {', '.join(names)}" if len(names) <= NAMES else "`provenance account list` shows them"
        raise Invalid("which account?", next=f"Repeat with --account NAME; {there}.", known=list(names))


def _priced(costs: Sequence[Cost], tokens: str = "") -> str:
    gas, fee = sum(cost.gas for cost in costs), sum(cost.fee_wei for cost in costs)
    return f"{gas:,} gas, at most {ether(fee)} ETH" + (f" and {tokens}" if tokens else "")


def _wei(cost: Cost) -> tuple[int, int]:
    return cost.fee_wei, cost.gas_price_wei
