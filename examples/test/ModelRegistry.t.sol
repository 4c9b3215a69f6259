// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {AccessGated} from "@provenance-network/contracts/AccessGated.sol";
import {TRAIN_ASR, TRAIN_TTS} from "@provenance-network/contracts/Purposes.sol";
import {
    IDataAccess,
    LICENSE_ENDED,
    LICENSE_OVER,
    PURPOSE_NOT_GRANTED,
    UNKNOWN_LICENSE,
    WRONG_LICENSEE
} from "@provenance-network/contracts/interfaces/IDataAccess.sol";
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
    bytes32 private constant TERMS = keccak256("terms");
    address private constant TRAINER = address(0x7A);
    uint40 private constant EXPIRY = 2_000_000_000;

    IDatasetRegistry private datasets;
    IDataAccess private access;
    ModelRegistry private models;
    bytes32 private dataset;

    function setUp() public {
        VM.warp(1_900_000_000);
        address consents = deploy("ConsentRegistry", "");
        datasets = IDatasetRegistry(deploy("DatasetRegistry", abi.encode(this, this)));
        access = IDataAccess(deploy("DataAccess", abi.encode(datasets, consents, this, this)));
        models = new ModelRegistry(access);
        dataset = datasets.register(keccak256("root"), keccak256("manifest"), TERMS, keccak256("split"), 3);
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

    function deploy(string memory name, bytes memory arguments) private returns (address made) {
        string memory path = string.concat("node_modules/@provenance-network/contracts/artifacts/", name, ".json");
        bytes memory code = bytes.concat(VM.parseJsonBytes(VM.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        require(made != address(0), name);
    }

    function granted(uint32 purposes) private returns (bytes32) {
        return access.grant(
            IDataAccess.Grant({
                registrant: address(this),
                manifestRoot: keccak256("root"),
                termsHash: TERMS,
                licensee: TRAINER,
                expiry: EXPIRY,
                purposes: purposes,
                noticeDays: 0,
                nonce: 1
            })
        );
    }

    function train(address who, bytes32 license) private {
        VM.prank(who);
        models.train(MODEL, dataset, license);
    }

    function refused(uint8 reason, bytes32 culprit) private {
        VM.expectRevert(abi.encodeWithSelector(AccessGated.AccessRefused.selector, reason, culprit));
    }
}
