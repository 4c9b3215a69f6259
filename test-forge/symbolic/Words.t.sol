// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DataAccess} from "../../contracts/DataAccess.sol";
import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {svm} from "./Svm.sol";
import {Vm} from "../Vm.sol";

/// @dev A registry that knows one holder, whom nothing is known of.
contract Holding {
    address public holder;

    function hold(address by) external {
        holder = by;
    }

    function standing(bytes32) external view returns (address, uint8, uint16) {
        return (holder, 1, 7);
    }
}

/// @dev One word holds all of a dataset or of a license: every field comes out as it went in, whatever the others are,
/// and what changes one field leaves the others alone. Storage holds anything before.
contract WordsProof {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    DatasetRegistry internal datasets = new DatasetRegistry(address(0x0a), address(0x0b));
    Holding internal holding = new Holding();
    DataAccess internal access = new DataAccess(address(holding), address(1));

    function setUp() public {
        svm.enableSymbolicStorage(address(datasets));
        svm.enableSymbolicStorage(address(access));
    }

    function same(IDatasetRegistry.Dataset memory a, IDatasetRegistry.Dataset memory b) internal pure returns (bool) {
        return a.holder == b.holder && a.registeredAt == b.registeredAt && a.items == b.items && a.status == b.status
            && a.superseded == b.superseded && a.pool == b.pool && a.transfers == b.transfers;
    }

    function check_a_dataset_keeps_its_fields(address holder, bytes32 root, uint32 items, uint40 time) public {
        vm.assume(holder != address(0));
        vm.warp(time);
        vm.prank(holder);
        bytes32 id = datasets.register(root, root, root, root, items);
        assert(same(datasets.dataset(id), IDatasetRegistry.Dataset(holder, time, items, 1, false, root == 0, 0)));
        assert(root == 0 ? items <= 90 : items != 0);
    }

    function check_a_dataset_is_registered_once(address holder, bytes32 root, uint32 items) public {
        vm.assume(holder != address(0));
        IDatasetRegistry.Dataset memory before = datasets.dataset(datasets.datasetIdOf(holder, root, root, root));
        vm.prank(holder);
        datasets.register(root, root, root, root, items);
        assert(before.holder == address(0) && before.registeredAt == 0 && before.items == 0 && !before.superseded);
        assert(!before.pool && before.transfers == 0);
    }

    function check_a_status_changes_nothing_else(bytes32 id, uint8 status, bytes32 reason, address by) public {
        IDatasetRegistry.Dataset memory d = datasets.dataset(id);
        uint8 own = datasets.holderStatus(id);
        vm.prank(by);
        datasets.setStatus(id, status, reason);
        d.status = status;
        assert(same(datasets.dataset(id), d));
        assert(by == d.holder || (datasets.holderStatus(id) == own && reason != 0));
        assert(own != 3 || datasets.holderStatus(id) == 3);
    }

    function check_a_transfer_changes_the_holder_counts_and_nothing_else(bytes32 id, address by) public {
        IDatasetRegistry.Dataset memory d = datasets.dataset(id);
        address offered = datasets.pendingHolder(id);
        vm.prank(by);
        datasets.acceptTransfer(id);
        d.holder = by;
        assert(d.transfers != type(uint16).max);
        d.transfers += 1;
        assert(same(datasets.dataset(id), d) && by == offered);
    }

    function check_superseding_sets_one_bit(bytes32 id, bytes32 newer, address by) public {
        IDatasetRegistry.Dataset memory d = datasets.dataset(id);
        vm.prank(by);
        datasets.supersede(id, newer);
        assert(!d.superseded && d.holder == by && by != address(0));
        d.superseded = true;
        assert(same(datasets.dataset(id), d));
    }

    function check_only_its_holder_sets_a_pools_members(bytes32 id, bytes32 root, address by) public {
        IDatasetRegistry.Dataset memory d = datasets.dataset(id);
        vm.prank(by);
        datasets.setMembers(id, root, 0);
        assert(d.pool && d.holder == by && by != address(0));
        assert(datasets.membersRoot(id) == root && same(datasets.dataset(id), d));
    }

    function check_a_member_leaves_after_the_notice_or_stays(
        bytes32 pool,
        bytes32 id,
        bool stays,
        address by,
        uint40 time
    ) public {
        vm.assume(time < 1 << 39);
        vm.warp(time);
        IDatasetRegistry.Dataset memory p = datasets.dataset(pool);
        IDatasetRegistry.Dataset memory d = datasets.dataset(id);
        vm.assume(p.items <= 90);
        uint40 before = datasets.leavesAt(pool, id);
        vm.prank(by);
        datasets.leavePool(pool, id, stays);
        assert(p.pool && !d.pool && d.holder == by && by != address(0));
        assert((before == 0) == !stays);
        assert(datasets.leavesAt(pool, id) == (stays ? 0 : time + uint40(p.items) * 1 days));
        assert(same(datasets.dataset(id), d) && same(datasets.dataset(pool), p));
    }

    function check_a_license_keeps_its_fields(IDataAccess.Grant memory terms, address by, uint40 time) public {
        vm.warp(time);
        holding.hold(by);
        bytes32 datasetId = idOf(terms);
        vm.prank(by);
        bytes32 id = access.grant(terms);
        IDataAccess.License memory found = access.license(datasetId, id);
        assert(found.licensee == terms.licensee && found.licensee != address(0));
        assert(found.expiry == terms.expiry && found.expiry > time);
        assert(found.purposes == terms.purposes && found.purposes != 0 && found.purposes <= 0x7fff);
        assert(found.noticeDays == terms.noticeDays && found.status == 1);
    }

    function idOf(IDataAccess.Grant memory terms) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid,
                address(holding),
                terms.registrant,
                terms.manifestRoot,
                terms.manifestDigest,
                terms.termsHash
            )
        );
    }

    function check_a_termination_only_shortens(bytes32 datasetId, bytes32 id, address holder, address by, uint40 time)
        public
    {
        vm.warp(time);
        holding.hold(holder);
        IDataAccess.License memory before = access.license(datasetId, id);
        vm.prank(by);
        access.terminate(datasetId, id, 0);
        IDataAccess.License memory found = access.license(datasetId, id);
        assert(found.licensee == before.licensee && found.purposes == before.purposes);
        assert(found.noticeDays == before.noticeDays && found.status == 2);
        assert(before.status != 0 && before.status != 3);
        assert(found.expiry >= time && found.expiry <= before.expiry);
        uint256 notice = uint256(time) + uint256(before.noticeDays) * 1 days;
        if (by == before.licensee) assert(found.expiry == time);
        else assert(by == holder && found.expiry == (notice < before.expiry ? notice : before.expiry));
    }
}
