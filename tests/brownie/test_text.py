"""Text in other scripts goes through unharmed.

Our events carry digests, never strings; two places are left for text: the 32 free bytes of a reason, and the name of
whatever token a price is in.
"""

import pytest
from brownie import chain
from conftest import accept, digest, distributor


@pytest.mark.parametrize("reason", ["отзываю согласие", "撤回同意・声音", "مسحوب", "✓ голос 声音"])
def test_a_reason_in_any_script_comes_back_from_the_event(of, parties, reason):
    packed = reason.encode().ljust(32, b"\x00")
    sent = of.consents.revokeConsent(digest("consent"), packed, {"from": parties.holder})
    event = sent.events["ConsentRevoked"]
    assert bytes.fromhex(str(event["reason"]).removeprefix("0x")).rstrip(b"\x00").decode() == reason
    assert of.consents.revokedAt(parties.holder, digest("consent")) == chain[-1].timestamp


def test_a_price_is_paid_in_a_token_of_cyrillic_and_chinese_name(of, parties, offer, named_token):
    assert named_token.name() == "Голос 声音"
    assert named_token.note("голос №1 — 声音", {"from": parties.licensee}).events["Noted"]["text"] == "голос №1 — 声音"
    royalties = distributor(of, parties, named_token)
    fields, signature = offer(distributor=royalties.address)
    sent = accept(of, parties, fields, signature)
    assert sent.events["LicenseGranted"]["distributor"] == royalties
    assert (royalties.token(), named_token.balanceOf(royalties)) == (named_token, 250)
