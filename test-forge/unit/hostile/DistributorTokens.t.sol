// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {BlacklistToken, FeeToken, HookToken, NoReturnToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {Settled} from "../distributor/Settled.sol";

/// @dev Keeps 1 % of what it moves once it has begun to.
contract LateFeeToken is Token {
    bool internal begun;

    function begin() external {
        begun = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (begun) super._update(from, address(0xfee), value / 100);
        super._update(from, to, begun ? value - value / 100 : value);
    }
}

/// @dev Every way into and out of the distributor, against every token of the failure table.
contract DistributorTokensTest is Settled {
    HookToken internal hook;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        adopt(hook);
    }

    /// @dev The call fails in every mood towards `to`, whatever the token says.
    function fails(address who, bytes memory data, address to) internal {
        for (uint256 mood = 1; mood <= 5; ++mood) {
            hook.set(to, HookToken.Mood(mood));
            vm.prank(who);
            (bool ok,) = address(distributor).call{gas: 2_000_000}(data);
            vm.assertFalse(ok);
        }
        hook.set(to, HookToken.Mood.LongTrue);
        vm.prank(who);
        (bool kind,) = address(distributor).call{gas: 2_000_000}(data);
        vm.assertTrue(kind);
    }

    function reassignedTo(uint256 i, address to)
        internal
        view
        returns (IRoyaltyDistributor.Reassign memory, bytes memory)
    {
        IRoyaltyDistributor.Reassign memory reassign =
            IRoyaltyDistributor.Reassign(payee(i), to, type(uint256).max, FAR);
        return (reassign, signed(PAYEE_KEY + i, distributor.reassignDigest(reassign)));
    }

    // --- in

    function test_fund_credits_nothing_that_did_not_arrive() public {
        fails(licensee, abi.encodeCall(distributor.fund, (7, REASON)), address(distributor));
        vm.assertEq(distributor.funded(), FUNDS / 2 + 7);
        vm.assertEq(beside(), STAKE);
    }

    function test_fundFrom_credits_nothing_that_did_not_arrive() public {
        fails(address(access), abi.encodeCall(distributor.fundFrom, (licensee, 7, REASON)), address(distributor));
        vm.assertEq(distributor.funded(), FUNDS / 2 + 7);
        vm.assertEq(beside(), STAKE);
    }

    function test_fundFrom_refuses_a_token_that_keeps_a_fee() public {
        found(new FeeToken());
        give(licensee, 1_000);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, 1_000, 990));
        vm.prank(address(access));
        distributor.fundFrom(licensee, 1_000, REASON);
    }

    function test_stake_counts_nothing_that_did_not_arrive() public {
        found(hook);
        give(publisher, STAKE);
        fails(publisher, abi.encodeCall(distributor.stake, ()), address(distributor));
        vm.assertEq(distributor.staked(publisher), STAKE);
        vm.assertEq(beside(), STAKE);
    }

    function test_propose_by_the_exit_counts_nothing_without_its_stake() public {
        vm.warp(START + 90 days);
        plant(1);
        bytes memory data = abi.encodeCall(distributor.propose, (1, nodes[0], total(1), HEAD, MANIFEST));
        fails(stranger, data, address(distributor));
        vm.assertEq(distributor.settlement(1).status, 1);
        vm.assertEq(beside(), 2 * STAKE);
    }

    function test_propose_by_the_exit_refuses_a_stake_cut_by_a_fee() public {
        found(new FeeToken());
        give(stranger, STAKE);
        vm.warp(START + 90 days);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, STAKE, STAKE - STAKE / 100));
        vm.prank(stranger);
        distributor.propose(1, HEAD, 0, HEAD, MANIFEST);
    }

    function test_challenge_freezes_nothing_without_its_bond() public {
        propose(1);
        fails(stranger, abi.encodeCall(distributor.challenge, (1, nodes[0], REASON)), address(distributor));
        vm.assertEq(distributor.settlement(1).status, 2);
        vm.assertEq(beside(), STAKE + BOND);
    }

    /// @dev A token that begins to keep a fee after the stake has come in.
    function test_challenge_refuses_a_bond_cut_by_a_fee() public {
        LateFeeToken fee = new LateFeeToken();
        adopt(fee);
        propose(1);
        fee.begin();
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, BOND, BOND - BOND / 100));
        challenge(1);
        vm.assertEq(distributor.settlement(1).status, 1);
    }

    function test_no_money_comes_in_where_the_token_lists_the_distributor() public {
        BlacklistToken listing = new BlacklistToken();
        adopt(listing);
        propose(1);
        listing.list(address(distributor), true);
        bytes memory why = abi.encodeWithSelector(BlacklistToken.Listed.selector, address(distributor));
        vm.expectRevert(why);
        vm.prank(licensee);
        distributor.fund(7, REASON);
        vm.expectRevert(why);
        challenge(1);
        vm.warp(START + WINDOW);
        claim(1, 3);
        vm.assertEq(listing.balanceOf(payee(3)), earned(3, 1));
    }

    // --- out

    function test_resolve_asks_no_token() public {
        for (uint256 mood = 1; mood <= 5; ++mood) {
            adopt(hook);
            propose(1);
            challenge(1);
            hook.set(stranger, HookToken.Mood(mood));
            hook.set(publisher, HookToken.Mood(mood));
            bool upheld = mood % 2 == 0;
            bytes32 root = nodes[0];
            vm.prank(arbiter);
            distributor.resolve{gas: 200_000}(1, root, stranger, upheld);
            vm.assertEq(distributor.settlement(1).status, upheld ? 4 : 1);
            assertOwed(upheld ? stranger : publisher, upheld ? BOND + STAKE / 2 : BOND / 2, 0);
            vm.assertEq(beside(), STAKE + BOND);
            hook.set(stranger, HookToken.Mood.Kind);
        }
    }

    function test_unstake_keeps_what_the_token_refuses() public {
        propose(1);
        challenge(1);
        resolve(arbiter, 1, true);
        fails(stranger, abi.encodeCall(distributor.unstake, (stranger)), stranger);
        assertOwed(stranger, 0, 0);
        vm.assertEq(hook.balanceOf(stranger), 10 * BOND + STAKE / 2);
        putStake();
        fails(publisher, abi.encodeCall(distributor.unstake, (publisher)), publisher);
        vm.assertEq(distributor.staked(publisher), 0);
    }

    function test_what_is_owed_to_a_listed_account_goes_elsewhere() public {
        BlacklistToken listing = new BlacklistToken();
        adopt(listing);
        propose(1);
        challenge(1);
        listing.list(stranger, true);
        resolve(arbiter, 1, true);
        putStake();
        settle(1); // nothing is held up
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TransferFailed.selector, stranger, BOND + STAKE / 2));
        vm.prank(stranger);
        distributor.unstake(stranger);
        vm.prank(stranger);
        distributor.unstake(voice);
        vm.assertEq(listing.balanceOf(voice), BOND + STAKE / 2);
        assertOwed(stranger, 0, 0);
    }

    function test_claim_keeps_what_the_token_refuses() public {
        settle(1);
        fails(stranger, abi.encodeCall(distributor.claim, (1, payee(3), earned(3, 1), proof(3))), payee(3));
        vm.assertEq(hook.balanceOf(payee(3)), earned(3, 1));
        vm.assertEq(distributor.paid(), earned(3, 1));
    }

    function test_claimTo_keeps_what_the_token_refuses() public {
        settle(1);
        (IRoyaltyDistributor.Reassign memory reassign, bytes memory by) = reassignedTo(3, voice);
        hook.set(voice, HookToken.Mood.Reverts);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TransferFailed.selector, voice, earned(3, 1)));
        distributor.claimTo(1, earned(3, 1), proof(3), reassign, by);
        fails(stranger, abi.encodeCall(distributor.claimTo, (1, earned(3, 1), proof(3), reassign, by)), voice);
        vm.assertEq(hook.balanceOf(voice), earned(3, 1));
        vm.assertEq(distributor.paid(), earned(3, 1));
    }

    function test_claimTo_pays_a_listed_payee_elsewhere() public {
        BlacklistToken listing = new BlacklistToken();
        adopt(listing);
        settle(1);
        listing.list(payee(3), true);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TransferFailed.selector, payee(3), earned(3, 1)));
        claim(1, 3);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1) - earned(3, 1));
        vm.assertEq(distributor.claimSubtree(1, paymentsBelow(0, 1), new bytes32[](0)), 0);
        (IRoyaltyDistributor.Reassign memory reassign, bytes memory by) = reassignedTo(3, voice);
        distributor.claimTo(1, earned(3, 1), proof(3), reassign, by);
        vm.assertEq(listing.balanceOf(voice), earned(3, 1));
        vm.assertEq(distributor.paid(), total(1));
    }

    function test_batches_pay_who_answers_at_length() public {
        settle(1);
        hook.set(payee(3), HookToken.Mood.LongTrue);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1));
        settle(2);
        vm.assertEq(distributor.claimSubtree(2, paymentsBelow(0, 2), new bytes32[](0)), total(2) - total(1));
        vm.assertEq(hook.balanceOf(payee(3)), earned(3, 2));
    }

    function test_a_token_that_answers_nothing_goes_in_and_out_everywhere() public {
        adopt(Token(address(new NoReturnToken())));
        propose(1);
        challenge(1);
        resolve(arbiter, 1, true);
        vm.assertEq(unstake(stranger), BOND + STAKE / 2);
        putStake();
        settle(1);
        claim(1, 0);
        (IRoyaltyDistributor.Reassign memory reassign, bytes memory by) = reassignedTo(1, voice);
        distributor.claimTo(1, earned(1, 1), proof(1), reassign, by);
        distributor.claimSubtree(1, paymentsBelow(COUNT - 1 + 2, 1), proof(2));
        distributor.claimMany(1, claimsOf(1));
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.assertEq(token.balanceOf(i == 1 ? voice : payee(i)), earned(i, 1));
        }
        vm.assertEq(beside(), STAKE + STAKE - STAKE / 2);
    }
}
