// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../../contracts/RoyaltyDistributor.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {Base} from "../../Base.sol";
import {Trees} from "../../Trees.sol";

/// @dev A distributor with money in it, and a tree over `COUNT` payees: payee i has earned `(i + 1) * 1e6` an epoch.
abstract contract Settled is Base {
    uint40 internal constant WINDOW = 1 days;
    uint256 internal constant BOND = 100e6;
    uint256 internal constant FUNDS = 1_000_000e6;
    uint256 internal constant COUNT = 11;
    uint256 internal constant PAYEE_KEY = 0xba5e;
    bytes32 internal constant HEAD = keccak256("usage head");

    RoyaltyDistributor internal distributor;
    bytes32[] internal nodes;

    function setUp() public virtual override {
        super.setUp();
        adopt(new Token());
    }

    /// @dev A distributor of this token that nobody has funded.
    function found(Token by) internal {
        token = by;
        distributor = new RoyaltyDistributor(address(by), TERMS, WINDOW, BOND, owner, guardian, arbiter, publisher);
    }

    function adopt(Token by) internal {
        found(by);
        by.mint(licensee, FUNDS);
        by.mint(stranger, 10 * BOND);
        vm.prank(stranger);
        by.approve(address(distributor), 10 * BOND);
        vm.prank(licensee);
        by.approve(address(distributor), FUNDS);
        vm.prank(licensee);
        distributor.fund(FUNDS / 2, MANIFEST);
    }

    function payee(uint256 i) internal pure returns (address) {
        return vm.addr(PAYEE_KEY + i);
    }

    function earned(uint256 i, uint64 epoch) internal pure returns (uint256) {
        return (i + 1) * 1e6 * epoch;
    }

    function total(uint64 epoch) internal pure returns (uint256) {
        return COUNT * (COUNT + 1) / 2 * 1e6 * epoch;
    }

    function leaf(address who, uint256 cumulative) internal view returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(block.chainid, address(distributor), who, cumulative))));
    }

    function plant(uint64 epoch) internal {
        bytes32[] memory leaves = new bytes32[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            leaves[i] = leaf(payee(i), earned(i, epoch));
        }
        nodes = Trees.build(leaves);
    }

    function propose(uint64 epoch) internal {
        plant(epoch);
        vm.prank(publisher);
        distributor.propose(epoch, nodes[0], total(epoch), HEAD, MANIFEST);
    }

    function settle(uint64 epoch) internal {
        propose(epoch);
        vm.warp(block.timestamp + WINDOW);
    }

    function proof(uint256 i) internal view returns (bytes32[] memory) {
        return Trees.path(nodes, COUNT - 1 + i);
    }

    function claim(uint64 epoch, uint256 i) internal {
        distributor.claim(epoch, payee(i), earned(i, epoch), proof(i));
    }

    function challenge(uint64 epoch) internal {
        vm.prank(stranger);
        distributor.challenge(epoch, REASON);
    }

    function resolve(address who, uint64 epoch, bool upheld) internal {
        vm.prank(who);
        distributor.resolve(epoch, upheld);
    }

    function claimsOf(uint64 epoch) internal view returns (IRoyaltyDistributor.Claim[] memory claims) {
        claims = new IRoyaltyDistributor.Claim[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            claims[i] = IRoyaltyDistributor.Claim(payee(i), earned(i, epoch), proof(i));
        }
    }

    function paymentsBelow(uint256 node, uint64 epoch)
        internal
        pure
        returns (IRoyaltyDistributor.Payment[] memory payments)
    {
        uint256[] memory below = Trees.below(COUNT, node);
        payments = new IRoyaltyDistributor.Payment[](below.length);
        for (uint256 i = 0; i < below.length; ++i) {
            payments[i] = IRoyaltyDistributor.Payment(payee(below[i]), earned(below[i], epoch));
        }
    }
}
