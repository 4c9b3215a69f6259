// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Leaves} from "../../contracts/libraries/Leaves.sol";
import {Trees} from "../Trees.sol";
import {Settled} from "../unit/distributor/Settled.sol";

/// @dev The library behind calldata, as the contracts use it.
contract Climber {
    function climb(bytes32 node, bytes32[] calldata path) external pure returns (bytes32) {
        return Leaves.climb(node, path);
    }

    function royalties(IRoyaltyDistributor.Payment[] calldata payments) external view returns (bytes32) {
        return Leaves.royalties(payments);
    }
}

contract DistributorFuzz is Settled {
    Climber internal climber = new Climber();

    /// @dev Payments to random payees, some of them equal, with small random sums.
    function payments(uint256 count, bytes32 seed)
        internal
        pure
        returns (IRoyaltyDistributor.Payment[] memory found, uint256 sum)
    {
        found = new IRoyaltyDistributor.Payment[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            found[i] = IRoyaltyDistributor.Payment(address(uint160(word)), 1 + (word >> 160) % 1_000);
            sum += found[i].cumulative;
        }
    }

    function leavesOf(IRoyaltyDistributor.Payment[] memory from, address at)
        internal
        view
        returns (bytes32[] memory leaves)
    {
        leaves = new bytes32[](from.length);
        for (uint256 i = 0; i < from.length; ++i) {
            bytes32 once = keccak256(abi.encode(block.chainid, at, from[i].payee, from[i].cumulative));
            leaves[i] = keccak256(bytes.concat(once));
        }
    }

    function testFuzz_every_leaf_climbs_to_the_root(uint256 count, bytes32 seed) public view {
        count = 1 + count % 64;
        (IRoyaltyDistributor.Payment[] memory all,) = payments(count, seed);
        bytes32[] memory leaves = leavesOf(all, address(climber));
        bytes32[] memory tree = Trees.build(leaves);
        for (uint256 i = 0; i < count; ++i) {
            vm.assertEq(climber.climb(leaves[i], Trees.path(tree, count - 1 + i)), tree[0]);
        }
        vm.assertEq(climber.royalties(all), tree[0]);
    }

    function testFuzz_any_subtree_pays_exactly_its_payees(uint256 count, uint256 node, bytes32 seed) public {
        count = 1 + count % 64;
        (IRoyaltyDistributor.Payment[] memory all, uint256 sum) = payments(count, seed);
        bytes32[] memory tree = Trees.build(leavesOf(all, address(distributor)));
        node %= tree.length;
        vm.prank(publisher);
        distributor.propose(1, tree[0], sum, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        uint256[] memory below = Trees.below(count, node);
        IRoyaltyDistributor.Payment[] memory some = new IRoyaltyDistributor.Payment[](below.length);
        uint256 due = 0;
        for (uint256 i = 0; i < below.length; ++i) {
            some[i] = all[below[i]];
            due += some[i].cumulative;
        }
        vm.assertEq(distributor.claimSubtree(1, some, Trees.path(tree, node)), due);
        for (uint256 i = 0; i < some.length; ++i) {
            vm.assertEq(token.balanceOf(some[i].payee), some[i].cumulative);
        }
    }

    function testFuzz_a_stranger_to_the_tree_is_never_paid(address who, uint256 cumulative, bytes32[4] memory path)
        public
    {
        settle(1);
        bytes32[] memory guessed = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            guessed[i] = path[i];
        }
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claim(1, who, cumulative, guessed);
    }

    function testFuzz_claimTo_never_pays_more_than_signed_or_earned(uint256 limit, uint256 before) public {
        settle(1);
        settle(2);
        limit = limit % (3 * earned(3, 1));
        if (before % 2 == 1) {
            plant(1);
            claim(1, 3);
            plant(2);
        }
        uint256 had = distributor.claimed(payee(3));
        IRoyaltyDistributor.Reassign memory reassign = IRoyaltyDistributor.Reassign(payee(3), voice, limit, FAR);
        bytes memory by = signed(PAYEE_KEY + 3, distributor.reassignDigest(reassign));
        uint256 claimable = limit < earned(3, 2) ? limit : earned(3, 2);
        if (claimable <= had) {
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(3)));
        }
        distributor.claimTo(2, earned(3, 2), proof(3), reassign, by);
        vm.assertEq(token.balanceOf(voice), claimable <= had ? 0 : claimable - had);
    }
}
