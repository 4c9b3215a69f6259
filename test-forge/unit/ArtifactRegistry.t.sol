// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IArtifactRegistry} from "../../contracts/interfaces/IArtifactRegistry.sol";
import {Base} from "../Base.sol";

contract ArtifactRegistryTest is Base {
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        id = keccak256(abi.encode(block.chainid, address(artifacts), licensee, ROOT, MANIFEST));
    }

    function registerArtifact(uint8 kind, bytes32 root, uint32 count) internal returns (bytes32) {
        vm.prank(licensee);
        return artifacts.registerArtifact(kind, root, count, MANIFEST, TERMS);
    }

    function test_registerArtifact_of_every_kind() public {
        vm.expectEmit(address(artifacts));
        emit IArtifactRegistry.ArtifactRegistered(id, licensee, ROOT, 1, 10_000, MANIFEST, TERMS);
        vm.assertEq(registerArtifact(1, ROOT, 10_000), id);
        vm.assertEq(artifacts.artifactIdOf(licensee, ROOT, MANIFEST), id);
        IArtifactRegistry.Artifact memory found = artifacts.artifact(id);
        vm.assertEq(found.registrant, licensee);
        vm.assertEq(found.kind, 1);
        vm.assertEq(found.registeredAt, START);
        vm.assertEq(found.status, 1);
        for (uint8 kind = 2; kind <= 5; ++kind) {
            bytes32 other = registerArtifact(kind, bytes32(uint256(kind)), 1);
            vm.assertEq(artifacts.artifact(other).kind, kind);
        }
    }

    function test_registerArtifact_refuses_what_makes_no_sense() public {
        vm.expectRevert(abi.encodeWithSelector(IArtifactRegistry.UnknownKind.selector, uint8(0)));
        registerArtifact(0, ROOT, 1);
        vm.expectRevert(abi.encodeWithSelector(IArtifactRegistry.UnknownKind.selector, uint8(6)));
        registerArtifact(6, ROOT, 1);
        vm.expectRevert(IArtifactRegistry.NoParents.selector);
        registerArtifact(1, ROOT, 0);
        vm.expectRevert(IArtifactRegistry.NoParents.selector);
        registerArtifact(1, 0, 1);
        registerArtifact(1, ROOT, 1);
        vm.expectRevert(abi.encodeWithSelector(IArtifactRegistry.AlreadyRegistered.selector, id));
        registerArtifact(1, ROOT, 1);
    }

    function test_setStatus_by_the_registrant() public {
        registerArtifact(1, ROOT, 1);
        for (uint8 status = 2; status <= 4; ++status) {
            vm.expectEmit(address(artifacts));
            emit IArtifactRegistry.ArtifactStatusChanged(id, licensee, status, REASON);
            vm.prank(licensee);
            artifacts.setStatus(id, status, REASON);
            vm.assertEq(artifacts.artifact(id).status, status);
        }
    }

    function test_setStatus_refuses_others_and_other_codes() public {
        vm.expectRevert(abi.encodeWithSelector(IArtifactRegistry.UnknownArtifact.selector, id));
        artifacts.setStatus(id, 2, REASON);
        registerArtifact(1, ROOT, 1);
        vm.expectRevert(abi.encodeWithSelector(IArtifactRegistry.NotRegistrant.selector, id, stranger));
        vm.prank(stranger);
        artifacts.setStatus(id, 2, REASON);
        vm.startPrank(licensee);
        artifacts.setStatus(id, 3, REASON);
        uint8[4] memory refused = [0, 1, 3, 5];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IArtifactRegistry.StatusNotAllowed.selector, id, uint8(3), refused[i])
            );
            artifacts.setStatus(id, refused[i], REASON);
        }
    }
}
