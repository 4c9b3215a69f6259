// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoles} from "../../../contracts/interfaces/IRoles.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {Settled} from "./Settled.sol";

/// @dev Refuses transfers of nothing, as LEND and others do.
contract NoZeroToken is Token {
    function _update(address from, address to, uint256 value) internal override {
        require(value != 0 || from == address(0), "zero");
        super._update(from, to, value);
    }
}

/// @dev Attacks on order, liveness and trust that worked when a veto, a challenge and a ruling named an epoch alone.
contract AttacksTest is Settled {
    /// @dev A root that pays the publisher, whose key is stolen.
    function theft() internal returns (bytes32 root) {
        root = leaf(publisher, FUNDS / 2);
        vm.prank(publisher);
        distributor.propose(1, root, FUNDS / 2, HEAD, MANIFEST);
    }

    function test_a_challenge_of_the_bad_root_does_not_land_on_the_good_one() public {
        bytes32 bad = theft();
        vm.prank(guardian);
        distributor.veto(1, bad, REASON);
        propose(1); // between the veto and the watcher's challenge
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], bad));
        vm.prank(stranger);
        distributor.challenge(1, bad, REASON);
        vm.assertEq(distributor.settlement(1).status, 1);
        vm.assertEq(token.balanceOf(stranger), 10 * BOND);
    }

    function test_a_repeated_veto_does_not_land_on_the_corrected_root() public {
        bytes32 bad = theft();
        challenge(1);
        resolve(arbiter, 1, true);
        putStake();
        propose(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], bad));
        vm.prank(guardian);
        distributor.veto(1, bad, REASON);
        vm.assertEq(distributor.settlement(1).status, 1);
    }

    function test_a_late_dismissal_does_not_land_on_another_challenge() public {
        propose(1);
        bytes32 good = nodes[0];
        challenge(1);
        silence(1);
        bytes32 bad = theft();
        give(holder, BOND);
        challengeAs(holder, 1);
        vm.startPrank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, bad, good));
        distributor.resolve(1, good, stranger, false);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongChallenger.selector, holder, stranger));
        distributor.resolve(1, bad, stranger, false);
        vm.stopPrank();
        vm.assertEq(distributor.settlement(1).status, 2);
    }

    function test_money_that_no_publisher_settles_is_not_frozen() public {
        vm.warp(START + 10 * 365 days);
        proposeByExit(1);
        vm.warp(block.timestamp + 14 days);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1));
    }

    function test_a_bond_of_zero_is_refused_with_any_token() public {
        address strict = address(new NoZeroToken());
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.BondOutOfBounds.selector, 0));
        deployed(strict, WINDOW, 0, STAKE);
        adopt(Token(strict));
        propose(1);
        challenge(1);
        vm.assertEq(distributor.settlement(1).status, 2);
    }

    function test_a_role_offer_is_not_taken_two_years_later() public {
        vm.prank(owner);
        distributor.offerRole("publisher", stranger);
        vm.warp(START + 730 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.RoleOfferEnded.selector, START + 14 days));
        vm.prank(stranger);
        distributor.acceptRole("publisher");
        vm.assertEq(distributor.roleHolder("publisher"), publisher);
    }

    /// @dev Not stopped: block time is the chain's, and a chain that stands still for a whole window skips it. Outside
    /// of devnets that is two days at least.
    function test_an_outage_of_a_day_skips_no_window() public {
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOutOfBounds.selector, 1 days));
        deployed(address(token), 1 days, BOND, STAKE);
        distributor = deployed(address(token), 2 days, BOND, STAKE);
        give(stranger, BOND);
        putStake();
        vm.prank(publisher);
        distributor.propose(1, HEAD, 0, HEAD, MANIFEST); // in the last block before the outage
        vm.warp(START + 1 days);
        challenge(1); // in the first block after it
    }

    /// @dev Not stopped: the money of a payee goes to the payee, whoever is first.
    function test_a_claim_before_a_claim_to_another_pays_the_payees_own_address() public {
        settle(1);
        IRoyaltyDistributor.Reassign memory reassign =
            IRoyaltyDistributor.Reassign(payee(0), address(0x5afe), earned(0, 1), block.timestamp + 1 days);
        bytes memory by = signed(PAYEE_KEY, distributor.reassignDigest(reassign));
        bytes32[] memory path = proof(0);
        vm.prank(stranger);
        distributor.claim(1, payee(0), earned(0, 1), path);
        vm.assertEq(token.balanceOf(payee(0)), earned(0, 1));
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(0)));
        distributor.claimTo(1, earned(0, 1), path, reassign, by);
    }

    /// @dev A chain that changes its id ends every live root; the next one, by whomever, pays under the new id.
    function test_a_new_chain_id_closes_claims_until_the_next_root() public {
        settle(1);
        vm.chainId(block.chainid + 1);
        bytes32[] memory path = proof(0);
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claim(1, payee(0), earned(0, 1), path);
        proposeByExit(2);
        vm.warp(block.timestamp + 14 days);
        claim(2, 0);
        vm.assertEq(token.balanceOf(payee(0)), earned(0, 2));
    }

    function test_a_publisher_that_challenges_itself_pays_half_the_bond() public {
        propose(1);
        give(publisher, BOND);
        challengeAs(publisher, 1);
        resolve(arbiter, 1, false);
        vm.assertEq(unstake(publisher), BOND / 2);
        vm.assertEq(token.balanceOf(publisher), BOND / 2);
        vm.assertEq(beside(), STAKE + BOND - BOND / 2);
    }

    /// @dev A proof of epoch n serves until epoch n+2 is proposed: two windows, outside of devnets four days.
    function test_a_published_proof_lives_two_windows_of_two_days() public {
        vm.chainId(1);
        distributor = deployed(address(token), 2 days, BOND, STAKE);
        give(licensee, FUNDS);
        vm.prank(licensee);
        distributor.fund(FUNDS, MANIFEST);
        putStake();
        propose(1);
        vm.warp(START + 2 days);
        propose(2);
        vm.warp(START + 4 days - 1);
        plant(1);
        claim(1, 0);
        vm.warp(START + 4 days);
        claim(1, 1);
    }

    function test_a_false_challenge_costs_its_bond_and_earns_the_proposer_half() public {
        propose(1);
        challenge(1);
        resolve(arbiter, 1, false);
        assertOwed(stranger, 0, 0);
        vm.assertEq(unstake(publisher), BOND / 2);
        vm.assertEq(token.balanceOf(arbiter), 0);
    }
}
