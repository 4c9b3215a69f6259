// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ArtifactRegistry} from "../contracts/ArtifactRegistry.sol";
import {ConsentRegistry} from "../contracts/ConsentRegistry.sol";
import {DataAccess} from "../contracts/DataAccess.sol";
import {DatasetRegistry} from "../contracts/DatasetRegistry.sol";
import {UsageLedger} from "../contracts/UsageLedger.sol";
import {Token} from "../contracts/mocks/Token.sol";
import {Vm} from "./Vm.sol";

/// @dev Who acts, on what, from when.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant HOLDER_KEY = 0xa11ce;
    uint256 internal constant LICENSEE_KEY = 0xb0b;
    uint256 internal constant VOICE_KEY = 0xca701;
    uint40 internal constant START = 1_800_000_000;
    uint40 internal constant FAR = START + 1_000 days;

    bytes32 internal constant ROOT = keccak256("manifest root");
    bytes32 internal constant MANIFEST = keccak256("manifest");
    bytes32 internal constant TERMS = keccak256("terms");
    bytes32 internal constant SPLITS = keccak256("splits");
    bytes32 internal constant REASON = keccak256("reason");

    address internal holder = vm.addr(HOLDER_KEY);
    address internal licensee = vm.addr(LICENSEE_KEY);
    address internal voice = vm.addr(VOICE_KEY);
    address internal owner = address(0x0a);
    address internal guardian = address(0x0b);
    address internal arbiter = address(0x0c);
    address internal publisher = address(0x0d);
    address internal meter = address(0x0e);
    address internal stranger = address(0x0f);

    ConsentRegistry internal consents;
    DatasetRegistry internal datasets;
    DataAccess internal access;
    UsageLedger internal ledger;
    ArtifactRegistry internal artifacts;
    Token internal token;

    function setUp() public virtual {
        vm.warp(START);
        consents = new ConsentRegistry();
        datasets = new DatasetRegistry(owner, guardian);
        access = new DataAccess(address(datasets), address(consents));
        ledger = new UsageLedger(owner);
        artifacts = new ArtifactRegistry();
        token = new Token();
    }

    function register() internal returns (bytes32) {
        return register(ROOT);
    }

    function register(bytes32 root) internal returns (bytes32 datasetId) {
        vm.prank(holder);
        return datasets.register(root, MANIFEST, TERMS, SPLITS, 3);
    }

    function setStatus(address who, bytes32 datasetId, uint8 status) internal {
        vm.prank(who);
        datasets.setStatus(datasetId, status, REASON);
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
