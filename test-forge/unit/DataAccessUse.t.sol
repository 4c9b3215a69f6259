// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DataAccess} from "../../contracts/DataAccess.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {AccessBase} from "./DataAccess.t.sol";
import {Trees} from "../Trees.sol";

contract DataAccessUseTest is AccessBase {
    // --- grant

    function test_grant_makes_the_license_of_an_offer_without_price_or_deadline() public {
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(datasetId, holder, licensee, address(0), 0, FAR, TRAIN | TUNE, 0, 30, TERMS, 1);
        bytes32 id = licenseOf(offer);
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseGranted(id, datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, address(0), 0);
        vm.assertEq(grant(), id);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offer)));
        grant();
        bytes memory by = signature(offer);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferExpired.selector, uint40(0)));
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, by);
    }

    function test_grant_by_the_holder_to_somebody() public {
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, stranger));
        vm.prank(stranger);
        access.grant(granted());
        IDataAccess.Grant memory terms = granted();
        terms.licensee = address(0);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.WrongLicensee.selector, address(0)));
        vm.prank(holder);
        access.grant(terms);
    }

    function grantRefused(IDataAccess.Grant memory terms, bytes memory why) internal {
        vm.expectRevert(why);
        vm.prank(holder);
        access.grant(terms);
    }

    function test_grant_refuses_terms_and_datasets_that_accept_refuses() public {
        IDataAccess.Grant memory terms = granted();
        terms.expiry = START;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.ExpiryPassed.selector, START));
        terms = granted();
        terms.purposes = 0;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, uint32(0)));
        terms.purposes = TRAIN | 0x80008000;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.ReservedPurpose.selector, uint32(0x80008000)));
        terms = granted();
        terms.termsHash = REASON;
        bytes32 none = datasets.datasetIdOf(holder, ROOT, REASON);
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, none));
        setStatus(holder, datasetId, 2);
        grantRefused(granted(), abi.encodeWithSelector(IDataAccess.DatasetInactive.selector, datasetId, uint8(2)));
        setStatus(holder, datasetId, 1);
        grant();
    }

    // --- terminate

    function test_the_licensee_terminates_at_once() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseTerminated(id, licensee, REASON, START);
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 4);
        IDataAccess.License memory found = access.license(datasetId, id);
        vm.assertEq(found.expiry, START);
        vm.assertEq(found.status, 2);
        vm.assertEq(found.licensee, licensee);
        vm.assertEq(found.purposes, TRAIN | TUNE);
        vm.assertEq(found.noticeDays, 30);
    }

    function test_the_holder_gives_notice_and_never_lengthens() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseTerminated(id, holder, REASON, START + 30 days);
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.warp(START + 30 days - 1);
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 0);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(2)));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.license(datasetId, id).expiry, START + 30 days - 1);
    }

    function test_notice_ends_with_the_license() public {
        bytes32 id = grant();
        vm.warp(FAR - 1 days);
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.license(datasetId, id).expiry, FAR);
    }

    function test_the_new_holder_terminates_not_the_old() public {
        bytes32 id = grant();
        vm.prank(holder);
        datasets.transfer(datasetId, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(datasetId);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, holder));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.prank(stranger);
        access.terminate(datasetId, id, REASON);
    }

    function test_terminate_what_is_over_or_unknown() public {
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, REASON, uint8(0)));
        access.terminate(datasetId, REASON, REASON);
        bytes32 id = grant();
        vm.warp(FAR);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(4)));
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
    }

    function test_the_holders_revocation_of_the_dataset_leaves_licenses() public {
        bytes32 id = grant();
        setStatus(holder, datasetId, 3);
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
    }

    // --- recordAccess

    function test_recordAccess_by_the_licensee_for_one_licensed_purpose() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.AccessRecorded(id, datasetId, licensee, TUNE, 3, REASON);
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TUNE, 3, REASON);
    }

    function recordRefused(bytes32 id, uint32 purpose, bytes memory why) internal {
        vm.expectRevert(why);
        access.recordAccess(datasetId, id, purpose, 1, REASON);
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](2);
        uses[0] = IDataAccess.Use(TRAIN, 1, REASON);
        uses[1] = IDataAccess.Use(purpose, 1, REASON);
        vm.expectRevert(why);
        access.recordAccessMany(datasetId, id, uses);
    }

    function test_recordAccess_refuses_every_other_purpose() public {
        bytes32 id = grant();
        vm.startPrank(licensee);
        recordRefused(id, 0, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, uint32(0)));
        recordRefused(id, TRAIN | TUNE, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, TRAIN | TUNE));
        recordRefused(id, 2, abi.encodeWithSelector(IDataAccess.PurposeNotLicensed.selector, 2, TRAIN | TUNE));
        recordRefused(id, 1 << 15, abi.encodeWithSelector(IDataAccess.ReservedPurpose.selector, uint32(1 << 15)));
    }

    function test_recordAccess_refuses_others_and_the_end() public {
        bytes32 id = grant();
        vm.startPrank(stranger);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.WrongLicensee.selector, licensee));
        recordRefused(REASON, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, REASON, 0));
        vm.stopPrank();
        vm.startPrank(licensee);
        vm.warp(FAR);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, 4));
        vm.warp(FAR - 1);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
        access.terminate(datasetId, id, REASON);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, 2));
    }

    function test_recordAccess_knows_a_license_under_its_dataset_only() public {
        bytes32 id = grant();
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(0)));
        vm.prank(licensee);
        access.recordAccess(REASON, id, TRAIN, 1, REASON);
    }

    function test_recordAccessMany_records_each() public {
        bytes32 id = grant();
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](2);
        uses[0] = IDataAccess.Use(TRAIN, 1, REASON);
        uses[1] = IDataAccess.Use(TUNE, 2, MANIFEST);
        vm.expectEmit(address(access));
        emit IDataAccess.AccessRecorded(id, datasetId, licensee, TRAIN, 1, REASON);
        vm.expectEmit(address(access));
        emit IDataAccess.AccessRecorded(id, datasetId, licensee, TUNE, 2, MANIFEST);
        vm.prank(licensee);
        access.recordAccessMany(datasetId, id, uses);
    }

    function test_without_a_registry_there_is_no_license() public {
        DataAccess nowhere = new DataAccess(address(0xdead), address(consents), owner, guardian);
        vm.expectRevert(bytes(""));
        vm.prank(holder);
        nowhere.grant(granted());
    }

    function test_it_names_the_registries_it_reads() public view {
        vm.assertEq(access.datasets(), address(datasets));
        vm.assertEq(access.consents(), address(consents));
    }
}

contract DataAccessCheckTest is AccessBase {
    uint256 internal constant SECOND_KEY = 0x5ec0d;
    address internal second = vm.addr(SECOND_KEY);
    bytes32[] internal nodes;
    IDataAccess.Recording[3] internal recordings;
    bytes32 internal licenseId;
    bytes32 internal root;

    /// @dev Recording 0: no voice; 1: the voice; 2: both voices.
    function setUp() public override {
        super.setUp();
        bytes32[] memory leaves = new bytes32[](3);
        for (uint32 i = 0; i < 3; ++i) {
            recordings[i] = IDataAccess.Recording(i, MANIFEST, TERMS, SPLITS, consentsHash(i));
            leaves[i] = keccak256(bytes.concat(keccak256(abi.encode(recordings[i]))));
        }
        nodes = Trees.build(leaves);
        root = nodes[0];
        datasetId = register(root);
        IDataAccess.Grant memory terms = granted();
        terms.manifestRoot = root;
        vm.prank(holder);
        licenseId = access.grant(terms);
    }

    function consent(address subject) internal view returns (IConsentRegistry.Consent memory) {
        return
            IConsentRegistry.Consent(subject, holder, MANIFEST, TERMS, TRAIN, SPLITS, START + 1 days, START + 9 days, 7);
    }

    function given(uint256 index) internal view returns (IConsentRegistry.Consent[] memory found, bytes[] memory by) {
        found = new IConsentRegistry.Consent[](index);
        by = new bytes[](index);
        for (uint256 i = 0; i < index; ++i) {
            found[i] = consent(voice);
            by[i] = signed(VOICE_KEY, consents.consentIdOf(found[i]));
        }
        if (index < 2) return (found, by);
        IConsentRegistry.Consent memory other = consent(second);
        bytes32 otherId = consents.consentIdOf(other);
        uint256 place = otherId < consents.consentIdOf(found[0]) ? 0 : 1;
        found[place] = other;
        by[place] = signed(SECOND_KEY, otherId);
    }

    function consentsHash(uint256 index) internal view returns (bytes32) {
        (IConsentRegistry.Consent[] memory found,) = given(index);
        bytes32[] memory ids = new bytes32[](index);
        for (uint256 i = 0; i < index; ++i) {
            ids[i] = consents.consentIdOf(found[i]);
        }
        return index == 0 ? bytes32(0) : keccak256(abi.encode(ids));
    }

    function query(uint256 index) internal view returns (IDataAccess.Query memory) {
        return IDataAccess.Query(licenseId, licensee, TRAIN, holder, root, TERMS, recordings[index]);
    }

    function check(uint256 index) internal view returns (uint8 reason, bytes32 culprit) {
        return check(query(index), index);
    }

    function check(IDataAccess.Query memory asked, uint256 index)
        internal
        view
        returns (uint8 reason, bytes32 culprit)
    {
        (IConsentRegistry.Consent[] memory found, bytes[] memory by) = given(index);
        return access.checkAccess(asked, Trees.path(nodes, 2 + index), found, by);
    }

    function assertAnswer(uint256 index, uint8 expected, bytes32 who) internal view {
        (uint8 reason, bytes32 culprit) = check(index);
        vm.assertEq(reason, expected);
        vm.assertEq(culprit, who);
    }

    function assertAnswer(IDataAccess.Query memory asked, uint8 expected, bytes32 who) internal view {
        (uint8 reason, bytes32 culprit) = check(asked, 1);
        vm.assertEq(reason, expected);
        vm.assertEq(culprit, who);
    }

    function test_a_recording_is_open_with_license_and_consents() public {
        vm.warp(START + 1 days);
        for (uint256 i = 0; i < 3; ++i) {
            assertAnswer(i, 0, 0);
        }
    }

    function test_the_license_refuses() public {
        vm.warp(START + 1 days);
        IDataAccess.Query memory asked = query(1);
        asked.licenseId = REASON;
        assertAnswer(asked, 1, REASON);
        asked = query(1);
        asked.who = stranger;
        assertAnswer(asked, 2, licenseId);
        asked = query(1);
        asked.purpose = TRAIN | TUNE;
        assertAnswer(asked, 5, licenseId);
        asked.purpose = 0;
        assertAnswer(asked, 5, licenseId);
        asked.purpose = 1 << 15;
        assertAnswer(asked, 5, licenseId);
        asked.purpose = 2;
        assertAnswer(asked, 6, licenseId);
        vm.prank(holder);
        access.terminate(datasetId, licenseId, REASON);
        vm.warp(START + 31 days);
        assertAnswer(1, 4, licenseId);
    }

    function test_the_licenses_end_refuses() public {
        vm.warp(FAR);
        assertAnswer(0, 3, licenseId);
    }

    function test_the_dataset_refuses() public {
        vm.warp(START + 1 days);
        IDataAccess.Query memory asked = query(1);
        asked.termsHash = REASON;
        assertAnswer(asked, 7, datasets.datasetIdOf(holder, root, REASON));
        setStatus(holder, datasetId, 3);
        assertAnswer(1, 0, 0);
        setStatus(guardian, datasetId, 4);
        assertAnswer(1, 8, datasetId);
    }

    function test_the_leaf_must_be_in_the_manifest() public {
        vm.warp(START + 1 days);
        IDataAccess.Query memory asked = query(1);
        // Sixteen: what they climb to is above the root for some and below it for others.
        for (uint256 i = 0; i < 16; ++i) {
            asked.recording.consentsHash = bytes32(i);
            assertAnswer(asked, 9, keccak256(bytes.concat(keccak256(abi.encode(asked.recording)))));
        }
    }

    function test_the_consents_must_be_those_of_the_leaf() public {
        vm.warp(START + 1 days);
        (IConsentRegistry.Consent[] memory found, bytes[] memory by) = given(1);
        (uint8 reason, bytes32 culprit) = access.checkAccess(query(2), Trees.path(nodes, 4), found, by);
        vm.assertEq(reason, 10);
        vm.assertEq(culprit, recordings[2].consentsHash);
        (reason,) = access.checkAccess(query(1), Trees.path(nodes, 3), found, new bytes[](0));
        vm.assertEq(reason, 10);
        (reason,) = access.checkAccess(query(0), Trees.path(nodes, 2), found, by);
        vm.assertEq(reason, 10);
    }

    function test_a_withdrawn_consent_refuses_its_recordings_and_no_others() public {
        vm.warp(START + 1 days);
        bytes32 id = consents.consentIdOf(consent(second));
        vm.prank(second);
        consents.revokeConsent(id, REASON);
        assertAnswer(0, 0, 0);
        assertAnswer(1, 0, 0);
        assertAnswer(2, 13, id);
    }

    function test_a_stranger_withdraws_nothing() public {
        vm.warp(START + 1 days);
        bytes32 id = consents.consentIdOf(consent(voice));
        vm.prank(stranger);
        consents.revokeConsent(id, REASON);
        assertAnswer(1, 0, 0);
    }

    function test_consents_time_and_purpose() public {
        bytes32 id = consents.consentIdOf(consent(voice));
        assertAnswer(1, 15, id);
        vm.warp(START + 9 days);
        assertAnswer(1, 0, 0);
        vm.warp(START + 9 days + 1);
        assertAnswer(1, 16, id);
        IDataAccess.Query memory asked = query(1);
        asked.purpose = TUNE;
        assertAnswer(asked, 14, id);
    }

    function test_consents_signature() public {
        vm.warp(START + 1 days);
        (IConsentRegistry.Consent[] memory found, bytes[] memory by) = given(1);
        by[0] = signed(SECOND_KEY, consents.consentIdOf(found[0]));
        (uint8 reason, bytes32 culprit) = access.checkAccess(query(1), Trees.path(nodes, 3), found, by);
        vm.assertEq(reason, 12);
        vm.assertEq(culprit, consents.consentIdOf(found[0]));
        vm.prank(voice);
        consents.approveDigest(culprit);
        (reason,) = access.checkAccess(query(1), Trees.path(nodes, 3), found, by);
        vm.assertEq(reason, 0);
    }

    function test_a_consent_to_another_holder_is_none_here() public {
        vm.warp(START + 1 days);
        // The stranger registers the same manifest, and licenses it.
        vm.startPrank(stranger);
        bytes32 theirs = datasets.register(root, MANIFEST, TERMS, SPLITS, 3);
        IDataAccess.Grant memory terms = granted();
        terms.manifestRoot = root;
        terms.registrant = stranger;
        bytes32 id = access.grant(terms);
        vm.stopPrank();
        vm.assertTrue(theirs != datasetId);
        IDataAccess.Query memory asked = query(1);
        asked.registrant = stranger;
        asked.licenseId = id;
        assertAnswer(asked, 11, consents.consentIdOf(consent(voice)));
    }
}
