// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {UsageLedger} from "../../contracts/UsageLedger.sol";
import {Vm} from "../Vm.sol";

/// @dev Admits, removes and anchors in any order; remembers every head. Each call must succeed exactly when the books
/// say so.
contract HeadsHandler {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    UsageLedger public immutable LEDGER = new UsageLedger(address(this));
    mapping(address => bytes32) public ghost;
    mapping(address => bool) public removed;

    function meter(uint8 i) public pure returns (address) {
        return address(uint160(0x100 + i % 3));
    }

    function called(address who, bytes memory data, bool expected) internal returns (bool ok) {
        vm.prank(who);
        (ok,) = address(LEDGER).call(data);
        vm.assertEq(ok ? 1 : 0, expected ? 1 : 0, "the books say otherwise");
    }

    function admit(uint8 i, bool asOwner) external {
        address one = meter(i);
        address who = asOwner ? address(this) : one;
        if (called(who, abi.encodeCall(LEDGER.admitMeter, (one)), asOwner && ghost[one] == 0)) {
            ghost[one] = keccak256(abi.encode(one));
        }
    }

    function remove(uint8 i, bool asOwner) external {
        address one = meter(i);
        address who = asOwner ? address(this) : one;
        bool expected = asOwner && ghost[one] != 0 && !removed[one];
        if (called(who, abi.encodeCall(LEDGER.removeMeter, (one)), expected)) {
            removed[one] = true;
            ghost[one] = bytes32(uint256(1));
        }
    }

    function anchor(uint8 i, bool stale, bytes32 root, uint64 count, bytes32 digest) external {
        address one = meter(i);
        bytes32 prev = stale ? bytes32(uint256(root) % 3) : ghost[one];
        bool expected = prev == ghost[one] && ghost[one] != 0 && !removed[one];
        if (called(one, abi.encodeCall(LEDGER.anchor, (prev, root, count, digest)), expected)) {
            ghost[one] = keccak256(abi.encode(prev, root, count, digest));
        }
    }
}

contract HeadsInvariants {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    HeadsHandler internal handler;

    function setUp() public {
        handler = new HeadsHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_every_head_follows_from_what_was_anchored() public view {
        for (uint8 i = 0; i < 3; ++i) {
            vm.assertEq(handler.LEDGER().headOf(handler.meter(i)), handler.ghost(handler.meter(i)));
        }
    }
}
