// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import {ALLOWED, IDataAccess} from "./interfaces/IDataAccess.sol";

/// @title A contract whose functions ask for a license first
/// @notice Inherit it, name the `DataAccess` of your network, and put `onlyLicensed` on what needs a license, or
/// `onlyAllowed` on what opens one recording and so needs every consent that it names as well.
/// Dataset and purpose are yours to say: a constant, or what you keep, never what the caller gives unchecked.
/// @dev Nothing is stored: each call asks the contract as it is then, so a license that ended refuses at once.
abstract contract AccessGated {
    /// @notice What proves that a recording may be opened; one argument, so that the stack has room for yours.
    /// @param path siblings from the recording's leaf to the manifest's root.
    /// @param consents those that the recording names, by ascending consent id.
    /// @param signatures one for each consent; empty where the subject approved the digest on chain.
    struct Evidence {
        bytes32[] path;
        IConsentRegistry.Consent[] consents;
        bytes[] signatures;
    }

    /// @notice Where licenses are asked for.
    IDataAccess public immutable DATA_ACCESS;

    /// @notice The account may not do this. The reasons 1 to 18 are named in `IDataAccess.sol`.
    /// @param reason 1 to 18.
    /// @param culprit id of the license, dataset, pool or consent that refuses.
    error AccessRefused(uint8 reason, bytes32 culprit);
    /// @notice The question is about another account than the sender.
    /// @param who the account asked about.
    error NotTheSender(address who);
    /// @notice The license asked about is of another dataset, or pool, than the one that is meant here.
    /// @param datasetId what it is of.
    error NotTheDataset(bytes32 datasetId);
    /// @notice The question is about another purpose than the one that is served here.
    /// @param purpose the one asked about.
    error NotThePurpose(uint32 purpose);
    /// @notice There is no contract at this address.
    /// @param account what was given.
    error NoDataAccess(address account);

    constructor(IDataAccess dataAccess) {
        if (address(dataAccess).code.length == 0) revert NoDataAccess(address(dataAccess));
        DATA_ACCESS = dataAccess;
    }

    /// @notice The sender holds a license of the dataset for one purpose, now. Says nothing about consents.
    modifier onlyLicensed(bytes32 datasetId, bytes32 licenseId, uint32 purpose) {
        _checkLicense(datasetId, licenseId, msg.sender, purpose);
        _;
    }

    /// @notice The sender may open the recording that the query names, which is one of this dataset, or of a member if
    /// this is a pool, for this one purpose, now.
    modifier onlyAllowed(
        IDataAccess.Query calldata query,
        Evidence calldata evidence,
        bytes32 datasetId,
        uint32 purpose
    ) {
        _checkAccess(query, evidence, datasetId, msg.sender, purpose);
        _;
    }

    /// @notice Reverts unless `who` holds the license for the purpose.
    function _checkLicense(bytes32 datasetId, bytes32 licenseId, address who, uint32 purpose) internal view {
        uint8 reason = DATA_ACCESS.checkLicense(datasetId, licenseId, who, purpose);
        if (reason != ALLOWED) revert AccessRefused(reason, licenseId);
    }

    /// @notice Reverts unless the query asks for `who`, the dataset and the purpose, and license, recording and every
    /// consent allow it.
    function _checkAccess(
        IDataAccess.Query calldata query,
        Evidence calldata evidence,
        bytes32 datasetId,
        address who,
        uint32 purpose
    ) internal view {
        if (query.who != who) revert NotTheSender(query.who);
        if (query.purpose != purpose) revert NotThePurpose(query.purpose);
        // What the license is of; that the recording is of it, or of its member, `checkAccess` sees to.
        if (query.offer.datasetId != datasetId) revert NotTheDataset(query.offer.datasetId);
        (uint8 reason, bytes32 culprit) =
            DATA_ACCESS.checkAccess(query, evidence.path, evidence.consents, evidence.signatures);
        if (reason != ALLOWED) revert AccessRefused(reason, culprit);
    }
}
