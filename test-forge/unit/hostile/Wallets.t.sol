// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "../../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {IUsageLedger} from "../../../contracts/interfaces/IUsageLedger.sol";
import {HostileWallet} from "../../../contracts/mocks/Wallet1271.sol";
import {Settled} from "../distributor/Settled.sol";

/// @dev Every function that takes a contract wallet's word, against every answer that is not ERC-1271's magic word.
contract HostileWalletsTest is Settled {
    HostileWallet internal wallet;
    address internal signer;

    function setUp() public override {
        super.setUp();
        wallet = new HostileWallet();
        signer = address(wallet);
    }

    /// @dev Sends the call in every mood; gas is bounded, so that a burner leaves the test some.
    function refused(address target, bytes memory data, bytes4 why) internal {
        for (uint256 mood = 0; mood <= uint256(type(HostileWallet.Mood).max); ++mood) {
            wallet.set(HostileWallet.Mood(mood));
            vm.prank(licensee);
            (bool ok, bytes memory answer) = target.call{gas: 2_000_000}(data);
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSelector(why, signer));
        }
    }

    function test_registerFor_takes_no_other_answer_of_a_wallet() public {
        IDatasetRegistry.Registration memory r = IDatasetRegistry.Registration(ROOT, MANIFEST, TERMS, SPLITS, 3);
        refused(
            address(datasets),
            abi.encodeCall(datasets.registerFor, (signer, r, FAR, "")),
            IDatasetRegistry.BadSignature.selector
        );
        vm.assertEq(datasets.dataset(datasets.datasetIdOf(signer, ROOT, MANIFEST, TERMS)).holder, address(0));
    }

    function test_revokeConsentFor_takes_no_other_answer_of_a_wallet() public {
        refused(
            address(consents),
            abi.encodeCall(consents.revokeConsentFor, (signer, ROOT, FAR, "")),
            IConsentRegistry.BadSignature.selector
        );
        vm.assertEq(consents.revokedAt(signer, ROOT), 0);
    }

    function test_extendConsentFor_takes_no_other_answer_of_a_wallet() public {
        refused(
            address(consents),
            abi.encodeCall(consents.extendConsentFor, (signer, ROOT, holder, FAR, "")),
            IConsentRegistry.BadSignature.selector
        );
        vm.assertEq(consents.extendedAt(signer, ROOT, holder), 0);
    }

    function test_accept_takes_no_other_answer_of_a_wallet() public {
        vm.prank(signer);
        bytes32 datasetId = datasets.register(ROOT, MANIFEST, TERMS, SPLITS, 3);
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(datasetId, signer, 0, licensee, address(token), 0, FAR, 1, FAR, 30, TERMS, 1);
        IDataAccess.Permit memory permit;
        bytes4 why = IDataAccess.BadSignature.selector;
        refused(address(access), abi.encodeCall(access.accept, (offer, signer, ROOT, MANIFEST, 0, "")), why);
        offer.distributor = address(distributor);
        refused(
            address(access),
            abi.encodeCall(access.acceptWithPermit, (offer, signer, ROOT, MANIFEST, 0, "", permit)),
            why
        );
        bytes32 id = access.licenseIdOf(access.offerDigestOf(offer), licensee);
        vm.assertEq(access.license(datasetId, id).status, 0);
    }

    function test_claimTo_takes_no_other_answer_of_a_wallet() public {
        bytes32 root = leaf(signer, 7);
        vm.prank(publisher);
        distributor.propose(1, root, 7, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        IRoyaltyDistributor.Reassign memory reassign = IRoyaltyDistributor.Reassign(signer, licensee, 7, FAR);
        refused(
            address(distributor),
            abi.encodeCall(distributor.claimTo, (1, 7, new bytes32[](0), reassign, "")),
            IRoyaltyDistributor.BadSignature.selector
        );
        vm.assertEq(distributor.claimed(signer), 0);
        distributor.claim(1, signer, 7, new bytes32[](0));
        vm.assertEq(token.balanceOf(signer), 7);
    }

    function test_sessions_take_no_other_answer_of_a_wallet() public {
        IUsageLedger.MeterSession memory session =
            IUsageLedger.MeterSession(meter, stranger, MANIFEST, START, FAR, 1_000, 1);
        for (uint256 mood = 0; mood <= uint256(type(HostileWallet.Mood).max); ++mood) {
            wallet.set(HostileWallet.Mood(mood));
            bytes[2] memory calls = [
                abi.encodeCall(ledger.revokeSession, (session, "")),
                abi.encodeCall(ledger.closeSession, (session, 9, ""))
            ];
            for (uint256 i = 0; i < 2; ++i) {
                vm.prank(signer);
                (bool ok, bytes memory answer) = address(ledger).call{gas: 2_000_000}(calls[i]);
                vm.assertFalse(ok);
                vm.assertEq(answer, abi.encodeWithSelector(IUsageLedger.BadSignature.selector, signer));
            }
        }
    }

    function test_isSigned_never_asks_a_wallet() public {
        IConsentRegistry.Consent memory consent =
            IConsentRegistry.Consent(signer, holder, MANIFEST, TERMS, 3, SPLITS, START, FAR, 7);
        wallet.set(HostileWallet.Mood.BurnsGas);
        uint256 before = gasleft();
        vm.assertFalse(consents.isSigned(consent, ""));
        vm.assertLe(before - gasleft(), 30_000);
        bytes32 id = consents.consentIdOf(consent);
        vm.prank(signer);
        consents.approveDigest(id);
        vm.assertTrue(consents.isSigned(consent, ""));
    }
}
