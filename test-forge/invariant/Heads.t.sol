// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DataAccess} from "../../contracts/DataAccess.sol";
import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {UsageLedger} from "../../contracts/UsageLedger.sol";
import {ConsentRegistry} from "../../contracts/ConsentRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {Vm} from "../Vm.sol";

/// @dev Admits, removes and anchors in any order; remembers every head.
contract HeadsHandler {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    UsageLedger public immutable LEDGER = new UsageLedger(address(this));
    mapping(address => bytes32) public ghost;
    mapping(address => bool) public removed;

    function meter(uint8 i) public pure returns (address) {
        return address(uint160(0x100 + i % 3));
    }

    function admit(uint8 i) external {
        try LEDGER.admitMeter(meter(i)) {
            vm.assertFalse(removed[meter(i)]);
            ghost[meter(i)] = keccak256(abi.encode(meter(i)));
        } catch {}
    }

    function remove(uint8 i) external {
        try LEDGER.removeMeter(meter(i)) {
            removed[meter(i)] = true;
            ghost[meter(i)] = bytes32(uint256(1));
        } catch {}
    }

    function anchor(uint8 i, bool stale, bytes32 root, uint64 count, bytes32 digest) external {
        bytes32 prev = stale ? bytes32(uint256(root) % 3) : ghost[meter(i)];
        vm.prank(meter(i));
        try LEDGER.anchor(prev, root, count, digest) returns (bytes32 head) {
            vm.assertEq(prev, ghost[meter(i)]);
            vm.assertFalse(removed[meter(i)]);
            ghost[meter(i)] = keccak256(abi.encode(prev, root, count, digest));
            vm.assertEq(head, ghost[meter(i)]);
        } catch {}
    }
}

contract HeadsInvariants {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    HeadsHandler internal handler;

    function setUp() public {
        handler = new HeadsHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_every_head_follows_from_what_was_anchored() public view {
        for (uint8 i = 0; i < 3; ++i) {
            vm.assertEq(handler.LEDGER().headOf(handler.meter(i)), handler.ghost(handler.meter(i)));
        }
    }
}

/// @dev Grants, terminates and records in any order.
contract LicensesHandler {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint40 internal constant START = 1_800_000_000;
    DatasetRegistry internal datasets = new DatasetRegistry(address(this), address(0x0b));
    DataAccess public access =
        new DataAccess(address(datasets), address(new ConsentRegistry()), address(this), address(0x0b));
    bytes32 public datasetId;
    bytes32[] public ids;
    mapping(bytes32 => uint40) public latestEnd;
    mapping(bytes32 => uint32) public granted;
    mapping(bytes32 => uint40) public promised;

    constructor() {
        vm.warp(START);
        datasetId = datasets.register(bytes32("root"), 0, 0, 0, 1);
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    function grant(uint32 purposes, uint24 time, uint8 noticeDays, uint256 nonce) external {
        purposes = 1 + purposes % 0x7fff;
        uint40 expiry = uint40(block.timestamp) + 1 + time;
        bytes32 id = access.grant(
            IDataAccess.Grant(address(this), bytes32("root"), 0, address(0x11), expiry, purposes, noticeDays, nonce)
        );
        ids.push(id);
        (latestEnd[id], promised[id], granted[id]) = (expiry, expiry, purposes);
    }

    function terminate(uint256 i, bool byLicensee) external {
        if (ids.length == 0) return;
        bytes32 id = ids[i % ids.length];
        if (byLicensee) vm.prank(address(0x11));
        try access.terminate(datasetId, id, 0) {} catch {}
    }

    function wait(uint24 time) external {
        vm.warp(block.timestamp + time);
    }

    function record(uint256 i, uint32 purpose) external {
        if (ids.length == 0) return;
        bytes32 id = ids[i % ids.length];
        vm.prank(address(0x11));
        try access.recordAccess(datasetId, id, purpose, 1, 0) {
            vm.assertTrue(block.timestamp < latestEnd[id], "used after the end");
            vm.assertTrue(purpose & granted[id] == purpose, "used for another purpose");
        } catch {}
    }

    function look() external {
        for (uint256 i = 0; i < ids.length; ++i) {
            IDataAccess.License memory found = access.license(datasetId, ids[i]);
            vm.assertLe(found.expiry, latestEnd[ids[i]], "a license grew longer");
            latestEnd[ids[i]] = found.expiry;
        }
    }
}

contract LicensesInvariants {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    LicensesHandler internal handler;

    function setUp() public {
        handler = new LicensesHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_no_license_outlives_or_exceeds_its_terms() public view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            bytes32 id = handler.ids(i);
            IDataAccess.License memory found = handler.access().license(handler.datasetId(), id);
            vm.assertLe(found.expiry, handler.promised(id));
            vm.assertEq(found.purposes, handler.granted(id));
            vm.assertEq(found.licensee, address(0x11));
        }
    }
}
