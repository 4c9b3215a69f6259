#!/usr/bin/env bash
# Brownie over the contracts: compiles them in a project of its own and runs copies of tests/brownie there, on a node of its own.
#   scripts/brownie.sh [CONTRACTS] [PYTEST ARGUMENT…]    CONTRACTS: the folder with the sources; ours by default
# Nothing outside build/ is written, no setting of the developer's is read, no compiler is downloaded.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
contracts=$(cd "${1:-$root/contracts}" && pwd)
python=$root/.venv-brownie/bin
project=${BROWNIE_PROJECT:-$root/build/brownie}
anvil=$(ls -d "$root"/node_modules/@foundry-rs/anvil-*/bin | head -n 1)

mkdir -p "$project/home" "$project/solc" "$project/tests"
ln -sfn "$contracts" "$project/contracts"
ln -sfn "$root/provenance/abi" "$project/abi"
ln -sfn "$root/node_modules" "$project/node_modules"
ln -sfn "$root/scripts/solc.js" "$project/solc/solc-v0.8.37"
cp "$root/brownie-config.yaml" "$root/tests/brownie/pytest.ini" "$project/"
cp "$root"/tests/brownie/*.py "$project/tests/"

export HOME=$project/home SOLCX_BINARY_PATH=$project/solc PATH="$anvil:$PATH" PYTHONDONTWRITEBYTECODE=1
port=$("$python/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$project"
"$python/brownie" networks modify development port="$port" >/dev/null
exec "$python/brownie" test --network development "${@:2}"
