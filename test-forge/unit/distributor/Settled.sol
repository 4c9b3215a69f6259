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
    uint256 internal constant STAKE = 250e6 + 1;
    uint256 internal constant FUNDS = 1_000_000e6;
    uint256 internal constant COUNT = 11;
    uint256 internal constant PAYEE_KEY = 0xba5e;
    bytes32 internal constant HEAD = keccak256("usage head");
    uint256 internal constant SLOTS = 0; // where the distributor keeps its words
    uint256 internal constant LEDGER = 4;
    uint256 internal constant PUBLISHERS = 7;
    uint256 internal constant PROPOSER = 8;
    uint256 internal constant OWED = 9;
    uint256 internal constant CHALLENGE = 10;

    RoyaltyDistributor internal distributor;
    bytes32[] internal nodes;

    function setUp() public virtual override {
        super.setUp();
        adopt(new Token());
    }

    function deployed(address by, uint40 window, uint256 bond, uint256 stake) internal returns (RoyaltyDistributor) {
        return
            new RoyaltyDistributor(by, TERMS, window, bond, stake, address(access), owner, guardian, arbiter, publisher);
    }

    /// @dev A distributor of this token in which no money is.
    function found(Token by) internal {
        token = by;
        distributor = deployed(address(by), WINDOW, BOND, STAKE);
    }

    /// @dev Half of the licensee's money and the publisher's stake are in.
    function adopt(Token by) internal {
        found(by);
        give(licensee, FUNDS);
        give(stranger, 10 * BOND);
        vm.prank(licensee);
        distributor.fund(FUNDS / 2, MANIFEST);
        putStake();
    }

    /// @dev Money that the distributor may take.
    function give(address who, uint256 amount) internal {
        token.mint(who, amount);
        vm.prank(who);
        token.approve(address(distributor), amount);
    }

    /// @dev The stake of who is publisher now.
    function putStake() internal {
        address who = distributor.roleHolder("publisher");
        give(who, STAKE);
        vm.prank(who);
        distributor.stake();
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
        proposeAs(publisher, epoch);
    }

    function proposeAs(address who, uint64 epoch) internal {
        plant(epoch);
        vm.prank(who);
        distributor.propose(epoch, nodes[0], total(epoch), HEAD, MANIFEST);
    }

    /// @dev The stranger proposes, once the exit is open; its stake is approved.
    function proposeByExit(uint64 epoch) internal {
        if (block.timestamp < distributor.exitOpensAt()) vm.warp(distributor.exitOpensAt());
        proposeAs(stranger, epoch);
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

    /// @dev Read without a call, so that it may stand between what a call is expected to do and the call.
    function word(uint256 slot) internal view returns (uint256) {
        return uint256(vm.load(address(distributor), bytes32(slot)));
    }

    /// @dev What stands in the epoch's place.
    function rootOf(uint64 epoch) internal view returns (bytes32) {
        return bytes32(word(SLOTS + 2 * (epoch % 2)));
    }

    function veto(uint64 epoch) internal {
        vm.prank(guardian);
        distributor.veto(epoch, rootOf(epoch), REASON);
    }

    function challenge(uint64 epoch) internal {
        challengeAs(stranger, epoch);
    }

    function challengeAs(address who, uint64 epoch) internal {
        vm.prank(who);
        distributor.challenge(epoch, rootOf(epoch), REASON);
    }

    /// @dev The last challenge.
    function resolve(address who, uint64 epoch, bool upheld) internal {
        vm.prank(who);
        distributor.resolve(epoch, rootOf(epoch), address(uint160(word(CHALLENGE))), upheld);
    }

    /// @dev Nobody answers for 14 days; somebody says so.
    function silence(uint64 epoch) internal {
        vm.warp(block.timestamp + 14 days);
        resolve(licensee, epoch, true);
    }

    function unstake(address who) internal returns (uint256 amount) {
        uint256 before = token.balanceOf(who);
        vm.prank(who);
        distributor.unstake(who);
        return token.balanceOf(who) - before;
    }

    function assertOwed(address who, uint256 amount, uint256 waiting) internal view {
        (uint256 present, uint256 later) = distributor.owed(who);
        vm.assertEq(present, amount);
        vm.assertEq(later, waiting);
    }

    /// @dev What is in beside money that is funded and unpaid.
    function beside() internal view returns (uint256) {
        return token.balanceOf(address(distributor)) + distributor.paid() - distributor.funded();
    }

    /// @dev The publisher's role passes to another account.
    function handOver(address to) internal {
        vm.prank(owner);
        distributor.offerRole("publisher", to);
        vm.warp(block.timestamp + 2 days);
        vm.prank(to);
        distributor.acceptRole("publisher");
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
