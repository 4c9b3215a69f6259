"""A dataset, a license granted without a fee, a use on record: with web3.py and the wheel.

python license.py RPC DEPLOYMENT.json

On a devnet `provenance devnet up` prints the RPC endpoint; the document is 31337.json in the folder of deployments
that `provenance config paths` prints.
"""

import json
import sys
from pathlib import Path

from eth_account import Account
from web3 import HTTPProvider, Web3

from provenance.abi.bindings.data_access import Grant
from provenance.domain import purposes
from provenance.sdk.contracts import contracts

# Every developer knows these keys. A real wallet keeps its own.
MNEMONIC = "test test test test test test test test test test test junk"
DAY_S = 86_400


def main(rpc: str, document: Path) -> None:
    """Prints what is on record afterwards."""
    w3 = Web3(HTTPProvider(rpc))
    deployed = contracts(w3, document)
    Account.enable_unaudited_hdwallet_features()
    holder, licensee = (Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{at}") for at in (4, 5))

    def send(account, call):
        """The receipt of a call that this account signs."""
        fields = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
        signed = account.sign_transaction(call.build_transaction(fields))
        return w3.eth.wait_for_transaction_receipt(
            w3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.1
        )

    now = w3.eth.get_block("latest")["timestamp"]
    root, terms = w3.keccak(text=f"recordings at {now}"), w3.keccak(text="terms")
    parts = (root, w3.keccak(text="manifest"), terms)
    send(holder, deployed.datasets.register(*parts, w3.keccak(text="split"), 3))
    dataset = deployed.datasets.dataset_id_of(holder.address, *parts)

    tts = purposes.mask(["train.tts"])
    parties = (holder.address, *parts, licensee.address, deployed.royalties.address)
    grant = Grant(*parties, now + 30 * DAY_S, tts, notice_days=30, nonce=1)
    (granted,) = deployed.access.emitted(send(holder, deployed.access.grant(grant)))
    use = deployed.access.record_access(dataset, granted.license_id, tts, 3, w3.keccak(text="access"))
    (recorded,) = deployed.access.emitted(send(licensee, use))

    allowed = deployed.access.check_license(dataset, granted.license_id, licensee.address, tts) == 0
    ids = {"datasetId": Web3.to_hex(dataset), "licenseId": Web3.to_hex(granted.license_id)}
    told = {**ids, "accessor": recorded.accessor}
    sys.stdout.write(json.dumps({**told, "units": str(recorded.units), "allowed": allowed}) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.stderr.write("Usage: python license.py RPC DEPLOYMENT.json\n")
        sys.exit(2)
    main(sys.argv[1], Path(sys.argv[2]))
