// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoles} from "../../contracts/interfaces/IRoles.sol";
import {IUsageLedger} from "../../contracts/interfaces/IUsageLedger.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";

contract UsageLedgerTest is Base {
    bytes32 internal first;

    function setUp() public override {
        super.setUp();
        first = keccak256(abi.encode(meter));
    }

    function admit() internal {
        vm.prank(owner);
        ledger.admitMeter(meter);
    }

    function remove() internal {
        vm.prank(owner);
        ledger.removeMeter(meter);
    }

    // --- admitMeter, removeMeter

    function test_admitMeter_starts_a_chain_of_heads() public {
        vm.expectEmit(address(ledger));
        emit IUsageLedger.MeterAdmitted(meter);
        admit();
        vm.assertEq(ledger.headOf(meter), first);
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.AlreadyMeter.selector, meter));
        admit();
    }

    function test_only_the_owner_admits_and_removes() public {
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("owner"), stranger));
        vm.prank(stranger);
        ledger.admitMeter(meter);
        admit();
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("owner"), stranger));
        vm.prank(stranger);
        ledger.removeMeter(meter);
    }

    function test_a_removed_meter_is_never_admitted_again() public {
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.NotMeter.selector, meter));
        remove();
        admit();
        vm.expectEmit(address(ledger));
        emit IUsageLedger.MeterRemoved(meter);
        remove();
        vm.assertEq(ledger.headOf(meter), bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.AlreadyMeter.selector, meter));
        admit();
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.NotMeter.selector, meter));
        remove();
    }

    // --- anchor

    function test_anchor_follows_the_head() public {
        admit();
        bytes32 head = keccak256(abi.encode(first, ROOT, uint64(9), MANIFEST));
        vm.expectEmit(address(ledger));
        emit IUsageLedger.UsageAnchored(meter, ROOT, head, 9, MANIFEST);
        vm.prank(meter);
        vm.assertEq(ledger.anchor(first, ROOT, 9, MANIFEST), head);
        vm.assertEq(ledger.headOf(meter), head);
        vm.prank(meter);
        bytes32 next = ledger.anchor(head, 0, 0, TERMS);
        vm.assertEq(next, keccak256(abi.encode(head, bytes32(0), uint64(0), TERMS)));
    }

    function test_anchor_refuses_another_head() public {
        admit();
        vm.prank(meter);
        bytes32 head = ledger.anchor(first, ROOT, 9, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.HeadMismatch.selector, head, first));
        vm.prank(meter);
        ledger.anchor(first, ROOT, 9, MANIFEST);
    }

    function test_anchor_refuses_who_is_no_meter() public {
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.NotMeter.selector, stranger));
        vm.prank(stranger);
        ledger.anchor(0, ROOT, 9, MANIFEST);
        admit();
        remove();
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.NotMeter.selector, meter));
        vm.prank(meter);
        ledger.anchor(bytes32(uint256(1)), ROOT, 9, MANIFEST);
    }

    // --- closeSession, revokeSession

    function session() internal view returns (IUsageLedger.MeterSession memory) {
        return IUsageLedger.MeterSession(meter, stranger, MANIFEST, START, FAR, 1_000, 1);
    }

    function test_closeSession_by_its_signer() public {
        bytes32 id = ledger.sessionIdOf(session());
        bytes memory signature = signed(LICENSEE_KEY, id);
        vm.expectEmit(address(ledger));
        emit IUsageLedger.SessionClosed(id, licensee, type(uint128).max);
        vm.prank(licensee);
        ledger.closeSession(session(), type(uint128).max, signature);
    }

    function test_closeSession_not_by_who_only_saw_it() public {
        bytes memory signature = signed(LICENSEE_KEY, ledger.sessionIdOf(session()));
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.BadSignature.selector, stranger));
        vm.prank(stranger);
        ledger.closeSession(session(), 9, signature);
        IUsageLedger.MeterSession memory other = session();
        other.maxUnits = 1;
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.BadSignature.selector, licensee));
        vm.prank(licensee);
        ledger.closeSession(other, 9, signature);
    }

    function test_closeSession_by_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(licensee);
        bytes32 id = ledger.sessionIdOf(session());
        bytes memory signature = signed(LICENSEE_KEY, id);
        vm.expectEmit(address(ledger));
        emit IUsageLedger.SessionClosed(id, address(wallet), 9);
        wallet.execute(address(ledger), abi.encodeCall(IUsageLedger.closeSession, (session(), 9, signature)));
    }

    function test_revokeSession_by_its_signer() public {
        bytes32 id = ledger.sessionIdOf(session());
        bytes memory signature = signed(LICENSEE_KEY, id);
        vm.expectEmit(address(ledger));
        emit IUsageLedger.SessionRevoked(id, licensee);
        vm.prank(licensee);
        ledger.revokeSession(session(), signature);
    }

    function test_revokeSession_not_by_who_only_saw_it() public {
        bytes memory signature = signed(LICENSEE_KEY, ledger.sessionIdOf(session()));
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.BadSignature.selector, stranger));
        vm.prank(stranger);
        ledger.revokeSession(session(), signature);
        IUsageLedger.MeterSession memory other = session();
        other.maxUnits = 1;
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.BadSignature.selector, licensee));
        vm.prank(licensee);
        ledger.revokeSession(other, signature);
    }

    function test_revokeSession_by_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(licensee);
        bytes32 id = ledger.sessionIdOf(session());
        bytes memory signature = signed(LICENSEE_KEY, id);
        vm.expectEmit(address(ledger));
        emit IUsageLedger.SessionRevoked(id, address(wallet));
        wallet.execute(address(ledger), abi.encodeCall(IUsageLedger.revokeSession, (session(), signature)));
    }
}
