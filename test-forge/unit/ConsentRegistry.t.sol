// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";

contract ConsentRegistryTest is Base {
    bytes32 internal constant ID = keccak256("consent");

    function consent(address subject) internal view returns (IConsentRegistry.Consent memory) {
        return IConsentRegistry.Consent(subject, holder, MANIFEST, TERMS, 3, SPLITS, START, FAR, 7);
    }

    // --- consentIdOf

    function test_consentIdOf_is_the_digest_of_EIP712() public view {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("ConsentRegistry"),
                keccak256("1"),
                block.chainid,
                address(consents)
            )
        );
        bytes32 kind = keccak256(
            "Consent(address subject,address holder,bytes32 voiceId,bytes32 scopeHash,uint32 purposes,bytes32 territories,uint64 notBefore,uint64 notAfter,uint256 nonce)"
        );
        bytes32 content = keccak256(
            abi.encode(kind, voice, holder, MANIFEST, TERMS, uint32(3), SPLITS, uint64(START), uint64(FAR), uint256(7))
        );
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", separator, content));
        vm.assertEq(consents.consentIdOf(consent(voice)), expected);
    }

    function test_consentIdOf_follows_a_changed_chain_id() public {
        bytes32 before = consents.consentIdOf(consent(voice));
        vm.chainId(block.chainid + 1);
        vm.assertTrue(consents.consentIdOf(consent(voice)) != before);
    }

    // --- revokeConsent

    function test_revokeConsent_counts_for_the_sender_alone() public {
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ConsentRevoked(ID, stranger, REASON);
        vm.prank(stranger);
        consents.revokeConsent(ID, REASON);
        vm.assertEq(consents.revokedAt(stranger, ID), START);
        vm.assertEq(consents.revokedAt(voice, ID), 0);
    }

    function test_revokeConsent_keeps_the_first_time() public {
        vm.startPrank(voice);
        consents.revokeConsent(ID, REASON);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.AlreadyRevoked.selector, ID, START));
        consents.revokeConsent(ID, REASON);
    }

    // --- revokeConsentFor

    function test_revokeConsentFor_relays_the_subjects_word() public {
        bytes memory signature = signed(VOICE_KEY, consents.revokeDigest(ID, FAR));
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ConsentRevoked(ID, voice, 0);
        vm.prank(stranger);
        consents.revokeConsentFor(voice, ID, FAR, signature);
        vm.assertEq(consents.revokedAt(voice, ID), START);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.AlreadyRevoked.selector, ID, START));
        consents.revokeConsentFor(voice, ID, FAR, signature);
    }

    function test_revokeConsentFor_refuses_anothers_signature_and_another_consent() public {
        bytes memory signature = signed(HOLDER_KEY, consents.revokeDigest(ID, FAR));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.BadSignature.selector, voice));
        consents.revokeConsentFor(voice, ID, FAR, signature);
        signature = signed(VOICE_KEY, consents.revokeDigest(ID, FAR));
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.BadSignature.selector, voice));
        consents.revokeConsentFor(voice, REASON, FAR, signature);
    }

    function test_revokeConsentFor_counts_until_its_deadline() public {
        bytes memory signature = signed(VOICE_KEY, consents.revokeDigest(ID, START));
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.SignatureExpired.selector, uint64(START)));
        consents.revokeConsentFor(voice, ID, START, signature);
        vm.warp(START);
        consents.revokeConsentFor(voice, ID, START, signature);
    }

    function test_revokeConsentFor_takes_the_word_of_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(voice);
        bytes memory signature = signed(VOICE_KEY, consents.revokeDigest(ID, FAR));
        consents.revokeConsentFor(address(wallet), ID, FAR, signature);
        vm.assertEq(consents.revokedAt(address(wallet), ID), START);
    }

    // --- extendConsent, extendConsentFor

    function test_extendConsent_counts_for_the_sender_and_the_holder_alone() public {
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ConsentExtended(ID, voice, holder);
        vm.prank(voice);
        consents.extendConsent(ID, holder);
        vm.assertEq(consents.extendedAt(voice, ID, holder), START);
        vm.assertEq(consents.extendedAt(stranger, ID, holder), 0);
        vm.assertEq(consents.extendedAt(voice, REASON, holder), 0);
        vm.assertEq(consents.extendedAt(voice, ID, stranger), 0);
        vm.prank(voice);
        consents.extendConsent(ID, stranger);
        vm.assertEq(consents.extendedAt(voice, ID, stranger), START);
    }

    function test_extendConsent_keeps_the_first_time() public {
        vm.startPrank(voice);
        consents.extendConsent(ID, holder);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.AlreadyExtended.selector, ID, holder, START));
        consents.extendConsent(ID, holder);
    }

    function extendSigned(uint256 key, uint64 deadline) internal view returns (bytes memory) {
        return signed(key, consents.extendDigest(ID, holder, deadline));
    }

    function test_extendConsentFor_relays_the_subjects_word() public {
        bytes memory signature = extendSigned(VOICE_KEY, FAR);
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ConsentExtended(ID, voice, holder);
        vm.prank(stranger);
        consents.extendConsentFor(voice, ID, holder, FAR, signature);
        vm.assertEq(consents.extendedAt(voice, ID, holder), START);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.AlreadyExtended.selector, ID, holder, START));
        consents.extendConsentFor(voice, ID, holder, FAR, signature);
    }

    function test_extendConsentFor_refuses_another_signer_consent_and_holder() public {
        bytes memory why = abi.encodeWithSelector(IConsentRegistry.BadSignature.selector, voice);
        bytes memory signature = extendSigned(HOLDER_KEY, FAR);
        vm.expectRevert(why);
        consents.extendConsentFor(voice, ID, holder, FAR, signature);
        signature = extendSigned(VOICE_KEY, FAR);
        vm.expectRevert(why);
        consents.extendConsentFor(voice, REASON, holder, FAR, signature);
        vm.expectRevert(why);
        consents.extendConsentFor(voice, ID, stranger, FAR, signature);
        vm.expectRevert(why);
        consents.extendConsentFor(voice, ID, holder, FAR + 1, signature);
    }

    function test_extendConsentFor_counts_until_its_deadline() public {
        bytes memory signature = extendSigned(VOICE_KEY, START);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.SignatureExpired.selector, uint64(START)));
        consents.extendConsentFor(voice, ID, holder, START, signature);
        vm.warp(START);
        consents.extendConsentFor(voice, ID, holder, START, signature);
    }

    function test_extendConsentFor_takes_the_word_of_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(voice);
        consents.extendConsentFor(address(wallet), ID, holder, FAR, extendSigned(VOICE_KEY, FAR));
        vm.assertEq(consents.extendedAt(address(wallet), ID, holder), START);
    }

    // --- orderErasure, attestErasure

    function test_orderErasure_revokes_first_if_need_be() public {
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ConsentRevoked(ID, voice, 0);
        vm.expectEmit(address(consents));
        emit IConsentRegistry.ErasureOrdered(ID, voice, FAR);
        vm.prank(voice);
        consents.orderErasure(ID, FAR);
        vm.warp(START + 1);
        vm.prank(voice);
        consents.orderErasure(ID, FAR);
        vm.assertEq(consents.revokedAt(voice, ID), START);
    }

    function test_orderErasure_is_not_due_in_the_past() public {
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.DeadlinePassed.selector, START - 1));
        consents.orderErasure(ID, START - 1);
        consents.orderErasure(ID, START);
    }

    function test_attestErasure_records_the_senders_word() public {
        for (uint8 method = 1; method <= 6; ++method) {
            vm.expectEmit(address(consents));
            emit IConsentRegistry.ErasureAttested(ID, holder, REASON, method);
            vm.prank(holder);
            consents.attestErasure(ID, REASON, method);
        }
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.UnknownMethod.selector, uint8(0)));
        consents.attestErasure(ID, REASON, 0);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.UnknownMethod.selector, uint8(7)));
        consents.attestErasure(ID, REASON, 7);
    }

    // --- approveDigest, isSigned

    function test_approveDigest_once() public {
        vm.expectEmit(address(consents));
        emit IConsentRegistry.DigestApproved(voice, ID);
        vm.prank(voice);
        consents.approveDigest(ID);
        vm.assertEq(consents.approvedAt(voice, ID), START);
        vm.assertEq(consents.approvedAt(stranger, ID), 0);
        vm.expectRevert(abi.encodeWithSelector(IConsentRegistry.AlreadyApproved.selector, ID, START));
        vm.prank(voice);
        consents.approveDigest(ID);
    }

    function test_isSigned_by_the_subjects_key_or_approval() public {
        bytes32 id = consents.consentIdOf(consent(voice));
        vm.assertTrue(consents.isSigned(consent(voice), signed(VOICE_KEY, id)));
        vm.assertFalse(consents.isSigned(consent(voice), signed(HOLDER_KEY, id)));
        vm.assertFalse(consents.isSigned(consent(voice), ""));
        vm.prank(voice);
        consents.approveDigest(id);
        vm.assertTrue(consents.isSigned(consent(voice), ""));
    }

    function test_isSigned_takes_a_contracts_word_only_by_approval() public {
        Wallet1271 wallet = new Wallet1271(voice);
        bytes32 id = consents.consentIdOf(consent(address(wallet)));
        bytes memory signature = signed(VOICE_KEY, id);
        vm.assertFalse(consents.isSigned(consent(address(wallet)), signature));
        wallet.execute(address(consents), abi.encodeCall(IConsentRegistry.approveDigest, (id)));
        vm.assertTrue(consents.isSigned(consent(address(wallet)), signature));
        wallet.setOwner(stranger);
        vm.assertTrue(consents.isSigned(consent(address(wallet)), signature));
    }
}
