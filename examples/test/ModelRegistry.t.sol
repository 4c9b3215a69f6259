// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {AccessGated} from "@provenance-network/contracts/AccessGated.sol";
import {TRAIN_ASR, TRAIN_TTS} from "@provenance-network/contracts/Purposes.sol";
import {
    CONSENT_NOT_SIGNED,
    CONSENT_WITHDRAWN,
    IDataAccess,
    LEFT_POOL,
    LICENSE_ENDED,
    LICENSE_OVER,
    PURPOSE_NOT_GRANTED,
    UNKNOWN_LICENSE,
    WRONG_LICENSEE
} from "@provenance-network/contracts/interfaces/IDataAccess.sol";
import {IConsentRegistry} from "@provenance-network/contracts/interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "@provenance-network/contracts/interfaces/IDatasetRegistry.sol";
import {ModelRegistry} from "../contracts/ModelRegistry.sol";

interface Vm {
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function prank(address sender) external;
    function warp(uint256 time) external;
    function expectRevert(bytes calldata reason) external;
}

/// @title The real contracts, from the package's artifacts, behind the registry
contract ModelRegistryTest {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bytes32 private constant MODEL = keccak256("a model");
    bytes32 private constant MANIFEST = keccak256("manifest");
    bytes32 private constant TERMS = keccak256("terms");
    address private constant DISTRIBUTOR = address(0xD1); // no license here costs anything: it is not called
    address private constant TRAINER = address(0x7A);
    address private constant VOICE = address(0x70);
    uint40 private constant EXPIRY = 2_000_000_000;

    IConsentRegistry private consents;
    IDatasetRegistry private datasets;
    IDataAccess private access;
    ModelRegistry private models;
    bytes32 private dataset;
    uint32 private sold; // purposes of the license granted last

    function setUp() public {
        VM.warp(1_900_000_000);
        consents = IConsentRegistry(deploy("ConsentRegistry", ""));
        datasets = IDatasetRegistry(deploy("DatasetRegistry", abi.encode(this, this)));
        access = IDataAccess(deploy("DataAccess", abi.encode(datasets, consents)));
        models = new ModelRegistry(access);
        dataset = datasets.register(leaf(), MANIFEST, TERMS, keccak256("split"), 1);
    }

    function test_a_licensee_trains() public {
        train(TRAINER, granted(TRAIN_TTS));
        require(models.trainerOf(MODEL) == TRAINER, "no trainer");
    }

    function test_nobody_else_trains() public {
        bytes32 license = granted(TRAIN_TTS);
        refused(WRONG_LICENSEE, license);
        train(address(0xBAD), license);
    }

    function test_without_a_license_nobody_trains() public {
        refused(UNKNOWN_LICENSE, bytes32(uint256(1)));
        train(TRAINER, bytes32(uint256(1)));
    }

    function test_a_license_for_another_purpose_is_none() public {
        bytes32 license = granted(TRAIN_ASR);
        refused(PURPOSE_NOT_GRANTED, license);
        train(TRAINER, license);
    }

    function test_a_license_that_is_over_is_none() public {
        bytes32 license = granted(TRAIN_TTS);
        VM.warp(EXPIRY);
        refused(LICENSE_OVER, license);
        train(TRAINER, license);
    }

    function test_a_terminated_license_is_none() public {
        bytes32 license = granted(TRAIN_TTS);
        VM.prank(TRAINER);
        access.terminate(dataset, license, 0);
        refused(LICENSE_ENDED, license);
        train(TRAINER, license);
    }

    function test_an_address_without_code_gives_no_licenses() public {
        VM.expectRevert(abi.encodeWithSelector(AccessGated.NoDataAccess.selector, address(1)));
        new ModelRegistry(IDataAccess(address(1)));
    }

    function test_a_recording_is_used_while_its_voice_consents() public {
        trained(TRAIN_TTS);
        useVoice(CONSENT_NOT_SIGNED, consents.consentIdOf(consent()));
        approve();
        useVoice();
    }

    function test_a_withdrawn_voice_is_used_no_more() public {
        trained(TRAIN_TTS);
        bytes32 id = approve();
        VM.prank(VOICE);
        consents.revokeConsent(id, 0);
        useVoice(CONSENT_WITHDRAWN, id);
    }

    function test_a_voice_is_not_used_for_another_purpose() public {
        trained(TRAIN_TTS | TRAIN_ASR);
        approve();
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        asked.purpose = TRAIN_ASR;
        VM.expectRevert(abi.encodeWithSelector(AccessGated.NotThePurpose.selector, TRAIN_ASR));
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function test_no_voice_goes_into_a_model_that_nobody_trains() public {
        granted(TRAIN_TTS);
        approve();
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        VM.expectRevert(abi.encodeWithSelector(ModelRegistry.NotTheTrainer.selector, MODEL, TRAINER));
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function test_no_voice_of_another_dataset_goes_into_the_model() public {
        trained(TRAIN_TTS);
        approve();
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        asked.termsHash = keccak256("other terms");
        bytes32 other = datasets.register(leaf(), MANIFEST, asked.termsHash, keccak256("split"), 1);
        granted(TRAIN_TTS, asked.termsHash);
        (asked.offer.datasetId, asked.offer.termsHash) = (other, asked.termsHash);
        VM.expectRevert(abi.encodeWithSelector(AccessGated.NotTheDataset.selector, other));
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function test_a_members_voice_is_used_under_its_pools_license() public {
        bytes32 member = dataset;
        dataset = datasets.register(0, MANIFEST, TERMS, keccak256("split"), 30);
        datasets.setMembers(dataset, keccak256(bytes.concat(keccak256(abi.encode(member, this)))), MANIFEST);
        IDataAccess.Grant memory terms = grant(TRAIN_TTS, TERMS);
        terms.manifestRoot = 0;
        sold = TRAIN_TTS;
        train(TRAINER, access.grant(terms));
        approve();
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        asked.member.holder = address(this);
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
        datasets.leavePool(dataset, member, false);
        VM.warp(block.timestamp + 30 days);
        refused(LEFT_POOL, member);
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function test_nobody_asks_for_another() public {
        trained(TRAIN_TTS);
        approve();
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        asked.who = address(this);
        VM.expectRevert(abi.encodeWithSelector(AccessGated.NotTheSender.selector, address(this)));
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function useVoice() private {
        useVoice(0, 0);
    }

    function useVoice(uint8 reason, bytes32 culprit) private {
        (IDataAccess.Query memory asked, AccessGated.Evidence memory shown) = (query(), evidence());
        if (reason != 0) refused(reason, culprit);
        VM.prank(TRAINER);
        models.useVoice(MODEL, asked, shown);
    }

    function approve() private returns (bytes32 id) {
        id = consents.consentIdOf(consent());
        VM.prank(VOICE);
        consents.approveDigest(id);
    }

    function consent() private view returns (IConsentRegistry.Consent memory) {
        return IConsentRegistry.Consent({
            subject: VOICE,
            holder: address(this),
            voiceId: keccak256("voice"),
            scopeHash: keccak256("scope"),
            purposes: TRAIN_TTS | TRAIN_ASR,
            territories: keccak256("DE"),
            notBefore: 0,
            notAfter: EXPIRY,
            nonce: 1
        });
    }

    function evidence() private view returns (AccessGated.Evidence memory shown) {
        shown.consents = new IConsentRegistry.Consent[](1);
        shown.consents[0] = consent();
        shown.signatures = new bytes[](1);
    }

    function query() private view returns (IDataAccess.Query memory) {
        return IDataAccess.Query({
            offer: offer(),
            licensee: TRAINER,
            member: IDataAccess.Member(address(0), new bytes32[](0)),
            who: TRAINER,
            purpose: TRAIN_TTS,
            registrant: address(this),
            manifestRoot: leaf(),
            manifestDigest: MANIFEST,
            termsHash: TERMS,
            recording: recording()
        });
    }

    /// @dev The offer that `grant` builds, which names the license.
    function offer() private view returns (IDataAccess.Offer memory) {
        return IDataAccess.Offer({
            datasetId: dataset,
            holder: address(this),
            transfers: 0,
            licensee: TRAINER,
            distributor: DISTRIBUTOR,
            price: 0,
            expiry: EXPIRY,
            purposes: sold,
            deadline: 0,
            noticeDays: 0,
            termsHash: TERMS,
            nonce: 1
        });
    }

    /// @dev One recording, so that its leaf is the manifest's root.
    function leaf() private view returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(recording()))));
    }

    function recording() private view returns (IDataAccess.Recording memory) {
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = consents.consentIdOf(consent());
        return
            IDataAccess.Recording(0, keccak256("cid"), keccak256("key"), keccak256("plain"), keccak256(abi.encode(ids)));
    }

    function deploy(string memory name, bytes memory arguments) private returns (address made) {
        string memory path = string.concat("node_modules/@provenance-network/contracts/artifacts/", name, ".json");
        bytes memory code = bytes.concat(VM.parseJsonBytes(VM.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        require(made != address(0), name);
    }

    function granted(uint32 purposes) private returns (bytes32) {
        return granted(purposes, TERMS);
    }

    function granted(uint32 purposes, bytes32 terms) private returns (bytes32) {
        sold = purposes;
        return access.grant(grant(purposes, terms));
    }

    function grant(uint32 purposes, bytes32 terms) private view returns (IDataAccess.Grant memory) {
        return IDataAccess.Grant({
            registrant: address(this),
            manifestRoot: leaf(),
            manifestDigest: MANIFEST,
            termsHash: terms,
            licensee: TRAINER,
            distributor: DISTRIBUTOR,
            expiry: EXPIRY,
            purposes: purposes,
            noticeDays: 0,
            nonce: 1
        });
    }

    function trained(uint32 purposes) private {
        train(TRAINER, granted(purposes));
    }

    function train(address who, bytes32 license) private {
        VM.prank(who);
        models.train(MODEL, dataset, license);
    }

    function refused(uint8 reason, bytes32 culprit) private {
        VM.expectRevert(abi.encodeWithSelector(AccessGated.AccessRefused.selector, reason, culprit));
    }
}
