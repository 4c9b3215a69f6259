// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";
import {Vm} from "../Vm.sol";

contract DatasetRegistryTest is Base {
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        id = datasets.datasetIdOf(holder, ROOT, MANIFEST, TERMS);
    }

    function registration() internal pure returns (IDatasetRegistry.Registration memory) {
        return IDatasetRegistry.Registration(ROOT, MANIFEST, TERMS, SPLITS, 3);
    }

    // --- register

    function test_register_emits_and_keeps_the_dataset_under_the_id_of_its_parts() public {
        bytes32 expected = keccak256(abi.encode(block.chainid, address(datasets), holder, ROOT, MANIFEST, TERMS));
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
        vm.assertFalse(found.pool);
        vm.assertEq(found.transfers, 0);
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
    }

    function test_another_manifest_of_the_same_recordings_is_another_dataset() public {
        register();
        vm.prank(holder);
        bytes32 right = datasets.register(ROOT, REASON, TERMS, SPLITS, 3);
        vm.assertTrue(right != id);
        vm.assertEq(right, datasets.datasetIdOf(holder, ROOT, REASON, TERMS));
        vm.assertEq(datasets.dataset(right).holder, holder);
    }

    function test_registerMany_registers_all_or_none() public {
        IDatasetRegistry.Registration[] memory both = new IDatasetRegistry.Registration[](2);
        both[0] = registration();
        both[1] = registration();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        vm.prank(holder);
        datasets.registerMany(both);
        both[1].manifestRoot = MANIFEST;
        both[1].items = 0;
        vm.expectRevert(IDatasetRegistry.EmptyManifest.selector);
        vm.prank(holder);
        datasets.registerMany(both);
        both[1].items = 91;
        both[1].manifestRoot = 0;
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NoticeTooLong.selector, uint32(91)));
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
        (asked.manifestRoot, asked.items) = (0, 91);
        signature = signed(HOLDER_KEY, datasets.registerDigest(holder, asked, FAR));
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NoticeTooLong.selector, uint32(91)));
        datasets.registerFor(holder, asked, FAR, signature);
        signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        register();
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyRegistered.selector, id));
        datasets.registerFor(holder, registration(), FAR, signature);
    }

    function test_registerFor_refuses_a_changed_argument() public {
        bytes memory signature = signed(HOLDER_KEY, datasets.registerDigest(holder, registration(), FAR));
        bytes memory why = abi.encodeWithSelector(IDatasetRegistry.BadSignature.selector, holder);
        for (uint256 field = 0; field < 5; ++field) {
            IDatasetRegistry.Registration memory other = registration();
            if (field == 0) other.manifestRoot = REASON;
            if (field == 1) other.manifestDigest = REASON;
            if (field == 2) other.termsHash = REASON;
            if (field == 3) other.splitHash = REASON;
            if (field == 4) other.items = 4;
            vm.expectRevert(why);
            datasets.registerFor(holder, other, FAR, signature);
        }
        vm.expectRevert(why);
        datasets.registerFor(holder, registration(), FAR + 1, signature);
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
        emit IDatasetRegistry.DatasetStatusChanged(id, holder, 2, REASON);
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
        emit IDatasetRegistry.DatasetStatusChanged(id, guardian, 2, REASON);
        setStatus(guardian, id, 2);
        vm.assertEq(datasets.dataset(id).status, 2);
    }

    function test_guardian_repeats_the_status_under_a_further_ruling() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetStatusChanged(id, guardian, 1, REASON);
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
        vm.assertEq(found.transfers, 1);
        vm.assertEq(datasets.pendingHolder(id), address(0));
    }

    /// @dev Where the count stands in the word is a layout test's matter.
    function test_a_dataset_changes_hands_65535_times() public {
        register();
        bytes32 slot = keccak256(abi.encode(id, uint256(4)));
        uint256 word = uint256(vm.load(address(datasets), slot));
        vm.store(address(datasets), slot, bytes32(word | uint256(65_534) << 240));
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        vm.assertEq(datasets.dataset(id).transfers, 65_535);
        vm.prank(stranger);
        datasets.transfer(id, holder);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.TransfersExhausted.selector, id));
        vm.prank(holder);
        datasets.acceptTransfer(id);
        vm.assertEq(datasets.dataset(id).holder, stranger);
        vm.assertEq(datasets.dataset(id).items, 3);
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

    // --- setSplit, dispute, rotate

    function share(uint256 payee, uint256 bps) internal pure returns (bytes memory) {
        return abi.encodePacked(address(uint160(payee)), uint16(bps));
    }

    /// @dev Payees from 1 on, the first of them with what is left of the whole.
    function split(uint256 count) internal pure returns (bytes memory shares) {
        uint256 each = 10_000 / count;
        shares = share(1, 10_000 - (count - 1) * each);
        for (uint256 i = 2; i <= count; ++i) {
            shares = bytes.concat(shares, share(i, each));
        }
    }

    function test_setSplit_is_in_force_after_seven_days() public {
        register();
        uint256[4] memory counts = [uint256(1), 2, 11, 100];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory shares = split(counts[i]);
            vm.recordLogs();
            vm.prank(holder);
            datasets.setSplit(id, shares);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            vm.assertEq(logs.length, 1);
            vm.assertEq(logs[0].topics.length, 2);
            vm.assertEq(logs[0].topics[0], IDatasetRegistry.SplitSet.selector);
            vm.assertEq(logs[0].topics[1], id);
            vm.assertEq(logs[0].data, abi.encode(shares, START + 7 days));
        }
        bytes memory whole = split(1);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        vm.prank(stranger);
        datasets.setSplit(id, whole);
    }

    function splitRefused(bytes memory shares, bytes memory why) internal {
        vm.expectRevert(why);
        vm.prank(holder);
        datasets.setSplit(id, shares);
    }

    function test_setSplit_takes_1_to_100_whole_shares() public {
        register();
        splitRefused("", abi.encodeWithSelector(IDatasetRegistry.SharesSize.selector, 0));
        splitRefused(new bytes(21), abi.encodeWithSelector(IDatasetRegistry.SharesSize.selector, 21));
        bytes memory more = bytes.concat(split(1), hex"00");
        splitRefused(more, abi.encodeWithSelector(IDatasetRegistry.SharesSize.selector, 23));
        splitRefused(split(101), abi.encodeWithSelector(IDatasetRegistry.SharesSize.selector, 2_222));
    }

    function test_setSplit_takes_shares_that_sum_to_10000() public {
        register();
        bytes4 why = IDatasetRegistry.SharesPartial.selector;
        splitRefused(share(1, 9_999), abi.encodeWithSelector(why, 9_999));
        splitRefused(share(1, 10_001), abi.encodeWithSelector(why, 10_001));
        splitRefused(bytes.concat(share(1, 5_000), share(2, 5_001)), abi.encodeWithSelector(why, 10_001));
        // What a sum of 16 bits would take for a whole.
        splitRefused(bytes.concat(share(1, 65_535), share(2, 10_001)), abi.encodeWithSelector(why, 75_536));
    }

    function test_setSplit_takes_payees_that_ascend_and_get_something() public {
        register();
        bytes4 why = IDatasetRegistry.SharesDisordered.selector;
        splitRefused(share(0, 10_000), abi.encodeWithSelector(why, 0));
        splitRefused(bytes.concat(share(2, 5_000), share(2, 5_000)), abi.encodeWithSelector(why, 1));
        splitRefused(bytes.concat(share(2, 5_000), share(1, 5_000)), abi.encodeWithSelector(why, 1));
        splitRefused(bytes.concat(share(1, 10_000), share(2, 0)), abi.encodeWithSelector(why, 1));
        splitRefused(bytes.concat(share(1, 0), share(2, 10_000)), abi.encodeWithSelector(why, 0));
        uint256 top = type(uint160).max;
        bytes memory shares = bytes.concat(share(top - 1, 1), share(top, 9_998), share(1, 1));
        splitRefused(shares, abi.encodeWithSelector(why, 2));
        vm.prank(holder);
        datasets.setSplit(id, bytes.concat(share(top - 1, 1), share(top, 9_999)));
    }

    function test_dispute_is_the_holders_word() public {
        register();
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetDisputed(id, holder, REASON);
        vm.prank(holder);
        datasets.dispute(id, REASON);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, stranger));
        vm.prank(stranger);
        datasets.dispute(id, REASON);
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
        datasets.setSplit(id, split(1));
        vm.expectRevert(why);
        datasets.dispute(id, REASON);
        vm.expectRevert(why);
        datasets.rotate(id, 0, MANIFEST, REASON, 2);
        vm.expectRevert(why);
        datasets.setMembers(id, REASON, REASON);
        vm.expectRevert(why);
        datasets.leavePool(REASON, id, false);
    }

    function test_an_unknown_dataset_is_all_zero() public view {
        (address who, uint8 status, uint16 transfers) = datasets.standing(id);
        vm.assertEq(who, address(0));
        vm.assertEq(status, 0);
        vm.assertEq(transfers, 0);
        vm.assertEq(datasets.holderStatus(id), 0);
    }
}
