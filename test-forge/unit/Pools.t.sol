// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Base} from "../Base.sol";

contract PoolsTest is Base {
    address internal curator = address(0xc0);
    bytes32 internal id;
    bytes32 internal poolId;

    function setUp() public override {
        super.setUp();
        id = register();
        poolId = pooled(30);
    }

    function pooled(uint32 noticeDays) internal returns (bytes32) {
        vm.prank(curator);
        return datasets.register(0, bytes32(uint256(noticeDays)), TERMS, SPLITS, noticeDays);
    }

    function leave(bool stays) internal {
        vm.prank(holder);
        datasets.leavePool(poolId, id, stays);
    }

    // --- register

    function test_a_dataset_without_recordings_is_a_pool() public {
        bytes32 expected = datasets.datasetIdOf(curator, 0, MANIFEST, TERMS);
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.DatasetRegistered(expected, curator, 0, MANIFEST, TERMS, SPLITS, 90);
        vm.prank(curator);
        vm.assertEq(datasets.register(0, MANIFEST, TERMS, SPLITS, 90), expected);
        IDatasetRegistry.Dataset memory found = datasets.dataset(expected);
        vm.assertTrue(found.pool);
        vm.assertEq(found.holder, curator);
        vm.assertEq(found.items, 90);
        vm.assertEq(found.status, 1);
        vm.assertTrue(datasets.dataset(pooled(0)).pool);
    }

    function test_a_pools_notice_is_90_days_at_most() public {
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NoticeTooLong.selector, uint32(91)));
        pooled(91);
    }

    function test_a_pool_keeps_what_it_is_through_all_that_befalls_it() public {
        setStatus(curator, poolId, 2);
        setStatus(guardian, poolId, 4);
        setStatus(guardian, poolId, 2);
        vm.prank(curator);
        datasets.transfer(poolId, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(poolId);
        IDatasetRegistry.Dataset memory found = datasets.dataset(poolId);
        vm.assertTrue(found.pool && found.status == 2 && found.items == 30 && found.transfers == 1);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, poolId, curator));
        vm.prank(curator);
        datasets.setMembers(poolId, ROOT, MANIFEST);
        vm.prank(stranger);
        datasets.setMembers(poolId, ROOT, MANIFEST);
    }

    function test_a_pool_has_no_recording_to_rotate() public {
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.UnknownRecording.selector, poolId, uint32(0)));
        vm.prank(curator);
        datasets.rotate(poolId, 0, MANIFEST, REASON, 2);
    }

    // --- setMembers

    function test_setMembers_names_all_of_them_by_one_root() public {
        vm.assertEq(datasets.membersRoot(poolId), 0);
        bytes32[3] memory roots = [ROOT, REASON, bytes32(0)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(datasets));
            emit IDatasetRegistry.MembersSet(poolId, roots[i], MANIFEST);
            vm.prank(curator);
            datasets.setMembers(poolId, roots[i], MANIFEST);
            vm.assertEq(datasets.membersRoot(poolId), roots[i]);
        }
    }

    function test_setMembers_of_ones_own_pool_alone() public {
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, poolId, holder));
        vm.prank(holder);
        datasets.setMembers(poolId, ROOT, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotPool.selector, id));
        vm.prank(holder);
        datasets.setMembers(id, ROOT, MANIFEST);
    }

    // --- leavePool

    function test_leavePool_after_the_notice_and_back() public {
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.PoolLeft(poolId, id, START + 30 days);
        leave(false);
        vm.assertEq(datasets.leavesAt(poolId, id), START + 30 days);
        vm.assertEq(datasets.leavesAt(id, poolId), 0);
        vm.expectEmit(address(datasets));
        emit IDatasetRegistry.PoolLeft(poolId, id, 0);
        leave(true);
        vm.assertEq(datasets.leavesAt(poolId, id), 0);
        vm.warp(START + 1);
        leave(false);
        vm.assertEq(datasets.leavesAt(poolId, id), START + 1 + 30 days);
    }

    function test_leavePool_at_once_where_there_is_no_notice() public {
        poolId = pooled(0);
        leave(false);
        vm.assertEq(datasets.leavesAt(poolId, id), START);
        poolId = pooled(90);
        leave(false);
        vm.assertEq(datasets.leavesAt(poolId, id), START + 90 days);
    }

    function test_leavePool_keeps_the_first_notice() public {
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotLeaving.selector, poolId, id));
        leave(true);
        leave(false);
        vm.warp(START + 40 days);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.AlreadyLeaving.selector, poolId, id, START + 30 days));
        leave(false);
        leave(true);
        vm.assertEq(datasets.leavesAt(poolId, id), 0);
    }

    function test_leavePool_is_the_members_holders_and_a_transfer_keeps_it() public {
        bytes memory why = abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, curator);
        vm.expectRevert(why);
        vm.prank(curator);
        datasets.leavePool(poolId, id, false);
        leave(false);
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        vm.assertEq(datasets.leavesAt(poolId, id), START + 30 days);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotHolder.selector, id, holder));
        leave(true);
        vm.prank(stranger);
        datasets.leavePool(poolId, id, true);
        vm.assertEq(datasets.leavesAt(poolId, id), 0);
    }

    function test_leavePool_is_between_a_pool_and_a_dataset() public {
        bytes32 other = pooled(1);
        vm.startPrank(curator);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotInPool.selector, poolId, other));
        datasets.leavePool(poolId, other, false);
        vm.stopPrank();
        vm.startPrank(holder);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotInPool.selector, id, id));
        datasets.leavePool(id, id, false);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.NotInPool.selector, REASON, id));
        datasets.leavePool(REASON, id, true);
    }
}
