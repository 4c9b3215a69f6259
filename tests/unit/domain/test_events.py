"""The events are those of the compiled contracts, and only their canonical encoding is one."""

import dataclasses
import re

import pytest
from hypothesis import given, strategies as st

from provenance import abi
from provenance.domain import events
from provenance.domain.hashes import keccak
from tests import logs

OURS = tuple(name for name in abi.NAMES if name != "Token")
OF_LIBRARIES = {"EIP712DomainChanged"}  # of ERC-5267; the contracts never emit it


def declared() -> dict[tuple[str, str], str]:
    """The contracts' events: (contract, name) to the declaration in one line."""
    return {
        (contract, str(entry["name"])): f"{entry['name']}({','.join(map(_argument, entry['inputs']))})"
        for contract in OURS
        for entry in abi.load(contract).abi
        if entry["type"] == "event" and entry["name"] not in OF_LIBRARIES
    }


def _argument(entry) -> str:
    return f"{entry['type']} {'indexed ' if entry['indexed'] else ''}{entry['name']}"


def test_the_events_are_exactly_those_of_the_contracts():
    ours = {(contract, event.__name__): event.ABI for event in events.EVENTS for contract in event.CONTRACTS}
    assert ours == declared()


def test_every_class_of_an_event_stands_in_the_union():
    classes = {one for one in vars(events).values() if isinstance(one, type) and hasattr(one, "ABI")}
    assert classes == set(events.EVENTS)
    assert all(event.__name__ == event.ABI.partition("(")[0] for event in events.EVENTS)


@pytest.mark.parametrize("event", events.EVENTS)
def test_fields_are_the_arguments_in_their_order(event):
    spelled = [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for _, _, name in events.arguments(event)]
    assert [field.name.rstrip("_") for field in dataclasses.fields(event)] == spelled


def test_a_known_topic():
    """Source: the ERC-20 Transfer topic, from the Solidity documentation's event example."""
    assert keccak(b"Transfer(address,address,uint256)").hex() == (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    )
    assert events.topic(events.MeterAdmitted) == keccak(b"MeterAdmitted(address)")


def values(kind: str) -> st.SearchStrategy:
    if kind == "bool":
        return st.booleans()
    if kind.startswith("uint"):
        return st.integers(0, (1 << int(kind[4:])) - 1)
    size = 20 if kind == "address" else 32
    return st.binary(min_size=size, max_size=size)


ANY = st.one_of(
    [st.builds(event, *(values(kind) for kind, _, _ in events.arguments(event))) for event in events.EVENTS]
)


@given(ANY)
def test_what_a_contract_logs_is_read_back(event):
    for contract in event.CONTRACTS:
        assert events.decode(contract, *logs.encode(event)) == event


@given(ANY)
def test_another_contract_with_the_same_event_is_not_heard(event):
    for contract in {*OURS, "Token"} - set(event.CONTRACTS):
        assert events.decode(contract, *logs.encode(event)) is None


@given(ANY, st.data())
def test_padding_that_carries_anything_is_refused(event, data):
    topics, body = logs.encode(event)
    kinds = [kind for kind, indexed, _ in events.arguments(type(event)) if not indexed]
    narrow = [i for i, kind in enumerate(kinds) if kind not in ("bytes32", "uint256")]
    if not narrow:
        return
    at = 32 * data.draw(st.sampled_from(narrow))
    wrong = body[:at] + b"\x01" + body[at + 1 :]
    with pytest.raises(events.BadLog):
        events.decode(event.CONTRACTS[0], topics, wrong)


@given(ANY, st.binary(min_size=1, max_size=64))
def test_more_or_less_data_is_refused(event, more):
    topics, body = logs.encode(event)
    with pytest.raises(events.BadLog):
        events.decode(event.CONTRACTS[0], topics, body + more)
    with pytest.raises(events.BadLog):
        events.decode(event.CONTRACTS[0], topics[:-1], body)


def test_unknown_topics_are_no_event():
    assert events.decode("DataAccess", (), b"") is None
    assert events.decode("DataAccess", (keccak(b"Other()"),), b"") is None
