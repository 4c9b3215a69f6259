// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../../contracts/RoyaltyDistributor.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../../Trees.sol";
import {Settled} from "../distributor/Settled.sol";

/// @dev Takes what is owed to it while it funds.
contract Hasty {
    RoyaltyDistributor internal immutable DISTRIBUTOR;

    constructor(RoyaltyDistributor distributor) {
        DISTRIBUTOR = distributor;
    }

    function challenge(uint64 epoch, bytes32 root) external {
        DISTRIBUTOR.challenge(epoch, root, 0);
    }

    function fund(uint256 amount) external {
        DISTRIBUTOR.fund(amount, 0);
    }

    function take() external {
        DISTRIBUTOR.unstake(address(this));
    }
}

/// @dev Every entry that moves money, tried from inside every other.
contract ReentrancyMatrixTest is Settled {
    uint256 internal constant ENTRIES = 11;
    uint256 internal constant LOCKED = 6; // the first of them hold the lock; the last two call no token here
    ReentrantToken internal evil;

    /// @dev Epoch 1 pays; what the stranger won with its challenge of the first root of epoch 2 is owed to it.
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
        resolve(arbiter, 2, true);
        putStake();
        propose(2);
        plant(1);
    }

    /// @dev Entry `n`, as its rightful sender makes it about payee `i`.
    function entry(uint256 n, uint256 i) internal view returns (address who, bytes memory data) {
        if (n == 0) return (licensee, abi.encodeCall(distributor.fund, (5, REASON)));
        if (n == 1) return (address(access), abi.encodeCall(distributor.fundFrom, (licensee, 5, REASON)));
        if (n == 2) return (stranger, abi.encodeCall(distributor.challenge, (2, rootOf(2), REASON)));
        if (n == 3) return (holder, abi.encodeCall(distributor.stake, ()));
        if (n == 4) return (holder, abi.encodeCall(distributor.claimMany, (1, claimsOf(1))));
        uint256 node = COUNT - 1 + i;
        if (n == 5) {
            IRoyaltyDistributor.Payment[] memory payments = paymentsBelow(node, 1);
            return (holder, abi.encodeCall(distributor.claimSubtree, (1, payments, Trees.path(nodes, node))));
        }
        if (n == 6) return (holder, abi.encodeCall(distributor.claim, (1, payee(i), earned(i, 1), proof(i))));
        if (n == 8) return (stranger, abi.encodeCall(distributor.unstake, (stranger)));
        if (n == 9) return (arbiter, abi.encodeCall(distributor.resolve, (2, rootOf(2), stranger, true)));
        if (n == 10) return (holder, abi.encodeCall(distributor.propose, (3, HEAD, total(2), HEAD, MANIFEST)));
        IRoyaltyDistributor.Reassign memory reassign = IRoyaltyDistributor.Reassign(payee(i), voice, earned(i, 1), FAR);
        bytes memory by = signed(PAYEE_KEY + i, distributor.reassignDigest(reassign));
        return (holder, abi.encodeCall(distributor.claimTo, (1, earned(i, 1), proof(i), reassign, by)));
    }

    /// @dev Makes the outer call, which must go through, with the inner one armed.
    function nested(uint256 outer, uint256 inner) internal {
        if (outer == 3) handOver(holder);
        if (outer == 3) give(holder, STAKE);
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
        for (uint256 outer = 0; outer < LOCKED; ++outer) {
            for (uint256 inner = 0; inner < 8; ++inner) {
                uint256 before = vm.snapshotState();
                nested(outer, inner);
                vm.assertFalse(evil.entered());
                bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.Reentered.selector);
                if (inner == 1) why = abi.encodeWithSelector(IRoyaltyDistributor.NotAccess.selector, evil);
                vm.assertEq(evil.answer(), why);
                vm.revertToState(before);
            }
        }
    }

    function test_what_enters_a_single_claim_finds_the_books_in_order() public {
        for (uint256 outer = 6; outer < 9; ++outer) {
            for (uint256 inner = 0; inner < ENTRIES; ++inner) {
                uint256 before = vm.snapshotState();
                nested(outer, inner);
                assertBooks(outer, inner);
                vm.revertToState(before);
            }
        }
    }

    /// @dev The token itself is no publisher, arbiter nor access contract and is owed nothing; all else is open to it.
    function assertBooks(uint256 outer, uint256 inner) internal view {
        bool open = inner == 0 || inner == 2 || (inner >= 4 && inner < 8);
        vm.assertEq(evil.entered(), open);
        uint256 sum = 0;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 claimed = distributor.claimed(payee(i));
            vm.assertTrue(claimed == 0 || claimed == earned(i, 1));
            sum += claimed;
        }
        vm.assertEq(sum, distributor.paid());
        uint256 present = 2 * STAKE + BOND; // the stake, what the stranger won, and the other half
        if (inner == 2) present += BOND;
        if (outer == 8) present -= BOND + STAKE / 2;
        vm.assertEq(beside(), present);
    }

    /// @dev Taken out while money comes in, what is owed leaves the money short: the outer call is undone.
    function test_what_is_owed_does_not_leave_while_money_comes_in() public {
        Hasty hasty = new Hasty(distributor);
        give(address(hasty), 2 * BOND);
        hasty.challenge(2, rootOf(2));
        resolve(arbiter, 2, true);
        assertOwed(address(hasty), BOND + STAKE / 2, 0);
        evil.arm(address(hasty), abi.encodeCall(hasty.take, ()));
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, BOND, 0));
        hasty.fund(BOND);
        assertOwed(address(hasty), BOND + STAKE / 2, 0);
    }

    function test_a_claim_inside_a_claim_of_the_same_payee_pays_once() public {
        for (uint256 outer = 6; outer < 8; ++outer) {
            for (uint256 inner = 6; inner < 8; ++inner) {
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
