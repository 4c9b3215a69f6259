// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "../../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {AccessBase} from "../DataAccess.t.sol";
import {Vm} from "../../Vm.sol";

/// @dev What sellers, buyers and strangers could do with a dataset's offers, consents, splits and id.
contract AccessAttacksTest is AccessBase {
    address internal buyer = address(0xb0b0);

    function test_an_old_offer_stays_dead_when_the_dataset_returns_to_its_seller() public {
        IDataAccess.Offer memory old = offered();
        handOver(holder, buyer);
        refused(old, abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, holder));
        handOver(buyer, holder);
        refused(old, abi.encodeWithSelector(IDataAccess.WrongTransfers.selector, uint16(2), uint16(0)));
        old.transfers = 2;
        accept(old);
    }

    /// @dev The buyer sells a license of a recording whose voice never named it.
    function test_a_buyer_sells_no_voice_that_did_not_name_it() public {
        IConsentRegistry.Consent[] memory given = new IConsentRegistry.Consent[](1);
        given[0] = IConsentRegistry.Consent(voice, holder, MANIFEST, TERMS, TRAIN, SPLITS, START, FAR, 1);
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = consents.consentIdOf(given[0]);
        bytes[] memory by = new bytes[](1);
        by[0] = signed(VOICE_KEY, ids[0]);
        IDataAccess.Query memory asked;
        asked.recording = IDataAccess.Recording(0, ROOT, TERMS, SPLITS, keccak256(abi.encode(ids)));
        bytes32 root = keccak256(bytes.concat(keccak256(abi.encode(asked.recording))));
        datasetId = register(root);
        handOver(holder, buyer);
        IDataAccess.Grant memory terms = granted();
        terms.manifestRoot = root;
        vm.prank(buyer);
        access.grant(terms);
        asked.offer = offered();
        (asked.offer.holder, asked.offer.transfers, asked.offer.price, asked.offer.deadline) = (buyer, 1, 0, 0);
        (asked.licensee, asked.who, asked.purpose) = (licensee, licensee, TRAIN);
        (asked.registrant, asked.manifestRoot, asked.manifestDigest) = (holder, root, MANIFEST);
        asked.termsHash = TERMS;
        (uint8 reason, bytes32 culprit) = access.checkAccess(asked, new bytes32[](0), given, by);
        vm.assertEq(reason, 11);
        vm.assertEq(culprit, ids[0]);
    }

    function test_a_wrong_manifest_digest_is_corrected_by_another_registration() public {
        vm.startPrank(holder);
        bytes32 wrong = datasets.register(REASON, keccak256("typo"), TERMS, SPLITS, 3);
        bytes32 right = datasets.register(REASON, keccak256("right"), TERMS, SPLITS, 3);
        datasets.supersede(wrong, right);
        datasets.setStatus(wrong, 3, REASON);
        vm.stopPrank();
        vm.assertEq(datasets.dataset(right).status, 1);
        vm.assertTrue(datasets.dataset(wrong).superseded);
    }

    /// @dev The seller's split would be in force before the buyer's own can be. Readers see that the transfer stands
    /// before its time, which makes it void.
    function test_a_sellers_last_split_stands_before_the_transfer_and_its_time_after_it() public {
        vm.recordLogs();
        vm.prank(holder);
        datasets.setSplit(datasetId, abi.encodePacked(holder, uint16(10_000)));
        handOver(holder, buyer);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.assertEq(logs[0].topics[0], IDatasetRegistry.SplitSet.selector);
        (, uint40 effectiveAt) = abi.decode(logs[0].data, (bytes, uint40));
        vm.assertEq(logs[1].topics[0], IDatasetRegistry.DatasetTransferred.selector);
        vm.assertEq(logs[1].topics[1], datasetId);
        vm.assertEq(effectiveAt, block.timestamp + 7 days);
    }

    /// @dev Not stopped: ids name the chain. After a fork of it that gets another number no dataset can be licensed or
    /// checked under that number; licenses that were made before go on being used.
    function test_a_new_chain_id_ends_licensing_and_leaves_licenses_in_use() public {
        bytes32 id = accept(offered());
        IDataAccess.Offer memory second = offered();
        second.nonce = 2;
        vm.chainId(block.chainid + 1);
        refused(second, abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, datasetId));
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
    }
}

/// @dev What stands at a distributor's address, and is none.
contract FalseDistributor {
    enum Mood {
        TakesNothing,
        AnswersNothing,
        Reverts,
        BurnsGas
    }

    error No();

    address public token;
    Mood public mood;
    bytes public again;
    bool public entered;
    bytes public answer;

    constructor(address token_) {
        token = token_;
    }

    function set(Mood mood_) external {
        mood = mood_;
    }

    function arm(bytes calldata again_) external {
        again = again_;
    }

    function fundFrom(address, uint256 amount, bytes32) external returns (uint256) {
        if (again.length != 0) (entered, answer) = msg.sender.call(again);
        if (mood == Mood.Reverts) revert No();
        if (mood == Mood.BurnsGas) while (true) {}
        if (mood == Mood.AnswersNothing) {
            assembly {
                return(0, 0)
            }
        }
        return amount;
    }
}

contract FalseDistributorsTest is AccessBase {
    FalseDistributor internal evil;

    function setUp() public override {
        super.setUp();
        evil = new FalseDistributor(address(token));
    }

    function named() internal view returns (IDataAccess.Offer memory offer) {
        offer = offered();
        offer.distributor = address(evil);
    }

    function test_a_distributor_that_fails_makes_no_license() public {
        bytes[3] memory why = [bytes(""), abi.encodeWithSelector(FalseDistributor.No.selector), bytes("")];
        for (uint256 mood = 1; mood < 4; ++mood) {
            evil.set(FalseDistributor.Mood(mood));
            bytes memory by = signature(named());
            bytes memory data = abi.encodeCall(access.accept, (named(), holder, ROOT, MANIFEST, DEPOSIT, by));
            vm.prank(licensee);
            (bool ok, bytes memory answer) = address(access).call{gas: 2_000_000}(data);
            vm.assertFalse(ok);
            vm.assertEq(answer, why[mood - 1]);
            vm.assertEq(access.license(datasetId, licenseOf(named())).status, 0);
        }
    }

    /// @dev Not stopped: a holder may name a distributor that takes nothing. The license and its event say so, and
    /// readers open nothing under a license that names another distributor than its terms.
    function test_a_distributor_of_the_holders_own_making_is_named_in_the_license() public {
        IDataAccess.Offer memory offer = named();
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseGranted(
            licenseOf(offer), datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, address(evil), PRICE
        );
        accept(offer);
        vm.assertEq(token.balanceOf(licensee), 1_000e6);
    }

    /// @dev The license is there when the distributor is called: neither it nor the token gets a second one.
    function test_a_distributor_that_enters_again_finds_the_license_made() public {
        licensee = address(evil);
        IDataAccess.Offer memory offer = named();
        bytes memory by = signature(offer);
        evil.arm(abi.encodeCall(access.accept, (offer, holder, ROOT, MANIFEST, DEPOSIT, by)));
        bytes32 id = accept(offer);
        vm.assertFalse(evil.entered());
        vm.assertEq(evil.answer(), abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offer)));
        offer.nonce = 2;
        evil.arm(
            abi.encodeCall(access.terminate, (datasetId, access.licenseIdOf(access.offerDigestOf(offer), licensee), 0))
        );
        id = accept(offer);
        vm.assertTrue(evil.entered());
        vm.assertEq(access.license(datasetId, id).status, 2);
    }

    /// @dev No contract takes money from a licensee by way of the access contract: the sender pays, and nobody else.
    function test_only_the_sender_of_accept_is_charged() public {
        IDataAccess.Offer memory offer = offered();
        offer.licensee = address(0);
        bytes memory by = signature(offer);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(distributor), 0, PRICE + DEPOSIT
            )
        );
        vm.prank(stranger);
        access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
    }
}
