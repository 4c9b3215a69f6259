// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {AccessGated, IDataAccess} from "@provenance-network/contracts/AccessGated.sol";
import {TRAIN_TTS} from "@provenance-network/contracts/Purposes.sol";

/// @title Models, each trained on a dataset that its trainer holds a license of
contract ModelRegistry is AccessGated {
    mapping(bytes32 modelId => address) public trainerOf;
    mapping(bytes32 modelId => bytes32) public datasetOf;

    event TrainingStarted(
        bytes32 indexed modelId, bytes32 indexed datasetId, bytes32 indexed licenseId, address trainer
    );

    event VoiceUsed(bytes32 indexed modelId, bytes32 indexed manifestRoot, uint32 recording);

    error ModelTaken(bytes32 modelId);
    error NotTheTrainer(bytes32 modelId, address who);

    constructor(IDataAccess dataAccess) AccessGated(dataAccess) {}

    modifier onlyTrainer(bytes32 modelId) {
        if (trainerOf[modelId] != msg.sender) revert NotTheTrainer(modelId, msg.sender);
        _;
    }

    /// @notice Puts on record that the sender trains speech synthesis on the dataset, if the license allows it now.
    function train(bytes32 modelId, bytes32 datasetId, bytes32 licenseId)
        external
        onlyLicensed(datasetId, licenseId, TRAIN_TTS)
    {
        if (trainerOf[modelId] != address(0)) revert ModelTaken(modelId);
        trainerOf[modelId] = msg.sender;
        datasetOf[modelId] = datasetId;
        emit TrainingStarted(modelId, datasetId, licenseId, msg.sender);
    }

    /// @notice Puts on record that one recording of the model's dataset goes into the sender's model: the license
    /// allows this training, and so does everybody who is heard in it.
    function useVoice(bytes32 modelId, IDataAccess.Query calldata query, Evidence calldata evidence)
        external
        onlyTrainer(modelId)
        onlyAllowed(query, evidence, datasetOf[modelId], TRAIN_TTS)
    {
        emit VoiceUsed(modelId, query.manifestRoot, query.recording.index);
    }
}
