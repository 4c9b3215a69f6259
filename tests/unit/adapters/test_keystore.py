"""Keys lie in V3 files that Foundry, Brownie and geth read, and theirs are read."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt
from Crypto.Util import Counter
from eth_account import Account as EthAccount
from eth_keyfile import keyfile
from hypothesis import given, settings, strategies as st

from provenance.adapters.anvil import tool
from provenance.adapters.keys import v3
from provenance.adapters.keys.keyfile import ReadableByOthers, WrongPassword, open_file, read_secret
from provenance.adapters.keys.keystore import EnvelopeKeyDamaged, KeySigner, Keystore, RawKeyGiven, checked_name
from provenance.adapters.seal import EnvelopeClosed, seal_envelope
from provenance.domain import typed
from provenance.domain.hashes import keccak
from provenance.domain.sealed import Secret
from provenance.domain.signature import recover
from provenance.errors import Broken, Conflict, Invalid, Missing
from provenance.types import Address, Bytes32

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "keystores"
KEY = bytes.fromhex("4c" * 32)
ADDRESS = Address(bytes.fromhex("db00079cad3e665853bf766efe26f4c38cdbdcda"))
SPECIFIED_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
PASSWORD = "пароль 口令".encode()
N = v3.SCRYPT_N_DEVNET


@pytest.fixture
def keys(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keystore")


def private(path: Path, target: Path) -> Path:
    shutil.copy(path, target)
    target.chmod(0o600)
    return target


@pytest.mark.parametrize(
    ("name", "key", "password"),
    [
        ("foundry.json", KEY, PASSWORD),
        ("brownie.json", KEY, PASSWORD),
        ("geth-scrypt.json", SPECIFIED_KEY, b"testpassword"),
        ("geth-pbkdf2.json", SPECIFIED_KEY, b"testpassword"),
    ],
)
def test_files_of_other_tools_open(tmp_path: Path, name: str, key: bytes, password: bytes):
    path = private(GOLDEN / name, tmp_path / name)
    assert open_file(path, password).key == key


def test_files_of_other_tools_open_with_their_password_alone(tmp_path: Path):
    with pytest.raises(WrongPassword):
        open_file(private(GOLDEN / "brownie.json", tmp_path / "brownie.json"), PASSWORD + b"!")


def test_brownie_reads_our_files(keys: Keystore):
    path = keys.add("mine", KEY, PASSWORD, scrypt_n=N).path
    assert EthAccount.decrypt(path.read_text(), PASSWORD.decode()) == KEY


def test_foundry_reads_our_files(keys: Keystore):
    path = keys.add("mine", KEY, PASSWORD, scrypt_n=N).path
    line = [str(tool("cast")), "wallet", "address", "--keystore", str(path), "--password", PASSWORD.decode()]
    told = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert bytes.fromhex(told.strip()[2:]) == ADDRESS


def test_a_new_account_is_for_its_owner_alone_and_keeps_its_keys(keys: Keystore):
    old = os.umask(0)
    try:
        made = keys.create("studio", PASSWORD, scrypt_n=N)
    finally:
        os.umask(old)
    for path in (made.path, keys.envelope_path("studio")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text())["crypto"]["kdfparams"]["n"] == N
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    first, again = keys.unlock("studio", PASSWORD), keys.unlock("studio", PASSWORD)
    assert first.signer.address == again.signer.address == made.address == keys.address("studio")
    assert first.encryption_key == again.encryption_key
    assert keys.names() == ("studio",)


def test_two_accounts_share_nothing(keys: Keystore):
    one, two = (keys.create(name, PASSWORD, scrypt_n=N) for name in ("one", "two"))
    assert one.address != two.address
    assert keys.unlock("one", PASSWORD).encryption_key != keys.unlock("two", PASSWORD).encryption_key


def test_by_default_a_password_is_as_hard_to_guess_as_geth_makes_it(keys: Keystore):
    made = keys.create("slow", PASSWORD)
    assert json.loads(made.path.read_text())["crypto"]["kdfparams"] | {"salt": ""} == {
        "n": 262_144, "r": 8, "p": 1, "dklen": 32, "salt": "",
    }  # fmt: skip


def test_an_account_is_never_overwritten(keys: Keystore):
    made = keys.add("studio", KEY, PASSWORD, scrypt_n=N)
    before = made.path.read_bytes()
    with pytest.raises(Conflict):
        keys.create("studio", b"other", scrypt_n=N)
    with pytest.raises(Conflict):
        keys.add("other", KEY, b"other", scrypt_n=N)
    keys.envelope_path("third").write_text("{}")
    with pytest.raises(Conflict):
        keys.create("third", PASSWORD, scrypt_n=N)
    assert made.path.read_bytes() == before
    assert keys.names() == ("studio",)


def test_a_key_that_foundry_put_there_is_used_and_gets_its_envelope_key(keys: Keystore):
    keys.folder.mkdir()
    private(GOLDEN / "foundry.json", keys.path("cast"))
    assert keys.accounts()[0].address is None
    with pytest.raises(Invalid, match="does not tell its address"):
        keys.address("cast")
    first = keys.unlock("cast", PASSWORD)
    assert first.signer.address == ADDRESS
    assert keys.unlock("cast", PASSWORD).encryption_key == first.encryption_key


def test_accounts_are_found_by_address(keys: Keystore):
    keys.add("mine", KEY, PASSWORD, scrypt_n=N)
    assert keys.unlock("0x" + ADDRESS.hex().upper(), PASSWORD).signer.address == ADDRESS
    assert keys.address("0x" + "11" * 20) == bytes.fromhex("11" * 20)
    with pytest.raises(Missing):
        keys.unlock("0x" + "11" * 20, PASSWORD)
    with pytest.raises(Missing):
        keys.unlock("nobody", PASSWORD)


@pytest.mark.parametrize("which", ["path", "envelope_path"])
def test_a_key_readable_by_others_is_refused(keys: Keystore, which: str):
    keys.create("studio", PASSWORD, scrypt_n=N)
    getattr(keys, which)("studio").chmod(0o640)
    with pytest.raises(ReadableByOthers):
        keys.unlock("studio", PASSWORD)


def test_a_wrong_password_opens_nothing(keys: Keystore):
    keys.create("studio", PASSWORD, scrypt_n=N)
    with pytest.raises(WrongPassword) as caught:
        keys.unlock("studio", b"guess")
    assert "guess" not in str(caught.value)


def test_a_file_whose_address_lies_is_a_bug_not_a_signature(keys: Keystore):
    path = keys.add("studio", KEY, PASSWORD, scrypt_n=N).path
    path.write_text(path.read_text().replace(ADDRESS.hex(), "11" * 20))
    with pytest.raises(Broken):
        keys.unlock("studio", PASSWORD)


@pytest.mark.parametrize(
    "content",
    [
        "", "{}", "[]", "null", '{"version": 3}', '{"version": 3, "crypto": {"cipher": "rot13"}}', "[" * 100_000,
        '{"version": 3, "crypto": {"cipher": "aes-128-ctr"}}',
        '{"version": 3, "crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "zz"}, "ciphertext": "", "mac": ""}}',
    ],
)  # fmt: skip
def test_what_is_no_keystore_is_refused(keys: Keystore, content: str):
    keys.folder.mkdir()
    keys.path("bad").write_text(content)
    keys.path("bad").chmod(0o600)
    with pytest.raises(Invalid):
        keys.unlock("bad", PASSWORD)


@pytest.mark.parametrize("change", [{"n": 1 << 24}, {"p": 1 << 20}, {"dklen": 1 << 30}, {"n": 3}])
def test_a_file_cannot_ask_for_endless_work(change: dict[str, int]):
    document = v3.encrypt(KEY, PASSWORD, scrypt_n=N, address=ADDRESS)
    document["crypto"]["kdfparams"] |= change
    with pytest.raises(Invalid):
        v3.decrypt(document, PASSWORD)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\0b", "-a", "a.", "x" * 65, "ключ", "a.x25519"])
def test_names_cannot_leave_the_folder(keys: Keystore, name: str):
    with pytest.raises(Invalid):
        keys.create(name, PASSWORD, scrypt_n=N)


@pytest.mark.parametrize("name", ["Мария", "голос 1", "声音", "x" * 65, "nobody"])
def test_a_name_that_no_account_can_have_is_an_unknown_one_where_it_is_looked_up(keys: Keystore, name: str):
    with pytest.raises(Missing, match=f"no account {name}") as told:
        keys.address(name)
    assert "account list" in told.value.next_step


@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", "a\0b"])
def test_no_name_is_looked_up_outside_the_folder(keys: Keystore, name: str):
    with pytest.raises(Invalid):
        keys.address(name)


@pytest.mark.parametrize("text", ["4c" * 32, "0x" + "4C" * 32, " 0x" + "4c" * 32 + "\n"])
def test_a_raw_key_as_a_name_is_refused_and_not_repeated(text: str):
    with pytest.raises(RawKeyGiven) as caught:
        checked_name(text)
    assert "4c4c" not in str(caught.value).lower()
    assert "4c4c" not in json.dumps(caught.value.problem()).lower()


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(31), bytes(33)])
def test_numbers_that_are_no_keys_are_refused(key: bytes):
    with pytest.raises(Invalid):
        KeySigner(key)


@given(st.integers(1, 2**200), st.binary(min_size=32, max_size=32))
def test_signatures_recover_to_the_address_and_stand_in_their_one_form(number: int, digest: bytes):
    signer = KeySigner(number.to_bytes(32, "big"))
    signature = signer.sign(Bytes32(digest))
    assert recover(Bytes32(digest), signature) == signer.address
    other = EthAccount.from_key(number.to_bytes(32, "big")).unsafe_sign_hash(digest)
    assert signature == other.signature


STRUCTS = sorted(
    (kind for kind in vars(typed).values() if isinstance(getattr(kind, "TYPE", None), str)), key=lambda kind: kind.TYPE
)


def values(kind: str) -> st.SearchStrategy[object]:
    """Every value of an ABI type."""
    if kind == "bool":
        return st.booleans()
    if kind == "string":
        return st.text(st.characters(codec="utf-8"), max_size=50)
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        return st.integers(-(2 ** (int(kind[3:]) - 1)), 2 ** (int(kind[3:]) - 1) - 1)
    size = 20 if kind == "address" else int(kind[5:])
    return st.binary(min_size=size, max_size=size)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(drawn=st.data())
def test_what_eth_account_signs_is_the_digest_that_the_contracts_check(kind: type, drawn: st.DataObject):
    struct = kind(*(drawn.draw(values(declared)) for declared, _ in typed.members(kind.TYPE)))
    domain = typed.Domain("DataAccess", drawn.draw(st.integers(1, 2**63)), Address(drawn.draw(values("address"))))
    signer = KeySigner(KEY)
    assert signer.sign_typed(domain, struct) == signer.sign(typed.digest(domain, struct))


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1 << 24}, {"r": 1 << 20}, {"p": 1 << 20}, {"p": 16, "r": 1 << 19, "n": 2}, {"dklen": 1 << 30}, {"dklen": 31},
        {"n": 3}, {"n": 0}, {"n": -2}, {"n": 1}, {"r": 0}, {"p": 0}, {"r": "x"}, {"salt": "zz"}, {"salt": None},
    ],
)  # fmt: skip
def test_nothing_is_derived_before_the_parameters_are_known_to_be_harmless(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    document = v3.encrypt(KEY, PASSWORD, scrypt_n=N, address=ADDRESS)
    document["crypto"]["kdfparams"] |= change
    monkeypatch.setattr(EthAccount, "decrypt", lambda *_: pytest.fail("it derives"))
    with pytest.raises(Invalid):
        v3.decrypt(document, PASSWORD)


@pytest.mark.parametrize("spelled", [("kdfparams", "N"), ("KdfParams", "n")])
def test_a_name_in_other_case_does_not_pass_unchecked(spelled: tuple[str, str], monkeypatch: pytest.MonkeyPatch):
    document = v3.encrypt(KEY, PASSWORD, scrypt_n=N, address=ADDRESS)
    crypto, (part, cost) = document["crypto"], spelled
    crypto[part] = {**crypto["kdfparams"], cost: 1 << 24}
    asked: list[int] = []
    derive = keyfile._scrypt_hash
    monkeypatch.setattr(
        keyfile, "_scrypt_hash", lambda *given, n, **more: asked.append(n) or derive(*given, n=n, **more)
    )
    assert v3.decrypt(document, PASSWORD) == KEY
    assert asked == [N]


@pytest.mark.parametrize("change", [{"c": 10_000_001}, {"c": 0}, {"c": None}, {"prf": "hmac-sha512"}, {"dklen": 65}])
def test_a_pbkdf2_file_cannot_ask_for_endless_work(change: dict[str, object]):
    document = json.loads((GOLDEN / "geth-pbkdf2.json").read_text())
    document["crypto"]["kdfparams"] |= change
    with pytest.raises(Invalid):
        v3.decrypt(document, b"testpassword")


def test_a_file_that_leaves_out_its_prf_or_writes_numbers_as_text_opens():
    document = json.loads((GOLDEN / "geth-pbkdf2.json").read_text())
    del document["crypto"]["kdfparams"]["prf"]
    document["crypto"]["kdfparams"] |= {"c": "262144", "dklen": "32"}
    assert v3.decrypt(document, b"testpassword") == SPECIFIED_KEY


SHORT_KEY = bytes(1) + KEY[1:]
SHORT_IV = bytes(2) + bytes(range(14))


def foreign(key: bytes, iv: bytes) -> v3.Document:
    """What another program writes for this very key and iv, by the definition of the format."""
    derived = scrypt(b"test", bytes(32), 32, N=4_096, r=8, p=1)
    text = AES.new(
        derived[:16], AES.MODE_CTR, counter=Counter.new(128, initial_value=int.from_bytes(iv, "big"))
    ).encrypt(key)
    params = {"n": 4_096, "r": 8, "p": 1, "dklen": 32, "salt": bytes(32).hex()}
    crypto = {
        "cipher": "aes-128-ctr", "cipherparams": {"iv": iv.hex()}, "ciphertext": text.hex(), "kdf": "scrypt",
        "kdfparams": params, "mac": keccak(derived[16:32] + text).hex(),
    }  # fmt: skip
    return {"version": 3, "crypto": crypto}


def prefixed(document: v3.Document, mark: str) -> v3.Document:
    crypto = document["crypto"]
    for part, name in (
        (crypto, "ciphertext"),
        (crypto, "mac"),
        (crypto["cipherparams"], "iv"),
        (crypto["kdfparams"], "salt"),
    ):
        part[name] = mark + part[name].upper()
    return document


def without_zeros(document: v3.Document, count: int) -> v3.Document:
    document["crypto"]["cipherparams"]["iv"] = document["crypto"]["cipherparams"]["iv"][count:]
    return document


FOREIGN: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    "as it should be": (KEY, lambda: json.dumps(foreign(KEY, SHORT_IV)).encode()),
    "an iv of 15 bytes": (KEY, lambda: json.dumps(without_zeros(foreign(KEY, SHORT_IV), 2)).encode()),
    "an iv of 14 bytes and a half": (KEY, lambda: json.dumps(without_zeros(foreign(KEY, SHORT_IV), 3)).encode()),
    "a key of 31 bytes": (SHORT_KEY, lambda: json.dumps(foreign(SHORT_KEY[1:], SHORT_IV)).encode()),
    "0x before its hex": (KEY, lambda: json.dumps(prefixed(foreign(KEY, SHORT_IV), "0x")).encode()),
    "0X before its hex": (KEY, lambda: json.dumps(prefixed(foreign(KEY, SHORT_IV), "0X")).encode()),
    "a mark before its UTF-8": (KEY, lambda: json.dumps(foreign(KEY, SHORT_IV)).encode("utf-8-sig")),
    "UTF-16": (KEY, lambda: json.dumps(foreign(KEY, SHORT_IV)).encode("utf-16")),
}


@pytest.mark.parametrize(("key", "written"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_of_another_program_opens_with(keys: Keystore, tmp_path: Path, key: bytes, written: Callable[[], bytes]):
    path = tmp_path / "theirs.json"
    path.write_bytes(written())
    path.chmod(0o600)
    assert open_file(path, b"test").key == key
    with pytest.raises(WrongPassword):
        open_file(path, b"another")
    keys.folder.mkdir()
    private(path, keys.path("theirs"))
    assert keys.unlock("theirs", b"test").signer.address == KeySigner(key).address


@pytest.mark.parametrize("damage", [("iv", "0" * 34), ("ciphertext", "4c" * 31 + "4"), ("mac", "zz"), ("mac", 5)])
def test_hex_that_is_none_is_no_wrong_password(damage: tuple[str, object]):
    document = foreign(KEY, SHORT_IV)
    (document["crypto"]["cipherparams"] if damage[0] == "iv" else document["crypto"])[damage[0]] = damage[1]
    with pytest.raises(Invalid):
        v3.decrypt(document, b"test")


def flip(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


DAMAGE: dict[str, Callable[[v3.Document], object]] = {
    "its sealed key": lambda document: document["crypto"].update(ciphertext=flip(document["crypto"]["ciphertext"])),
    "its mac": lambda document: document["crypto"].update(mac=flip(document["crypto"]["mac"])),
    "its iv": lambda document: document["crypto"]["cipherparams"].update(
        iv=flip(document["crypto"]["cipherparams"]["iv"])
    ),
    "its salt": lambda document: document["crypto"]["kdfparams"].update(salt="00" * 32),
    "its checksum": lambda document: document.update(checksum="00" * 32),
    "its kdf": lambda document: document["crypto"].update(kdf=None),
    "a part that is gone": lambda document: document["crypto"].pop("mac"),
    "all of it": lambda document: document.pop("crypto"),
}


@pytest.mark.parametrize("checked", [True, False], ids=["with its checksum", "from before checksums"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_envelope_key_shows_when_its_account_is_unlocked(
    keys: Keystore, damage: Callable[[v3.Document], object], *, checked: bool
):
    keys.create("studio", PASSWORD, scrypt_n=N)
    path = keys.envelope_path("studio")
    document = json.loads(path.read_text())
    if not checked:
        del document["checksum"]
    damage(document)
    path.write_text(json.dumps(document))
    if damage is DAMAGE["its iv"] and not checked:
        return  # no mac of this format covers it: what the checksum is for
    with pytest.raises(EnvelopeKeyDamaged) as refused:
        keys.unlock("studio", PASSWORD)
    assert str(path) in refused.value.detail
    path.rename(path.with_suffix(".damaged"))
    assert keys.unlock("studio", PASSWORD).encryption_key


def test_a_torn_file_of_an_envelope_key_is_named(keys: Keystore):
    keys.create("studio", PASSWORD, scrypt_n=N)
    keys.envelope_path("studio").write_text('{"version": 3, "cry')
    with pytest.raises(EnvelopeKeyDamaged):
        keys.unlock("studio", PASSWORD)


def test_an_envelope_key_from_before_checksums_opens(keys: Keystore):
    keys.create("studio", PASSWORD, scrypt_n=N)
    public, path = keys.unlock("studio", PASSWORD).encryption_key, keys.envelope_path("studio")
    document = json.loads(path.read_text())
    del document["checksum"]
    path.write_text(json.dumps(document))
    assert keys.unlock("studio", PASSWORD).encryption_key == public


def test_a_kdf_that_nobody_knows_is_refused():
    document = json.loads((GOLDEN / "geth-pbkdf2.json").read_text())
    document["crypto"]["kdf"] = "argon2"
    with pytest.raises(Invalid, match="argon2"):
        v3.decrypt(document, b"testpassword")


def test_an_envelope_opens_for_its_wallet_alone(keys: Keystore):
    keys.create("one", PASSWORD, scrypt_n=N)
    keys.create("two", PASSWORD, scrypt_n=N)
    one, two = keys.unlock("one", PASSWORD), keys.unlock("two", PASSWORD)
    secret = Secret(bytes(range(32)), bytes(32))
    envelope = seal_envelope(one.encryption_key, secret, b"info")
    assert one.open_envelope(envelope, b"info") == secret.encode()
    with pytest.raises(EnvelopeClosed):
        two.open_envelope(envelope, b"info")


def test_exported_keys_come_back(keys: Keystore, tmp_path: Path):
    made = keys.create("studio", PASSWORD, scrypt_n=N)
    public = keys.unlock("studio", PASSWORD).encryption_key
    file = tmp_path / "export.json"
    body = {"format": "provenance/account", "version": 1, **keys.export("studio")}
    file.write_text(json.dumps(body | {"contentKeys": {"ab/0.json": "aGVsbG8="}}))
    file.chmod(0o600)
    keys.remove("studio")
    assert keys.names() == ()
    opened = open_file(file, PASSWORD)
    keys.add("again", opened.key, PASSWORD, envelope_key=opened.envelope_key, scrypt_n=N)
    opened.restore_content_keys(tmp_path / "keys")
    opened.restore_content_keys(tmp_path / "keys")
    assert keys.address("again") == made.address
    assert keys.unlock("again", PASSWORD).encryption_key == public
    assert (tmp_path / "keys" / "ab" / "0.json").read_bytes() == b"hello"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a/../../x", "a\0"])
def test_an_export_cannot_write_outside_its_folder(keys: Keystore, tmp_path: Path, name: str):
    keys.create("studio", PASSWORD, scrypt_n=N)
    file = tmp_path / "export.json"
    body = {"format": "provenance/account", "version": 1, **keys.export("studio"), "contentKeys": {name: "aGVsbG8="}}
    file.write_text(json.dumps(body))
    file.chmod(0o600)
    with pytest.raises(Invalid):
        open_file(file, PASSWORD)


def test_a_password_file_is_its_first_line(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes(b" two words \r\nanother line\n")
    path.chmod(0o600)
    assert read_secret(path) == b" two words "
    path.chmod(0o604)
    with pytest.raises(ReadableByOthers):
        read_secret(path)
    with pytest.raises(Missing):
        read_secret(tmp_path / "absent")
    with pytest.raises(Invalid):
        read_secret(tmp_path)


def test_addresses_are_those_of_their_keys():
    assert KeySigner(KEY).address == ADDRESS
    assert len(KeySigner(KEY).sign(keccak(b""))) == 65
