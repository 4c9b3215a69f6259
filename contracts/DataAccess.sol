// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import "./interfaces/IDataAccess.sol";
import {DATASET_ACTIVE, DATASET_SUSPENDED_BY_GUARDIAN, IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IRoyaltyDistributor} from "./interfaces/IRoyaltyDistributor.sol";
import {Ids} from "./libraries/Ids.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Purposes} from "./libraries/Purposes.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Word} from "./libraries/Word.sol";

/// @title Who holds a license to what, until when and for which purposes; and each use on record
contract DataAccess is IDataAccess, EIP712 {
    IDatasetRegistry private immutable DATASETS;
    IConsentRegistry private immutable CONSENTS;

    // The one word of a license: licensee, then from these bits on expiry (40), purposes (32), status (8),
    // noticeDays (16).
    uint256 private constant EXPIRY = 160;
    uint256 private constant PURPOSES = 200;
    uint256 private constant STATUS = 232;
    uint256 private constant NOTICE_DAYS = 240;

    mapping(bytes32 datasetId => mapping(bytes32 licenseId => Word)) private _licenses;

    constructor(address datasets_, address consents_) EIP712("DataAccess", "1") {
        DATASETS = IDatasetRegistry(datasets_);
        CONSENTS = IConsentRegistry(consents_);
    }

    /// @inheritdoc IDataAccess
    function grant(Grant calldata terms) external returns (bytes32 licenseId) {
        if (terms.licensee == address(0)) revert WrongLicensee(address(0));
        bytes32 datasetId =
            Ids.dataset(address(DATASETS), terms.registrant, terms.manifestRoot, terms.manifestDigest, terms.termsHash);
        Offer memory offer = Offer({
            datasetId: datasetId,
            holder: msg.sender,
            transfers: _checkSeller(datasetId, msg.sender),
            licensee: terms.licensee,
            distributor: terms.distributor,
            price: 0,
            expiry: terms.expiry,
            purposes: terms.purposes,
            deadline: 0,
            noticeDays: terms.noticeDays,
            termsHash: terms.termsHash,
            nonce: terms.nonce
        });
        bytes32 digest = _hashTypedDataV4(TypedData.grantedOffer(offer));
        licenseId = _license(datasetId, digest, terms.licensee, terms.expiry, terms.purposes, terms.noticeDays);
        emit LicenseGranted(
            licenseId,
            datasetId,
            terms.licensee,
            msg.sender,
            terms.termsHash,
            terms.purposes,
            terms.expiry,
            terms.noticeDays,
            terms.distributor,
            0
        );
    }

    /// @inheritdoc IDataAccess
    function accept(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        uint128 deposit,
        bytes calldata signature
    ) external returns (bytes32 licenseId) {
        return _accept(offer, registrant, manifestRoot, manifestDigest, deposit, signature);
    }

    /// @inheritdoc IDataAccess
    function acceptWithPermit(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        uint128 deposit,
        bytes calldata signature,
        Permit calldata permit
    ) external returns (bytes32 licenseId) {
        _permit(offer.distributor, uint256(offer.price) + deposit, permit);
        return _accept(offer, registrant, manifestRoot, manifestDigest, deposit, signature);
    }

    /// @inheritdoc IDataAccess
    function cancelOffer(Offer calldata offer) external returns (bytes32 offerDigest) {
        if (offer.holder != msg.sender) revert NotHolder(offer.datasetId, msg.sender);
        offerDigest = _digest(offer);
        Word storage slot = _licenses[offer.datasetId][Ids.license(offerDigest, offer.licensee)];
        if (slot.value != 0) revert OfferUsed(offerDigest);
        slot.value = uint256(LICENSE_CANCELLED) << STATUS;
        emit OfferCancelled(msg.sender, offerDigest);
    }

    /// @inheritdoc IDataAccess
    function terminate(bytes32 datasetId, bytes32 licenseId, bytes32 reason) external {
        Word storage slot = _licenses[datasetId][licenseId];
        uint256 word = slot.value;
        uint8 status = _statusOf(word);
        if (status == 0 || status == LICENSE_CANCELLED) revert LicenseInactive(licenseId, status);
        uint40 expiry = uint40(word >> EXPIRY);
        if (block.timestamp >= expiry) revert LicenseInactive(licenseId, LICENSE_EXPIRED);
        uint256 end = block.timestamp;
        if (msg.sender != address(uint160(word))) {
            _checkHolder(datasetId, msg.sender);
            if (status == LICENSE_TERMINATED) revert LicenseInactive(licenseId, status);
            end += (word >> NOTICE_DAYS) * 1 days;
        }
        if (end > expiry) end = expiry;
        slot.value = word ^ (expiry ^ end) << EXPIRY ^ uint256(status ^ LICENSE_TERMINATED) << STATUS;
        emit LicenseTerminated(licenseId, msg.sender, reason, uint40(end));
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
        bytes32 kind = AccessRecorded.selector;
        uint256 done;
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let use := uses.offset } lt(done, uses.length) { use := add(use, 0x40) } {
                let word := calldataload(use)
                let purpose := shr(64, word)
                // `granted` has known bits alone: what is more than a purpose in its place is none of them.
                if or(and(purpose, sub(purpose, 1)), iszero(and(purpose, granted))) { break }
                mstore(free, purpose)
                mstore(add(free, 0x20), and(word, 0xffffffffffffffff))
                mstore(add(free, 0x40), calldataload(add(use, 0x20)))
                log4(free, 0x60, kind, licenseId, datasetId, caller())
                done := add(done, 1)
            }
        }
        if (done != uses.length) _checkPurpose(uint32(uses[done].purposeAndUnits >> 64), granted);
    }

    /// @inheritdoc IDataAccess
    function checkAccess(
        Query calldata query,
        bytes32[] calldata path,
        IConsentRegistry.Consent[] calldata given,
        bytes[] calldata signatures
    ) external view returns (uint8 reason, bytes32 culprit) {
        bytes32 datasetId = Ids.dataset(
            address(DATASETS), query.registrant, query.manifestRoot, query.manifestDigest, query.termsHash
        );
        (, uint8 status,) = _standing(datasetId);
        if (status == 0) return (UNKNOWN_DATASET, datasetId);
        culprit = Ids.license(_digest(query.offer), query.licensee);
        reason = checkLicense(query.offer.datasetId, culprit, query.who, query.purpose);
        if (reason != ALLOWED) return (reason, culprit);
        if (status == DATASET_SUSPENDED_BY_GUARDIAN) return (DATASET_HALTED, datasetId);
        address grantor = query.offer.holder;
        if (query.offer.datasetId != datasetId) {
            (reason, culprit) = _checkMember(query.offer.datasetId, datasetId, query.member);
            if (reason != ALLOWED) return (reason, culprit);
            grantor = query.member.holder;
        }
        culprit = _leaf(query.recording);
        if (Leaves.climb(culprit, path) != query.manifestRoot) return (RECORDING_NOT_PROVED, culprit);
        return _checkConsents(query, grantor, given, signatures);
    }

    /// @inheritdoc IDataAccess
    function license(bytes32 datasetId, bytes32 licenseId) external view returns (License memory) {
        uint256 word = _licenses[datasetId][licenseId].value;
        return License(
            address(uint160(word)),
            uint40(word >> EXPIRY),
            uint32(word >> PURPOSES),
            _statusOf(word),
            uint16(word >> NOTICE_DAYS)
        );
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
        uint256 word = _licenses[datasetId][licenseId].value;
        uint8 status = _statusOf(word);
        if (status == 0 || status == LICENSE_CANCELLED) return UNKNOWN_LICENSE;
        if (address(uint160(word)) != who) return WRONG_LICENSEE;
        if (block.timestamp >= uint40(word >> EXPIRY)) {
            return status == LICENSE_TERMINATED ? LICENSE_ENDED : LICENSE_OVER;
        }
        if (!Purposes.isOne(purpose) || Purposes.reserved(purpose) != 0) return PURPOSE_UNKNOWN;
        if (purpose & uint32(word >> PURPOSES) == 0) return PURPOSE_NOT_GRANTED;
        return ALLOWED;
    }

    function _accept(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        uint128 deposit,
        bytes calldata signature
    ) private returns (bytes32 licenseId) {
        if (block.timestamp > offer.deadline) revert OfferExpired(offer.deadline);
        bytes32 datasetId = offer.datasetId;
        if (datasetId != Ids.dataset(address(DATASETS), registrant, manifestRoot, manifestDigest, offer.termsHash)) {
            revert UnknownDataset(datasetId);
        }
        bytes32 digest = _digest(offer);
        _checkTaker(datasetId, digest, offer.licensee);
        address holder = offer.holder;
        if (!Signatures.isValid(holder, digest, signature)) revert BadSignature(holder);
        uint16 transfers = _checkSeller(datasetId, holder);
        if (transfers != offer.transfers) revert WrongTransfers(transfers, offer.transfers);
        licenseId = _sell(offer, datasetId, digest, holder);
        _fund(offer.distributor, uint256(offer.price) + deposit, licenseId);
    }

    /// @dev The sender may take an offer to `licensee`, zero being everybody.
    function _checkTaker(bytes32 datasetId, bytes32 digest, address licensee) private view {
        if (licensee == msg.sender) return;
        if (licensee != address(0)) revert WrongLicensee(licensee);
        // cancelOffer marks an open offer under licensee zero.
        if (_licenses[datasetId][Ids.license(digest, address(0))].value != 0) revert OfferUsed(digest);
    }

    function _sell(Offer calldata offer, bytes32 datasetId, bytes32 digest, address holder)
        private
        returns (bytes32 licenseId)
    {
        (uint40 expiry, uint32 purposes, uint16 noticeDays) = (offer.expiry, offer.purposes, offer.noticeDays);
        (address distributor, uint128 price) = (offer.distributor, offer.price);
        licenseId = _license(datasetId, digest, msg.sender, expiry, purposes, noticeDays);
        emit LicenseGranted(
            licenseId, datasetId, msg.sender, holder, offer.termsHash, purposes, expiry, noticeDays, distributor, price
        );
    }

    /// @dev The license is written and told of before: what the distributor and its token call finds it there.
    function _fund(address distributor, uint256 amount, bytes32 licenseId) private {
        if (amount == 0) return;
        if (distributor.code.length == 0) revert NoDistributor(distributor);
        IRoyaltyDistributor(distributor).fundFrom(msg.sender, amount, licenseId);
    }

    /// @dev Anyone can use the permit first; then the allowance is there already.
    function _permit(address distributor, uint256 amount, Permit calldata permit) private {
        address token = _token(distributor);
        if (token.code.length == 0) revert NoDistributor(distributor);
        try IERC20Permit(token)
            .permit(msg.sender, distributor, amount, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
    }

    /// @dev `distributor.token()`; zero where there is none to ask.
    function _token(address distributor) private view returns (address token) {
        bytes4 selector = IRoyaltyDistributor.token.selector;
        assembly ("memory-safe") {
            mstore(0, selector)
            let ok := staticcall(gas(), distributor, 0, 4, 0, 0x20)
            token := mul(shr(96, shl(96, mload(0))), and(ok, gt(returndatasize(), 0x1f)))
        }
    }

    function _license(
        bytes32 datasetId,
        bytes32 digest,
        address licensee,
        uint40 expiry,
        uint32 purposes,
        uint16 noticeDays
    ) private returns (bytes32 licenseId) {
        if (block.timestamp >= expiry) revert ExpiryPassed(expiry);
        if (purposes == 0) revert NotOnePurpose(0);
        if (Purposes.reserved(purposes) != 0) revert ReservedPurpose(Purposes.reserved(purposes));
        licenseId = Ids.license(digest, licensee);
        Word storage slot = _licenses[datasetId][licenseId];
        if (slot.value != 0) revert OfferUsed(digest);
        slot.value = uint160(licensee) | uint256(expiry) << EXPIRY | uint256(purposes) << PURPOSES
            | uint256(LICENSE_ACTIVE) << STATUS | uint256(noticeDays) << NOTICE_DAYS;
    }

    /// @dev `account` holds the dataset, and may sell.
    /// @return transfers how often the dataset has changed hands.
    function _checkSeller(bytes32 datasetId, address account) private view returns (uint16 transfers) {
        uint8 status;
        (status, transfers) = _checkHolder(datasetId, account);
        if (status != DATASET_ACTIVE) revert DatasetInactive(datasetId, status);
    }

    function _checkHolder(bytes32 datasetId, address account) private view returns (uint8 status, uint16 transfers) {
        address holder;
        (holder, status, transfers) = _standing(datasetId);
        if (holder == account) return (status, transfers);
        if (status == 0) revert UnknownDataset(datasetId);
        revert NotHolder(datasetId, account);
    }

    /// @dev `DATASETS.standing(datasetId)`, answered into free memory.
    function _standing(bytes32 datasetId) private view returns (address holder, uint8 status, uint16 transfers) {
        address registry = address(DATASETS);
        bytes4 selector = IDatasetRegistry.standing.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0, selector)
            mstore(4, datasetId)
            let ok := staticcall(gas(), registry, 0, 0x24, free, 0x60)
            if iszero(and(ok, eq(returndatasize(), 0x60))) { revert(0, 0) }
            holder := mload(free)
            status := mload(add(free, 0x20))
            transfers := mload(add(free, 0x40))
        }
    }

    /// @return granted the purposes of the sender's license; all known.
    function _checkLicensee(bytes32 datasetId, bytes32 licenseId) private view returns (uint32 granted) {
        uint256 word = _licenses[datasetId][licenseId].value;
        if (address(uint160(word)) == msg.sender && block.timestamp < uint40(word >> EXPIRY)) {
            return uint32(word >> PURPOSES);
        }
        uint8 status = _statusOf(word);
        if (status == 0 || status == LICENSE_CANCELLED) revert LicenseInactive(licenseId, status);
        if (address(uint160(word)) != msg.sender) revert WrongLicensee(address(uint160(word)));
        revert LicenseInactive(licenseId, status == LICENSE_TERMINATED ? status : LICENSE_EXPIRED);
    }

    /// @dev The dataset is a member of the pool, which the guardian has not suspended.
    function _checkMember(bytes32 poolId, bytes32 datasetId, Member calldata member)
        private
        view
        returns (uint8 reason, bytes32 culprit)
    {
        (, uint8 status,) = _standing(poolId);
        if (status == DATASET_SUSPENDED_BY_GUARDIAN) return (DATASET_HALTED, poolId);
        if (Leaves.climb(Leaves.member(datasetId, member.holder), member.path) != DATASETS.membersRoot(poolId)) {
            return (NOT_IN_POOL, datasetId);
        }
        uint256 leavesAt = DATASETS.leavesAt(poolId, datasetId);
        return leavesAt != 0 && block.timestamp >= leavesAt ? (LEFT_POOL, datasetId) : (ALLOWED, bytes32(0));
    }

    function _checkConsents(
        Query calldata query,
        address grantor,
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
            reason = _checkConsent(query.purpose, grantor, ids[i], given[i], signatures[i]);
            if (reason != ALLOWED) return (reason, ids[i]);
        }
    }

    function _checkConsent(
        uint32 purpose,
        address grantor,
        bytes32 consentId,
        IConsentRegistry.Consent calldata consent,
        bytes calldata signature
    ) private view returns (uint8) {
        address subject = consent.subject;
        if (consent.holder != grantor && CONSENTS.extendedAt(subject, consentId, grantor) == 0) {
            return CONSENT_OTHER_HOLDER;
        }
        if (!CONSENTS.isSigned(consent, signature)) return CONSENT_NOT_SIGNED;
        if (CONSENTS.revokedAt(subject, consentId) != 0) return CONSENT_WITHDRAWN;
        if (consent.purposes & purpose == 0) return CONSENT_PURPOSE;
        if (block.timestamp < consent.notBefore) return CONSENT_NOT_YET;
        if (block.timestamp > consent.notAfter) return CONSENT_OVER;
        return ALLOWED;
    }

    function _digest(Offer calldata offer) private view returns (bytes32) {
        return _hashTypedDataV4(TypedData.offer(offer));
    }

    function _statusOf(uint256 word) private pure returns (uint8) {
        return uint8(word >> STATUS);
    }

    function _leaf(Recording calldata r) private pure returns (bytes32) {
        return Leaves.recording(r.index, r.cidDigest, r.keyCommitment, r.plaintextCommitment, r.consentsHash);
    }

    function _checkPurpose(uint32 purpose, uint32 granted) private pure {
        if (!Purposes.isOne(purpose)) revert NotOnePurpose(purpose);
        if (purpose & granted != 0) return;
        if (Purposes.reserved(purpose) != 0) revert ReservedPurpose(purpose);
        revert PurposeNotLicensed(purpose, granted);
    }
}
