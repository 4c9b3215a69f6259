// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import "./interfaces/IDataAccess.sol";
import {DATASET_ACTIVE, DATASET_SUSPENDED_BY_GUARDIAN, IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {GUARDIAN, OWNER} from "./interfaces/IRoles.sol";
import {Ids} from "./libraries/Ids.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Purposes} from "./libraries/Purposes.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TokenIn} from "./libraries/TokenIn.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Pausing} from "./mixins/Pausing.sol";

/// @title Who holds a license to what, until when and for which purposes; and each use on record
contract DataAccess is IDataAccess, Pausing, EIP712 {
    using TokenIn for IERC20;

    IDatasetRegistry private immutable DATASETS;
    IConsentRegistry private immutable CONSENTS;

    mapping(bytes32 datasetId => mapping(bytes32 licenseId => License)) private _licenses;

    constructor(address datasets_, address consents_, address owner, address guardian) EIP712("DataAccess", "1") {
        DATASETS = IDatasetRegistry(datasets_);
        CONSENTS = IConsentRegistry(consents_);
        _setRole(OWNER, owner);
        _setRole(GUARDIAN, guardian);
    }

    /// @inheritdoc IDataAccess
    function grant(Grant calldata terms) external returns (bytes32 licenseId) {
        bytes32 datasetId = Ids.dataset(address(DATASETS), terms.registrant, terms.manifestRoot, terms.termsHash);
        Offer memory offer = Offer({
            datasetId: datasetId,
            holder: msg.sender,
            licensee: terms.licensee,
            token: address(0),
            price: 0,
            expiry: terms.expiry,
            purposes: terms.purposes,
            deadline: 0,
            noticeDays: terms.noticeDays,
            termsHash: terms.termsHash,
            nonce: terms.nonce
        });
        if (terms.licensee == address(0)) revert WrongLicensee(address(0));
        return _license(offer, _digest(offer), terms.licensee);
    }

    /// @inheritdoc IDataAccess
    function accept(Offer calldata offer, address registrant, bytes32 manifestRoot, bytes calldata signature)
        external
        returns (bytes32 licenseId)
    {
        return _accept(offer, registrant, manifestRoot, signature);
    }

    /// @inheritdoc IDataAccess
    function acceptWithPermit(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes calldata signature,
        Permit calldata permit
    ) external returns (bytes32 licenseId) {
        // Anyone can use the permit first; then the allowance is there already.
        try IERC20Permit(offer.token).permit(
            msg.sender, address(this), offer.price, permit.deadline, permit.v, permit.r, permit.s
        ) {} catch {}
        return _accept(offer, registrant, manifestRoot, signature);
    }

    /// @inheritdoc IDataAccess
    function cancelOffer(Offer calldata offer) external returns (bytes32 offerDigest) {
        if (offer.holder != msg.sender) revert NotHolder(offer.datasetId, msg.sender);
        offerDigest = _digest(offer);
        License storage slot = _licenses[offer.datasetId][Ids.license(offerDigest, offer.licensee)];
        if (slot.status != 0) revert OfferUsed(offerDigest);
        slot.status = LICENSE_CANCELLED;
        emit OfferCancelled(msg.sender, offerDigest);
    }

    /// @inheritdoc IDataAccess
    function terminate(bytes32 datasetId, bytes32 licenseId, bytes32 reason) external {
        License memory known = _licenses[datasetId][licenseId];
        if (known.status == 0 || known.status == LICENSE_CANCELLED) revert LicenseInactive(licenseId, known.status);
        if (block.timestamp >= known.expiry) revert LicenseInactive(licenseId, LICENSE_EXPIRED);
        uint40 end = uint40(block.timestamp);
        if (msg.sender != known.licensee) {
            _checkHolder(datasetId, msg.sender);
            if (known.status == LICENSE_TERMINATED) revert LicenseInactive(licenseId, LICENSE_TERMINATED);
            end += uint40(known.noticeDays) * 1 days;
        }
        if (end > known.expiry) end = known.expiry;
        known.expiry = end;
        known.status = LICENSE_TERMINATED;
        _licenses[datasetId][licenseId] = known;
        emit LicenseTerminated(licenseId, msg.sender, reason, end);
    }

    /// @inheritdoc IDataAccess
    function recordAccess(bytes32 datasetId, bytes32 licenseId, uint32 purpose, uint64 units, bytes32 receiptHash)
        external
    {
        uint32 granted = _checkLicensee(datasetId, licenseId);
        _checkPurpose(purpose, granted);
        emit AccessRecorded(licenseId, datasetId, msg.sender, purpose, units, receiptHash);
    }

    /// @inheritdoc IDataAccess
    function recordAccessMany(bytes32 datasetId, bytes32 licenseId, Use[] calldata uses) external {
        uint32 granted = _checkLicensee(datasetId, licenseId);
        for (uint256 i = 0; i < uses.length; ++i) {
            Use calldata use = uses[i];
            _checkPurpose(use.purpose, granted);
            emit AccessRecorded(licenseId, datasetId, msg.sender, use.purpose, use.units, use.receiptHash);
        }
    }

    /// @inheritdoc IDataAccess
    function checkAccess(
        Query calldata query,
        bytes32[] calldata path,
        IConsentRegistry.Consent[] calldata given,
        bytes[] calldata signatures
    ) external view returns (uint8 reason, bytes32 culprit) {
        bytes32 datasetId =
            Ids.dataset(address(DATASETS), query.registrant, query.manifestRoot, query.termsHash);
        (, uint8 status) = DATASETS.holderAndStatus(datasetId);
        if (status == 0) return (UNKNOWN_DATASET, datasetId);
        reason = checkLicense(datasetId, query.licenseId, query.who, query.purpose);
        if (reason != ALLOWED) return (reason, query.licenseId);
        if (status == DATASET_SUSPENDED_BY_GUARDIAN) return (DATASET_HALTED, datasetId);
        bytes32 leaf = _leaf(query.recording);
        if (!MerkleProof.verifyCalldata(path, query.manifestRoot, leaf)) return (RECORDING_NOT_PROVED, leaf);
        return _checkConsents(query, given, signatures);
    }

    /// @inheritdoc IDataAccess
    function license(bytes32 datasetId, bytes32 licenseId) external view returns (License memory) {
        return _licenses[datasetId][licenseId];
    }

    /// @inheritdoc IDataAccess
    function offerDigestOf(Offer calldata offer) external view returns (bytes32) {
        return _digest(offer);
    }

    /// @inheritdoc IDataAccess
    function licenseIdOf(bytes32 offerDigest, address licensee) external pure returns (bytes32) {
        return Ids.license(offerDigest, licensee);
    }

    /// @inheritdoc IDataAccess
    function datasets() external view returns (address) {
        return address(DATASETS);
    }

    /// @inheritdoc IDataAccess
    function consents() external view returns (address) {
        return address(CONSENTS);
    }

    /// @inheritdoc IDataAccess
    function checkLicense(bytes32 datasetId, bytes32 licenseId, address who, uint32 purpose)
        public
        view
        returns (uint8 reason)
    {
        License memory known = _licenses[datasetId][licenseId];
        if (known.status == 0 || known.status == LICENSE_CANCELLED) return UNKNOWN_LICENSE;
        if (known.licensee != who) return WRONG_LICENSEE;
        if (block.timestamp >= known.expiry) {
            return known.status == LICENSE_TERMINATED ? LICENSE_ENDED : LICENSE_OVER;
        }
        if (!Purposes.isOne(purpose) || Purposes.reserved(purpose) != 0) return PURPOSE_UNKNOWN;
        if (purpose & known.purposes == 0) return PURPOSE_NOT_GRANTED;
        return ALLOWED;
    }

    function _accept(Offer calldata offer, address registrant, bytes32 manifestRoot, bytes calldata signature)
        private
        whenNotPaused
        returns (bytes32 licenseId)
    {
        if (block.timestamp > offer.deadline) revert OfferExpired(offer.deadline);
        if (offer.datasetId != Ids.dataset(address(DATASETS), registrant, manifestRoot, offer.termsHash)) {
            revert UnknownDataset(offer.datasetId);
        }
        bytes32 digest = _digest(offer);
        if (offer.licensee == address(0)) {
            // cancelOffer marks an open offer under licensee zero.
            if (_licenses[offer.datasetId][Ids.license(digest, address(0))].status != 0) revert OfferUsed(digest);
        } else if (offer.licensee != msg.sender) {
            revert WrongLicensee(offer.licensee);
        }
        if (!Signatures.isValid(offer.holder, digest, signature)) revert BadSignature(offer.holder);
        licenseId = _license(offer, digest, msg.sender);
        if (offer.price != 0 && offer.holder != msg.sender) {
            uint256 received = IERC20(offer.token).pull(msg.sender, offer.holder, offer.price);
            if (received < offer.price) revert TokenShortfall(offer.price, received);
        }
    }

    function _license(Offer memory offer, bytes32 digest, address licensee) private returns (bytes32 licenseId) {
        bytes32 datasetId = offer.datasetId;
        if (block.timestamp >= offer.expiry) revert ExpiryPassed(offer.expiry);
        if (Purposes.reserved(offer.purposes) != 0) revert ReservedPurpose(Purposes.reserved(offer.purposes));
        if (offer.purposes == 0) revert NotOnePurpose(0);
        uint8 status = _checkHolder(datasetId, offer.holder);
        if (status != DATASET_ACTIVE) revert DatasetInactive(datasetId, status);
        licenseId = Ids.license(digest, licensee);
        if (_licenses[datasetId][licenseId].status != 0) revert OfferUsed(digest);
        _licenses[datasetId][licenseId] =
            License(licensee, offer.expiry, offer.purposes, LICENSE_ACTIVE, offer.noticeDays);
        _announce(licenseId, licensee, offer);
    }

    function _announce(bytes32 licenseId, address licensee, Offer memory offer) private {
        emit LicenseGranted(
            licenseId,
            offer.datasetId,
            licensee,
            offer.holder,
            offer.termsHash,
            offer.purposes,
            offer.expiry,
            offer.noticeDays,
            offer.token,
            offer.price
        );
    }

    function _checkHolder(bytes32 datasetId, address account) private view returns (uint8) {
        (address holder, uint8 status) = DATASETS.holderAndStatus(datasetId);
        if (status == 0) revert UnknownDataset(datasetId);
        if (holder != account) revert NotHolder(datasetId, account);
        return status;
    }

    function _checkLicensee(bytes32 datasetId, bytes32 licenseId) private view returns (uint32 granted) {
        License storage slot = _licenses[datasetId][licenseId];
        (address licensee, uint8 status) = (slot.licensee, slot.status);
        if (status == 0 || status == LICENSE_CANCELLED) revert LicenseInactive(licenseId, status);
        if (licensee != msg.sender) revert WrongLicensee(licensee);
        if (block.timestamp >= slot.expiry) {
            revert LicenseInactive(licenseId, status == LICENSE_TERMINATED ? status : LICENSE_EXPIRED);
        }
        return slot.purposes;
    }

    function _checkConsents(
        Query calldata query,
        IConsentRegistry.Consent[] calldata given,
        bytes[] calldata signatures
    ) private view returns (uint8 reason, bytes32 culprit) {
        bytes32[] memory ids = new bytes32[](given.length);
        for (uint256 i = 0; i < given.length; ++i) {
            ids[i] = CONSENTS.consentIdOf(given[i]);
        }
        bytes32 expected = query.recording.consentsHash;
        if (given.length != signatures.length || Ids.consents(ids) != expected) return (CONSENTS_DIFFER, expected);
        for (uint256 i = 0; i < given.length; ++i) {
            reason = _checkConsent(query, ids[i], given[i], signatures[i]);
            if (reason != ALLOWED) return (reason, ids[i]);
        }
    }

    function _checkConsent(
        Query calldata query,
        bytes32 consentId,
        IConsentRegistry.Consent calldata consent,
        bytes calldata signature
    ) private view returns (uint8) {
        if (consent.holder != query.registrant) return CONSENT_OTHER_HOLDER;
        if (!CONSENTS.isSigned(consent, signature)) return CONSENT_NOT_SIGNED;
        if (CONSENTS.revokedAt(consent.subject, consentId) != 0) return CONSENT_WITHDRAWN;
        if (consent.purposes & query.purpose == 0) return CONSENT_PURPOSE;
        if (block.timestamp < consent.notBefore) return CONSENT_NOT_YET;
        if (block.timestamp > consent.notAfter) return CONSENT_OVER;
        return ALLOWED;
    }

    function _digest(Offer memory offer) private view returns (bytes32) {
        return _hashTypedDataV4(TypedData.offer(offer));
    }

    function _leaf(Recording calldata r) private pure returns (bytes32) {
        return Leaves.recording(r.index, r.cidDigest, r.keyCommitment, r.plaintextCommitment, r.consentsHash);
    }

    function _checkPurpose(uint32 purpose, uint32 granted) private pure {
        if (!Purposes.isOne(purpose)) revert NotOnePurpose(purpose);
        if (Purposes.reserved(purpose) != 0) revert ReservedPurpose(purpose);
        if (purpose & granted == 0) revert PurposeNotLicensed(purpose, granted);
    }
}
