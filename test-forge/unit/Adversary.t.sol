// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ConsentRegistry} from "../../contracts/ConsentRegistry.sol";
import {DataAccess} from "../../contracts/DataAccess.sol";
import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {UsageLedger} from "../../contracts/UsageLedger.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {GUARDIAN, IRoles, OWNER, PUBLISHER} from "../../contracts/interfaces/IRoles.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {IUsageLedger} from "../../contracts/interfaces/IUsageLedger.sol";
import {AccessBase} from "./DataAccess.t.sol";
import {Settled} from "./distributor/Settled.sol";

/// @dev A signature counts for one contract on one chain. Each is tried on a second contract, then on another chain.
contract ReplayTest is AccessBase {
    function test_a_consent_counts_for_one_registry_and_chain() public {
        IConsentRegistry.Consent memory given =
            IConsentRegistry.Consent(voice, holder, MANIFEST, TERMS, 3, SPLITS, START, FAR, 7);
        bytes memory by = signed(VOICE_KEY, consents.consentIdOf(given));
        vm.assertTrue(consents.isSigned(given, by));
        vm.assertFalse(new ConsentRegistry().isSigned(given, by));
        vm.chainId(block.chainid + 1);
        vm.assertFalse(consents.isSigned(given, by));
    }

    function test_a_withdrawal_counts_for_one_registry_and_chain() public {
        bytes memory by = signed(VOICE_KEY, consents.revokeDigest(REASON, FAR));
        ConsentRegistry other = new ConsentRegistry();
        bytes memory why = abi.encodeWithSelector(IConsentRegistry.BadSignature.selector, voice);
        vm.expectRevert(why);
        other.revokeConsentFor(voice, REASON, FAR, by);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(why);
        consents.revokeConsentFor(voice, REASON, FAR, by);
        vm.chainId(block.chainid - 1);
        consents.revokeConsentFor(voice, REASON, FAR, by);
    }

    function test_an_extension_counts_for_one_registry_and_chain() public {
        bytes memory by = signed(VOICE_KEY, consents.extendDigest(REASON, holder, FAR));
        ConsentRegistry other = new ConsentRegistry();
        bytes memory why = abi.encodeWithSelector(IConsentRegistry.BadSignature.selector, voice);
        vm.expectRevert(why);
        other.extendConsentFor(voice, REASON, holder, FAR, by);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(why);
        consents.extendConsentFor(voice, REASON, holder, FAR, by);
        vm.chainId(block.chainid - 1);
        consents.extendConsentFor(voice, REASON, holder, FAR, by);
    }

    function test_a_registration_counts_for_one_registry() public {
        IDatasetRegistry.Registration memory asked = IDatasetRegistry.Registration(MANIFEST, MANIFEST, TERMS, SPLITS, 3);
        bytes memory by = signed(HOLDER_KEY, datasets.registerDigest(holder, asked, FAR));
        DatasetRegistry other = new DatasetRegistry(owner, guardian);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder));
        other.registerFor(holder, asked, FAR, by);
        datasets.registerFor(holder, asked, FAR, by);
    }

    function test_an_offer_counts_for_one_access_contract() public {
        DataAccess other = new DataAccess(address(datasets), address(consents));
        bytes memory by = signature(offered());
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.BadSignature.selector, holder));
        vm.prank(licensee);
        other.accept(offered(), holder, ROOT, MANIFEST, DEPOSIT, by);
    }

    function test_a_session_counts_for_one_ledger_and_chain() public {
        IUsageLedger.MeterSession memory session =
            IUsageLedger.MeterSession(meter, stranger, MANIFEST, START, FAR, 1_000, 1);
        bytes memory by = signed(LICENSEE_KEY, ledger.sessionIdOf(session));
        UsageLedger other = new UsageLedger(owner);
        bytes memory why = abi.encodeWithSelector(IUsageLedger.BadSignature.selector, licensee);
        vm.startPrank(licensee);
        vm.expectRevert(why);
        other.revokeSession(session, by);
        vm.expectRevert(why);
        other.closeSession(session, 9, by);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(why);
        ledger.revokeSession(session, by);
        vm.expectRevert(why);
        ledger.closeSession(session, 9, by);
        vm.chainId(block.chainid - 1);
        ledger.revokeSession(session, by);
        ledger.closeSession(session, 9, by);
    }
}

contract ReassignReplayTest is Settled {
    function test_a_reassignment_counts_for_one_distributor_and_chain() public {
        settle(1);
        IRoyaltyDistributor.Reassign memory asked = IRoyaltyDistributor.Reassign(payee(3), voice, earned(3, 1), FAR);
        bytes memory by = signed(PAYEE_KEY + 3, distributor.reassignDigest(asked));
        bytes32[] memory path = proof(3);
        RoyaltyDistributor other = deployed(address(token), WINDOW, BOND, STAKE);
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.BadSignature.selector, payee(3));
        vm.expectRevert(why);
        other.claimTo(1, earned(3, 1), path, asked, by);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(why);
        distributor.claimTo(1, earned(3, 1), path, asked, by);
        vm.chainId(block.chainid - 1);
        distributor.claimTo(1, earned(3, 1), path, asked, by);
        vm.assertEq(token.balanceOf(voice), earned(3, 1));
    }
}

/// @dev Who sees a transaction waiting and sends one before it gains nothing by it.
contract FrontRunTest is AccessBase {
    function test_whoever_sends_a_signed_registration_first_registers_it_for_its_holder() public {
        IDatasetRegistry.Registration memory asked = IDatasetRegistry.Registration(MANIFEST, MANIFEST, TERMS, SPLITS, 3);
        bytes memory by = signed(HOLDER_KEY, datasets.registerDigest(holder, asked, FAR));
        vm.prank(stranger);
        bytes32 id = datasets.registerFor(holder, asked, FAR, by);
        vm.assertEq(datasets.dataset(id).holder, holder);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        datasets.registerFor(holder, asked, FAR, by);
        vm.prank(stranger);
        vm.assertTrue(datasets.register(MANIFEST, MANIFEST, TERMS, SPLITS, 3) != id);
    }

    function test_an_offer_cannot_be_made_dearer_before_it_is_accepted() public {
        IDataAccess.Offer memory dear = offered();
        dear.price = 2 * PRICE;
        bytes memory by = signature(offered());
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.BadSignature.selector, holder));
        vm.prank(licensee);
        access.accept(dear, holder, ROOT, MANIFEST, DEPOSIT, by);
        setStatus(holder, datasetId, 2);
        refused(offered(), abi.encodeWithSelector(IDataAccess.DatasetInactive.selector, datasetId, uint8(2)));
        vm.assertEq(token.balanceOf(licensee), 1_000e6);
    }

    function test_whoever_sends_a_signed_withdrawal_first_withdraws_for_its_subject() public {
        bytes memory by = signed(VOICE_KEY, consents.revokeDigest(REASON, FAR));
        vm.prank(stranger);
        consents.revokeConsentFor(voice, REASON, FAR, by);
        vm.assertEq(consents.revokedAt(voice, REASON), START);
        vm.assertEq(consents.revokedAt(stranger, REASON), 0);
    }
}

contract SettlementFrontRunTest is Settled {
    function test_a_claim_that_somebody_sent_before_has_paid_the_payee() public {
        settle(1);
        bytes32[] memory path = proof(3);
        vm.prank(stranger);
        distributor.claim(1, payee(3), earned(3, 1), path);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
        distributor.claimMany(1, claimsOf(1));
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
        vm.assertEq(token.balanceOf(payee(4)), earned(4, 1));
    }

    function test_a_friends_challenge_first_costs_a_bond_and_leaves_a_full_window_for_the_real_one() public {
        propose(1);
        vm.warp(START + WINDOW - 1);
        challenge(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.UnderChallenge.selector, uint64(1)));
        challengeAs(licensee, 1);
        vm.warp(START + WINDOW + 3 days);
        resolve(arbiter, 1, false);
        assertOwed(publisher, BOND / 2, 0);
        vm.assertEq(distributor.settlement(1).activeAt, START + WINDOW + 3 days + WINDOW);
        vm.warp(START + WINDOW + 3 days + WINDOW - 1);
        challenge(1);
        resolve(arbiter, 1, true);
        vm.assertEq(distributor.settlement(1).status, 4);
    }

    function test_money_under_a_strangers_memo_is_money_and_nothing_else() public {
        vm.prank(stranger);
        distributor.fund(1, MANIFEST);
        vm.assertEq(distributor.funded(), FUNDS / 2 + 1);
        settle(1);
        claim(1, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
    }
}

/// @dev What a stolen key can do before it is replaced, and what it cannot.
contract StolenKeyTest is Settled {
    /// @dev Not stopped where nobody watches: all that is funded and unpaid, after the window, and no unit more.
    function test_a_publisher_alone_takes_what_is_funded_and_no_more() public {
        bytes32 mine = leaf(publisher, FUNDS / 2 + 1);
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Insolvent.selector, FUNDS / 2 + 1, FUNDS / 2));
        distributor.propose(1, mine, FUNDS / 2 + 1, HEAD, MANIFEST);
        mine = leaf(publisher, FUNDS / 2);
        distributor.propose(1, mine, FUNDS / 2, HEAD, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW));
        distributor.claim(1, publisher, FUNDS / 2, new bytes32[](0));
        vm.warp(START + WINDOW);
        distributor.claim(1, publisher, FUNDS / 2, new bytes32[](0));
        vm.assertEq(token.balanceOf(publisher), FUNDS / 2);
    }

    /// @dev Not stopped: publisher and arbiter in one hand dismiss each challenge, and get half of each bond.
    function test_publisher_and_arbiter_in_one_hand_dismiss_every_challenge() public {
        vm.prank(publisher);
        distributor.propose(1, leaf(publisher, FUNDS / 2), FUNDS / 2, HEAD, MANIFEST);
        for (uint256 i = 0; i < 3; ++i) {
            challenge(1);
            resolve(arbiter, 1, false);
        }
        assertOwed(publisher, 3 * (BOND / 2), 0);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW));
        distributor.claim(1, publisher, FUNDS / 2, new bytes32[](0));
        veto(1);
    }

    /// @dev Not stopped: three in one hand dismiss each challenge and never veto; a window later all is theirs.
    function test_publisher_guardian_and_arbiter_in_one_hand_take_what_is_funded_and_no_more() public {
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Insolvent.selector, FUNDS / 2 + 1, FUNDS / 2));
        distributor.propose(1, leaf(publisher, FUNDS / 2 + 1), FUNDS / 2 + 1, HEAD, MANIFEST);
        distributor.propose(1, leaf(publisher, FUNDS / 2), FUNDS / 2, HEAD, MANIFEST);
        vm.stopPrank();
        vm.warp(START + WINDOW - 1);
        challenge(1);
        resolve(arbiter, 1, false);
        vm.prank(guardian); // whose veto nobody else can say; a pause stops no claim
        distributor.pause(START + 3 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, GUARDIAN, stranger));
        vm.prank(stranger);
        distributor.veto(1, rootOf(1), REASON);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + 2 * WINDOW - 1));
        distributor.claim(1, publisher, FUNDS / 2, new bytes32[](0));
        vm.warp(START + 2 * WINDOW - 1);
        distributor.claim(1, publisher, FUNDS / 2, new bytes32[](0));
        vm.assertEq(token.balanceOf(publisher), FUNDS / 2);
        vm.assertEq(beside(), STAKE + BOND);
        vm.assertEq(token.balanceOf(address(distributor)), STAKE + BOND);
    }

    function test_an_owner_replaces_no_role_within_two_days_and_moves_no_money() public {
        vm.prank(owner);
        distributor.offerRole(PUBLISHER, owner);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IRoles.RoleNotReady.selector, START + 2 days));
        distributor.acceptRole(PUBLISHER);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, PUBLISHER, owner));
        distributor.propose(1, ROOT, 1, HEAD, MANIFEST);
        vm.stopPrank();
        vm.assertEq(distributor.roleHolder(OWNER), owner);
        vm.assertEq(token.balanceOf(address(distributor)), FUNDS / 2 + STAKE);
    }

    function test_a_guardian_takes_nothing_and_stops_no_claim() public {
        settle(1);
        vm.startPrank(guardian);
        distributor.pause(uint40(block.timestamp) + 7 days);
        vm.stopPrank();
        claim(1, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
        vm.assertEq(token.balanceOf(guardian), 0);
    }

    /// @dev The epoch waits 14 days: a challenger without cost for as long as the arbiter is silent, but for the bonds,
    /// of which each waits for an epoch.
    function test_a_silent_arbiter_lets_a_challenger_hold_an_epoch_up_and_no_active_one() public {
        settle(1);
        propose(2);
        for (uint256 i = 0; i < 2; ++i) {
            challenge(2);
            silence(2);
            assertOwed(stranger, 0, (i + 1) * BOND);
            propose(2);
        }
        plant(1);
        claim(1, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
    }
}
