// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {AccessBase} from "./DataAccess.t.sol";
import {Trees} from "../Trees.sol";

/// @dev A dataset of three recordings, in which two voices are heard; a license of it that its holder granted.
abstract contract CheckBase is AccessBase {
    uint256 internal constant SECOND_KEY = 0x5ec0d;
    address internal second = vm.addr(SECOND_KEY);
    bytes32[] internal nodes;
    IDataAccess.Recording[3] internal recordings;
    bytes32 internal licenseId;
    bytes32 internal root;
    IDataAccess.Offer internal offer;

    /// @dev Recording 0: no voice; 1: the voice; 2: both voices.
    function setUp() public virtual override {
        super.setUp();
        bytes32[] memory leaves = new bytes32[](3);
        for (uint32 i = 0; i < 3; ++i) {
            recordings[i] = IDataAccess.Recording(i, MANIFEST, TERMS, SPLITS, consentsHash(i));
            leaves[i] = keccak256(bytes.concat(keccak256(abi.encode(recordings[i]))));
        }
        nodes = Trees.build(leaves);
        root = nodes[0];
        datasetId = register(root);
        offer = granting(holder, datasetId, 0);
        licenseId = grant(holder, holder, root, MANIFEST);
    }

    /// @dev The offer that `grant` builds.
    function granting(address by, bytes32 id, uint16 transfers) internal view returns (IDataAccess.Offer memory) {
        return
            IDataAccess.Offer(id, by, transfers, licensee, address(distributor), 0, FAR, TRAIN | TUNE, 0, 30, TERMS, 1);
    }

    function grant(address by, address registrant, bytes32 manifestRoot, bytes32 manifest) internal returns (bytes32) {
        IDataAccess.Grant memory terms = granted();
        (terms.registrant, terms.manifestRoot, terms.manifestDigest) = (registrant, manifestRoot, manifest);
        vm.prank(by);
        return access.grant(terms);
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
        return IDataAccess.Query({
            offer: offer,
            licensee: licensee,
            member: IDataAccess.Member(address(0), new bytes32[](0)),
            who: licensee,
            purpose: TRAIN,
            registrant: holder,
            manifestRoot: root,
            manifestDigest: MANIFEST,
            termsHash: TERMS,
            recording: recordings[index]
        });
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
}

contract DataAccessCheckTest is CheckBase {
    function test_a_recording_is_open_with_license_and_consents() public {
        vm.warp(START + 1 days);
        for (uint256 i = 0; i < 3; ++i) {
            assertAnswer(i, 0, 0);
        }
    }

    function test_the_license_refuses() public {
        vm.warp(START + 1 days);
        IDataAccess.Query memory asked = query(1);
        asked.offer.nonce = 2;
        assertAnswer(asked, 1, access.licenseIdOf(access.offerDigestOf(asked.offer), licensee));
        asked = query(1);
        asked.licensee = stranger;
        assertAnswer(asked, 1, access.licenseIdOf(access.offerDigestOf(offer), stranger));
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
        assertAnswer(asked, 7, datasets.datasetIdOf(holder, root, MANIFEST, REASON));
        asked = query(1);
        asked.manifestDigest = REASON;
        assertAnswer(asked, 7, datasets.datasetIdOf(holder, root, REASON, TERMS));
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
        vm.prank(stranger);
        bytes32 theirs = datasets.register(root, MANIFEST, TERMS, SPLITS, 3);
        grant(stranger, stranger, root, MANIFEST);
        vm.assertTrue(theirs != datasetId);
        IDataAccess.Query memory asked = query(1);
        asked.registrant = stranger;
        asked.offer = granting(stranger, theirs, 0);
        assertAnswer(asked, 11, consents.consentIdOf(consent(voice)));
        extend(VOICE_KEY, voice, stranger);
        assertAnswer(asked, 0, 0);
    }

    function extend(uint256 key, address subject, address to) internal {
        bytes32 id = consents.consentIdOf(consent(subject));
        bytes memory by = signed(key, consents.extendDigest(id, to, FAR));
        consents.extendConsentFor(subject, id, to, FAR, by);
    }

    /// @dev What was sold stays open; what the buyer sells is open once each voice has said so.
    function test_consents_are_not_sold_with_a_dataset() public {
        vm.warp(START + 1 days);
        handOver(holder, stranger);
        assertAnswer(2, 0, 0);
        grant(stranger, holder, root, MANIFEST);
        IDataAccess.Query memory asked = query(2);
        asked.offer = granting(stranger, datasetId, 1);
        (IConsentRegistry.Consent[] memory found,) = given(2);
        address first = found[0].subject;
        (uint8 reason, bytes32 culprit) = check(asked, 2);
        vm.assertEq(reason, 11);
        vm.assertEq(culprit, consents.consentIdOf(consent(first)));
        extend(first == voice ? VOICE_KEY : SECOND_KEY, first, stranger);
        address last = found[1].subject;
        (reason, culprit) = check(asked, 2);
        vm.assertEq(reason, 11);
        vm.assertEq(culprit, consents.consentIdOf(consent(last)));
        extend(last == voice ? VOICE_KEY : SECOND_KEY, last, stranger);
        (reason,) = check(asked, 2);
        vm.assertEq(reason, 0);
        vm.prank(last);
        consents.revokeConsent(culprit, REASON);
        (reason,) = check(asked, 2);
        vm.assertEq(reason, 13);
    }

    function test_who_is_not_the_subject_extends_nothing() public {
        vm.warp(START + 1 days);
        handOver(holder, stranger);
        grant(stranger, holder, root, MANIFEST);
        IDataAccess.Query memory asked = query(1);
        asked.offer = granting(stranger, datasetId, 1);
        bytes32 id = consents.consentIdOf(consent(voice));
        vm.prank(holder);
        consents.extendConsent(id, stranger);
        assertAnswer(asked, 11, id);
    }
}

/// @dev A collective's pool, of which the dataset and another holder's are members.
contract DataAccessPoolTest is CheckBase {
    address internal curator = address(0xc0);
    address internal other = address(0x07);
    bytes32 internal poolId;
    bytes32 internal theirs;
    bytes32[] internal members;

    function setUp() public override {
        super.setUp();
        vm.warp(START + 1 days);
        vm.prank(curator);
        poolId = datasets.register(0, MANIFEST, TERMS, SPLITS, 30);
        vm.prank(other);
        theirs = datasets.register(root, REASON, TERMS, SPLITS, 3);
        join(holder, other);
        offer = granting(curator, poolId, 0);
        licenseId = grant(curator, curator, 0, MANIFEST);
    }

    function join(address first, address last) internal {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = keccak256(bytes.concat(keccak256(abi.encode(datasetId, first))));
        leaves[1] = keccak256(bytes.concat(keccak256(abi.encode(theirs, last))));
        members = Trees.build(leaves);
        vm.prank(curator);
        datasets.setMembers(poolId, members[0], MANIFEST);
    }

    function asked() internal view returns (IDataAccess.Query memory q) {
        q = query(1);
        q.member = IDataAccess.Member(holder, Trees.path(members, 1));
    }

    function askedTheirs(uint256 index) internal view returns (IDataAccess.Query memory q) {
        q = query(index);
        (q.registrant, q.manifestDigest) = (other, REASON);
        q.member = IDataAccess.Member(other, Trees.path(members, 2));
    }

    function test_a_pools_license_opens_its_members_recordings() public view {
        assertAnswer(asked(), 0, 0);
        (uint8 reason,) = check(askedTheirs(0), 0);
        vm.assertEq(reason, 0);
    }

    /// @dev The consents of these recordings are to `holder`, not to who joined with the same recordings.
    function test_in_a_pool_consents_are_to_who_joined() public {
        assertAnswer(askedTheirs(1), 11, consents.consentIdOf(consent(voice)));
        bytes32 id = consents.consentIdOf(consent(voice));
        vm.prank(voice);
        consents.extendConsent(id, curator);
        assertAnswer(askedTheirs(1), 11, id);
        vm.prank(voice);
        consents.extendConsent(id, other);
        assertAnswer(askedTheirs(1), 0, 0);
    }

    function test_who_joined_stays_who_joined_when_the_dataset_is_sold() public {
        handOver(holder, stranger);
        assertAnswer(asked(), 0, 0);
        join(stranger, other);
        IDataAccess.Query memory q = asked();
        assertAnswer(q, 17, datasetId);
        q.member.holder = stranger;
        assertAnswer(q, 11, consents.consentIdOf(consent(voice)));
    }

    function test_a_dataset_outside_the_pool_is_not_opened_by_its_license() public {
        IDataAccess.Query memory q = query(1);
        assertAnswer(q, 17, datasetId); // no member named
        q = asked();
        q.member.holder = other;
        assertAnswer(q, 17, datasetId);
        q = asked();
        q.member.path = new bytes32[](0);
        assertAnswer(q, 17, datasetId);
        q = asked();
        vm.prank(curator);
        datasets.setMembers(poolId, 0, MANIFEST);
        assertAnswer(q, 17, datasetId);
    }

    function test_a_license_of_a_dataset_opens_no_other() public {
        grant(other, other, root, REASON);
        IDataAccess.Query memory q = asked();
        q.offer = granting(other, theirs, 0);
        assertAnswer(q, 17, datasetId);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotPool.selector, theirs));
        datasets.setMembers(theirs, members[0], MANIFEST);
    }

    function test_a_member_that_left_is_open_until_the_notice_is_over() public {
        vm.prank(holder);
        datasets.leavePool(poolId, datasetId, false);
        vm.warp(START + 31 days - 1);
        bytes32 id = access.licenseIdOf(access.offerDigestOf(offer), licensee);
        vm.assertEq(access.checkLicense(poolId, id, licensee, TRAIN), 0);
        IDataAccess.Query memory q = asked();
        q.recording = recordings[0];
        (uint8 reason,) = check(q, 0);
        vm.assertEq(reason, 0);
        vm.warp(START + 31 days);
        bytes32 culprit;
        (reason, culprit) = check(q, 0);
        vm.assertEq(reason, 18);
        vm.assertEq(culprit, datasetId);
        vm.prank(holder);
        datasets.leavePool(poolId, datasetId, true);
        (reason,) = check(q, 0);
        vm.assertEq(reason, 0);
    }

    function test_the_guardian_halts_a_member_or_the_whole_pool() public {
        setStatus(guardian, datasetId, 4);
        assertAnswer(asked(), 8, datasetId);
        setStatus(guardian, datasetId, 1);
        setStatus(guardian, poolId, 4);
        assertAnswer(asked(), 8, poolId);
        setStatus(guardian, poolId, 1);
        setStatus(curator, poolId, 3);
        assertAnswer(asked(), 0, 0);
    }

    function test_a_pools_license_is_asked_before_its_members() public {
        IDataAccess.Query memory q = query(1);
        q.purpose = 2;
        assertAnswer(q, 6, licenseId);
    }

    function test_a_member_is_looked_at_before_its_recording() public {
        IDataAccess.Query memory q = query(1);
        q.recording.cidDigest = REASON;
        assertAnswer(q, 17, datasetId);
        q = asked();
        q.recording.cidDigest = REASON;
        assertAnswer(q, 9, keccak256(bytes.concat(keccak256(abi.encode(q.recording)))));
    }
}
