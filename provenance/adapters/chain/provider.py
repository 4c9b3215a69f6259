"""The provider through which web3 speaks to a network's endpoints.

Loads web3, so it is imported where a question is asked. What the endpoints refuse is raised as our error before web3
reads it; nothing that a contract answers makes web3 fetch an address (EIP-3668 is off).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from web3.providers.base import JSONBaseProvider

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from provenance.adapters.chain.rpc import Rpc


class Provider(JSONBaseProvider):
    """web3's face of `Rpc`."""

    global_ccip_read_enabled = False

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The node's result.

        Raises:
            RpcRefused, NodeSilent, NodeBusy: as `Rpc.call` does.
        """
        return cast("RPCResponse", {"jsonrpc": "2.0", "id": 1, "result": self._rpc.call(method, *params)})
