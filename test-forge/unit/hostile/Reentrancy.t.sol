// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../../Trees.sol";
import {Settled} from "../distributor/Settled.sol";

/// @dev Every entry that moves money, tried from inside every other.
contract ReentrancyMatrixTest is Settled {
    uint256 internal constant ENTRIES = 8;
    ReentrantToken internal evil;

    /// @dev Epoch 1 pays; the bond of a challenge to the first proposal of epoch 2 is owed to the stranger.
    function setUp() public override {
        super.setUp();
        evil = new ReentrantToken();
        adopt(evil);
        evil.mint(address(evil), FUNDS);
        vm.prank(address(evil));
        evil.approve(address(distributor), FUNDS);
        settle(1);
        propose(2);
        challenge(2);
        evil.list(stranger, true);
        resolve(arbiter, 2, true);
        evil.list(stranger, false);
        propose(2);
        plant(1);
    }

    /// @dev Entry `n`, as its rightful sender makes it about payee `i`.
    function entry(uint256 n, uint256 i) internal view returns (address who, bytes memory data) {
        if (n == 0) return (licensee, abi.encodeCall(distributor.fund, (5, REASON)));
        if (n == 1) return (stranger, abi.encodeCall(distributor.challenge, (2, REASON)));
        if (n == 2) return (arbiter, abi.encodeCall(distributor.resolve, (2, true)));
        if (n == 3) return (stranger, abi.encodeCall(distributor.withdrawBond, (stranger)));
        if (n == 4) return (holder, abi.encodeCall(distributor.claimMany, (1, claimsOf(1))));
        uint256 node = COUNT - 1 + i;
        if (n == 5) {
            IRoyaltyDistributor.Payment[] memory payments = paymentsBelow(node, 1);
            return (holder, abi.encodeCall(distributor.claimSubtree, (1, payments, Trees.path(nodes, node))));
        }
        if (n == 6) return (holder, abi.encodeCall(distributor.claim, (1, payee(i), earned(i, 1), proof(i))));
        IRoyaltyDistributor.Reassign memory reassign = IRoyaltyDistributor.Reassign(payee(i), voice, earned(i, 1), FAR);
        bytes memory by = signed(PAYEE_KEY + i, distributor.reassignDigest(reassign));
        return (holder, abi.encodeCall(distributor.claimTo, (1, earned(i, 1), proof(i), reassign, by)));
    }

    /// @dev Makes the outer call, which must go through, with the inner one armed.
    function nested(uint256 outer, uint256 inner) internal {
        if (outer == 2) challenge(2);
        (, bytes memory data) = entry(inner, 7);
        evil.arm(address(distributor), data);
        address who;
        (who, data) = entry(outer, 8);
        vm.prank(who);
        (bool ok,) = address(distributor).call(data);
        vm.assertTrue(ok);
        vm.assertEq(evil.target(), address(0));
    }

    function test_nothing_enters_what_holds_the_lock() public {
        for (uint256 outer = 0; outer < 6; ++outer) {
            for (uint256 inner = 0; inner < ENTRIES; ++inner) {
                uint256 before = vm.snapshotState();
                nested(outer, inner);
                vm.assertFalse(evil.entered());
                vm.assertEq(evil.answer(), abi.encodeWithSelector(IRoyaltyDistributor.Reentered.selector));
                vm.revertToState(before);
            }
        }
    }

    function test_what_enters_a_single_claim_finds_the_books_in_order() public {
        for (uint256 outer = 6; outer < ENTRIES; ++outer) {
            for (uint256 inner = 0; inner < ENTRIES; ++inner) {
                uint256 before = vm.snapshotState();
                nested(outer, inner);
                assertBooks(inner);
                vm.revertToState(before);
            }
        }
    }

    /// @dev The token itself is nobody's arbiter and is owed no bond; all else is open to it.
    function assertBooks(uint256 inner) internal view {
        vm.assertEq(evil.entered(), inner != 2 && inner != 3);
        uint256 sum = 0;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 claimed = distributor.claimed(payee(i));
            vm.assertTrue(claimed == 0 || claimed == earned(i, 1));
            sum += claimed;
        }
        vm.assertEq(sum, distributor.paid());
        uint256 bonds = inner == 1 ? 2 * BOND : BOND;
        vm.assertEq(evil.balanceOf(address(distributor)), distributor.funded() - sum + bonds);
    }

    function test_a_claim_inside_a_claim_of_the_same_payee_pays_once() public {
        for (uint256 outer = 6; outer < ENTRIES; ++outer) {
            for (uint256 inner = 6; inner < ENTRIES; ++inner) {
                uint256 before = vm.snapshotState();
                (, bytes memory data) = entry(inner, 8);
                evil.arm(address(distributor), data);
                (, data) = entry(outer, 8);
                (bool ok,) = address(distributor).call(data);
                vm.assertTrue(ok);
                vm.assertFalse(evil.entered());
                vm.assertEq(evil.answer(), abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(8)));
                vm.assertEq(distributor.paid(), earned(8, 1));
                vm.revertToState(before);
            }
        }
    }
}
