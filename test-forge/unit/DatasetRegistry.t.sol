// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";

contract DatasetRegistryTest is Base {
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        id = datasets.datasetIdOf(holder, ROOT, TERMS);
    }

    function registration() internal pure returns (IDatasetRegistry.Registration memory) {
        return IDatasetRegistry.Registration(ROOT, MANIFEST, TERMS, SPLITS, 3);
    }

    // --- register

    function test_register_emits_and_keeps_the_dataset_under_the_id_of_its_parts() public {
        bytes32 expected = keccak256(abi.encode(block.chainid, address(datasets), holder, ROOT, TERMS));
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetRegistered(expected, holder, ROOT, MANIFEST, TERMS, SPLITS, 3);
        vm.assertEq(register(), expected);
        vm.assertEq(expected, id);
        IDatasetRegistry.Dataset memory found = datasets.dataset(id);
        vm.assertEq(found.holder, holder);
        vm.assertEq(found.registeredAt, START);
        vm.assertEq(found.items, 3);
        vm.assertEq(found.status, 1);
        vm.assertFalse(found.superseded);
    }

    function test_register_refuses_a_second_time() public {
        register();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        register();
    }

    function test_register_by_another_holder_is_another_dataset() public {
        register();
        vm.prank(stranger);
        vm.assertTrue(datasets.register(ROOT, MANIFEST, TERMS, SPLITS, 3) != id);
    }

    function test_register_refuses_an_empty_manifest() public {
        vm.expectRevert(IDatasetRegistry.EmptyManifest.selector);
        datasets.register(ROOT, MANIFEST, TERMS, SPLITS, 0);
        vm.expectRevert(IDatasetRegistry.EmptyManifest.selector);
        datasets.register(0, MANIFEST, TERMS, SPLITS, 1);
    }

    function test_registerMany_registers_all_or_none() public {
        IDatasetRegistry.Registration[] memory both = new IDatasetRegistry.Registration[](2);
        both[0] = registration();
        both[1] = registration();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        vm.prank(holder);
        datasets.registerMany(both);
        both[1].manifestRoot = 0;
        vm.expectRevert(IDatasetRegistry.EmptyManifest.selector);
        vm.prank(holder);
        datasets.registerMany(both);
        both[1].manifestRoot = MANIFEST;
        vm.prank(holder);
        bytes32[] memory ids = datasets.registerMany(both);
        vm.assertEq(ids[0], id);
        vm.assertEq(datasets.dataset(ids[1]).holder, holder);
    }

    // --- registerFor

    function test_registerFor_registers_what_the_holder_signed() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        vm.prank(stranger);
        vm.assertEq(datasets.registerFor(holder, registration(), FAR, signature), id);
        vm.assertEq(datasets.dataset(id).holder, holder);
    }

    function test_registerFor_refuses_what_register_refuses() public {
        IDatasetRegistry.Registration memory asked = registration();
        asked.items = 0;
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, asked, FAR));
        vm.expectRevert(IDatasetRegistry.EmptyManifest.selector);
        datasets.registerFor(holder, asked, FAR, signature);
        signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        register();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        datasets.registerFor(holder, registration(), FAR, signature);
    }

    function test_registerFor_refuses_a_changed_argument() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        IDatasetRegistry.Registration memory other = registration();
        other.splitHash = REASON;
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder));
        datasets.registerFor(holder, other, FAR, signature);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, stranger));
        datasets.registerFor(stranger, registration(), FAR, signature);
    }

    function test_registerFor_counts_until_its_deadline() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), START));
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.SignatureExpired.selector, uint64(START)));
        datasets.registerFor(holder, registration(), START, signature);
        vm.warp(START);
        datasets.registerFor(holder, registration(), START, signature);
    }

    function test_registerFor_does_not_hold_on_another_chain() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder));
        datasets.registerFor(holder, registration(), FAR, signature);
    }

    function test_registerFor_refuses_a_signature_that_is_none() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        bytes memory high = highHalf(signature);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder));
        datasets.registerFor(holder, registration(), FAR, high);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder));
        datasets.registerFor(holder, registration(), FAR, new bytes(64));
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, address(0)));
        datasets.registerFor(address(0), registration(), FAR, new bytes(65));
    }

    /// @dev The same signature in the other half of the curve's order.
    function highHalf(bytes memory signature) internal pure returns (bytes memory) {
        bytes32 r;
        uint256 s;
        assembly {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        return abi.encodePacked(r, order - s, uint8(signature[64]) == 27 ? uint8(28) : uint8(27));
    }

    function test_registerFor_takes_the_word_of_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(holder);
        bytes32 digest = datasets.registerDigest(address(wallet), registration(), FAR);
        datasets.registerFor(address(wallet), registration(), FAR, signed(HOLDER_KEY, digest));
        wallet.setOwner(stranger);
        IDatasetRegistry.Registration memory other = registration();
        other.manifestRoot = REASON;
        bytes32 second = datasets.registerDigest(address(wallet), other, FAR);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, address(wallet)));
        datasets.registerFor(address(wallet), other, FAR, signed(HOLDER_KEY, second));
    }

    // --- setStatus by the holder

    function test_holder_suspends_lifts_and_revokes() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetStatusChanged(id, holder, 2, REASON, START);
        setStatus(holder, id, 2);
        vm.assertEq(datasets.dataset(id).status, 2);
        setStatus(holder, id, 1);
        vm.assertEq(datasets.dataset(id).status, 1);
        setStatus(holder, id, 3);
        vm.assertEq(datasets.dataset(id).status, 3);
        vm.assertEq(datasets.dataset(id).holder, holder);
        vm.assertEq(datasets.dataset(id).items, 3);
    }

    function test_holder_revokes_for_good() public {
        register();
        setStatus(holder, id, 3);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.DatasetInactive.selector, id, uint8(3)));
        setStatus(holder, id, 1);
    }

    function test_holder_cannot_set_a_status_that_is_not_its_own() public {
        register();
        uint8[4] memory refused = [0, 1, 4, 5];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IDatasetRegistry.StatusNotAllowed.selector, id, uint8(1), refused[i])
            );
            setStatus(holder, id, refused[i]);
        }
    }

    function test_stranger_sets_no_status() public {
        register();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        setStatus(stranger, id, 2);
    }

    function test_status_of_an_unknown_dataset_cannot_be_set() public {
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.UnknownDataset.selector, id));
        setStatus(holder, id, 2);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.UnknownDataset.selector, id));
        setStatus(guardian, id, 4);
    }

    // --- setStatus by the guardian

    function test_guardian_suspends_and_lifts_back_to_the_holders_status() public {
        register();
        setStatus(holder, id, 2);
        setStatus(guardian, id, 4);
        vm.assertEq(datasets.dataset(id).status, 4);
        vm.assertEq(datasets.holderStatus(id), 2);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.StatusNotAllowed.selector, id, uint8(4), uint8(1)));
        setStatus(guardian, id, 1);
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetStatusChanged(id, guardian, 2, REASON, START);
        setStatus(guardian, id, 2);
        vm.assertEq(datasets.dataset(id).status, 2);
    }

    function test_guardian_repeats_the_status_under_a_further_ruling() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetStatusChanged(id, guardian, 1, REASON, START);
        setStatus(guardian, id, 1);
        setStatus(guardian, id, 4);
        setStatus(guardian, id, 4);
        vm.assertEq(datasets.dataset(id).status, 4);
    }

    function test_guardian_acts_only_under_a_ruling() public {
        register();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.RulingMissing.selector, id));
        vm.prank(guardian);
        datasets.setStatus(id, 4, 0);
    }

    function test_guardian_can_do_nothing_else() public {
        register();
        uint8[4] memory refused = [0, 2, 3, 5];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IDatasetRegistry.StatusNotAllowed.selector, id, uint8(1), refused[i])
            );
            setStatus(guardian, id, refused[i]);
        }
    }

    function test_holder_can_do_nothing_under_the_guardians_suspension() public {
        register();
        setStatus(guardian, id, 4);
        for (uint8 status = 1; status < 4; ++status) {
            vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.DatasetInactive.selector, id, uint8(4)));
            setStatus(holder, id, status);
        }
    }

    // --- supersede

    function test_supersede_names_a_newer_version_once() public {
        bytes32 old = register();
        bytes32 newer = register(MANIFEST);
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetSuperseded(old, newer);
        vm.prank(holder);
        datasets.supersede(old, newer);
        vm.assertTrue(datasets.dataset(old).superseded);
        vm.assertEq(datasets.dataset(old).status, 1);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadySuperseded.selector, old));
        vm.prank(holder);
        datasets.supersede(old, newer);
    }

    function test_supersede_needs_both_and_two() public {
        bytes32 old = register();
        vm.prank(stranger);
        bytes32 theirs = datasets.register(ROOT, MANIFEST, TERMS, SPLITS, 1);
        vm.startPrank(holder);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, theirs, holder));
        datasets.supersede(old, theirs);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, theirs, holder));
        datasets.supersede(theirs, old);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.SupersedesItself.selector, old));
        datasets.supersede(old, old);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.UnknownDataset.selector, REASON));
        datasets.supersede(old, REASON);
    }

    // --- transfer

    function test_transfer_takes_two_steps_and_keeps_all_else() public {
        register();
        setStatus(guardian, id, 4);
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.assertEq(datasets.dataset(id).holder, holder);
        vm.assertEq(datasets.pendingHolder(id), stranger);
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetTransferred(id, holder, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        IDatasetRegistry.Dataset memory found = datasets.dataset(id);
        vm.assertEq(found.holder, stranger);
        vm.assertEq(found.registeredAt, START);
        vm.assertEq(found.items, 3);
        vm.assertEq(found.status, 4);
        vm.assertEq(datasets.pendingHolder(id), address(0));
    }

    function test_transfer_is_accepted_by_the_offered_account_only_and_can_be_withdrawn() public {
        register();
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotOffered.selector, id, licensee));
        vm.prank(licensee);
        datasets.acceptTransfer(id);
        vm.prank(holder);
        datasets.transfer(id, address(0));
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotOffered.selector, id, stranger));
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        vm.prank(stranger);
        datasets.transfer(id, stranger);
    }

    // --- setSplit, rotate

    function test_setSplit_is_in_force_after_seven_days() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.SplitSet(id, REASON, START + 7 days);
        vm.prank(holder);
        datasets.setSplit(id, REASON);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        vm.prank(stranger);
        datasets.setSplit(id, REASON);
    }

    function test_rotate_names_a_recording_of_the_dataset() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.ContentRotated(id, 2, MANIFEST, REASON, 2);
        vm.startPrank(holder);
        datasets.rotate(id, 2, MANIFEST, REASON, 2);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.UnknownRecording.selector, id, uint32(3)));
        datasets.rotate(id, 3, MANIFEST, REASON, 2);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        vm.prank(stranger);
        datasets.rotate(id, 2, MANIFEST, REASON, 2);
    }

    function test_an_unknown_dataset_is_nobodys_to_change() public {
        bytes memory why = abi.encodeWithSelector(IDatasetRegistry.UnknownDataset.selector, id);
        vm.startPrank(holder);
        vm.expectRevert(why);
        datasets.transfer(id, stranger);
        vm.expectRevert(why);
        datasets.setSplit(id, REASON);
        vm.expectRevert(why);
        datasets.rotate(id, 0, MANIFEST, REASON, 2);
    }

    function test_an_unknown_dataset_is_all_zero() public view {
        (address who, uint8 status) = datasets.holderAndStatus(id);
        vm.assertEq(who, address(0));
        vm.assertEq(status, 0);
        vm.assertEq(datasets.holderStatus(id), 0);
    }
}
