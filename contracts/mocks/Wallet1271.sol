// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title A contract wallet of one key, which may be changed
contract Wallet1271 is IERC1271 {
    address public owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    function execute(address to, bytes calldata data) external returns (bytes memory answer) {
        bool ok;
        (ok, answer) = to.call(data);
        require(ok, "refused");
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.recover(hash, signature) == owner ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @title A contract wallet that answers otherwise than ERC-1271 says
contract HostileWallet is IERC1271 {
    enum Mood {
        SaysNo,
        AnswersNothing,
        AnswersShort,
        DirtyMagic,
        Reverts,
        RevertsWithMagic,
        BurnsGas,
        ReturnBomb
    }

    Mood public mood;

    function set(Mood mood_) external {
        mood = mood_;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        bytes32 magic = IERC1271.isValidSignature.selector;
        if (mood == Mood.SaysNo) return 0xffffffff;
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.BurnsGas) while (true) {}
        Mood chosen = mood;
        assembly {
            mstore(0, magic)
            mstore(0x20, 0)
            switch chosen
            case 1 { return(0, 0) }
            case 2 { return(0, 4) }
            case 3 {
                mstore8(31, 1)
                return(0, 32)
            }
            case 5 { revert(0, 32) }
            default {
                mstore(0, 0)
                return(0, 30000)
            }
        }
    }
}
