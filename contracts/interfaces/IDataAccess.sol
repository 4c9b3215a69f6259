// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "./IConsentRegistry.sol";

/// @dev Status codes of a license; 0 is unknown.
uint8 constant LICENSE_ACTIVE = 1;
/// @dev Ended by the licensee at once, or by the holder with notice: `expiry` says when.
uint8 constant LICENSE_TERMINATED = 2;
/// @dev No license: the mark that `cancelOffer` leaves.
uint8 constant LICENSE_CANCELLED = 3;
/// @dev Derived, in errors only: the expiry has passed.
uint8 constant LICENSE_EXPIRED = 4;

/// @dev Answers of `checkLicense` and `checkAccess`. 0: allowed.
uint8 constant ALLOWED = 0;
/// @dev No license of this id under this dataset (culprit: the license).
uint8 constant UNKNOWN_LICENSE = 1;
/// @dev The license is another's (culprit: the license).
uint8 constant WRONG_LICENSEE = 2;
/// @dev The license ended by time (culprit: the license).
uint8 constant LICENSE_OVER = 3;
/// @dev The license was terminated, and the notice is over (culprit: the license).
uint8 constant LICENSE_ENDED = 4;
/// @dev Not exactly one known purpose was asked for (culprit: the license).
uint8 constant PURPOSE_UNKNOWN = 5;
/// @dev The license does not name the purpose (culprit: the license).
uint8 constant PURPOSE_NOT_GRANTED = 6;
/// @dev Registrant, root, digest and terms give no registered dataset (culprit: the id they give).
uint8 constant UNKNOWN_DATASET = 7;
/// @dev The guardian suspended the dataset, or the pool (culprit: which of them).
uint8 constant DATASET_HALTED = 8;
/// @dev The recording is not proved under the manifest's root (culprit: the leaf's hash).
uint8 constant RECORDING_NOT_PROVED = 9;
/// @dev The consents given are not those that the recording names (culprit: the recording's consents hash).
uint8 constant CONSENTS_DIFFER = 10;
/// @dev A consent is given to another holder than who granted the license, or joined the pool, and not extended to it
/// (culprit: the consent, as in all to 16).
uint8 constant CONSENT_OTHER_HOLDER = 11;
/// @dev A consent lacks the signature, or the approval, of its subject.
uint8 constant CONSENT_NOT_SIGNED = 12;
/// @dev A consent was revoked by its subject.
uint8 constant CONSENT_WITHDRAWN = 13;
/// @dev A consent does not name the purpose.
uint8 constant CONSENT_PURPOSE = 14;
/// @dev A consent does not count yet.
uint8 constant CONSENT_NOT_YET = 15;
/// @dev A consent counts no more.
uint8 constant CONSENT_OVER = 16;
/// @dev The license is of another dataset, and this one is not proved under the members' root of that, as a pool
/// (culprit: the dataset).
uint8 constant NOT_IN_POOL = 17;
/// @dev The dataset has left the pool (culprit: the dataset).
uint8 constant LEFT_POOL = 18;

/// @title Who holds a license to what, until when and for which purposes; and each use on record
/// @notice Deployment, after `ConsentRegistry` and `DatasetRegistry`:
/// `constructor(address datasets, address consents)`; before the distributors, each of which knows one such contract.
/// It has no owner and holds no money: what a license costs goes to the distributor that its offer names.
/// `offerDigest` is the EIP-712 digest of `Offer`; `licenseId = keccak256(abi.encode(bytes32 offerDigest, address licensee))`.
/// A license is usable while block time < expiry. Purposes are the bits 0–14 of a mask.
/// EIP-712 domain: name `DataAccess`, version `1`, chain id, this address. Signed off chain under the same domain:
/// `KeyBinding(address wallet,bytes32 encryptionKey,uint64 notAfter,uint256 nonce)`,
/// `OpenAccess(bytes32 licenseId,bytes32 recordingsRoot,uint32 purpose,bytes2 territory,bytes32 keyBinding,uint256 nonce,uint64 deadline)`,
/// `Access(bytes32 request,bytes32 envelopesRoot,uint64 validUntil)`,
/// `Request(string method,string target,bytes32 bodySha256,address gateway,uint256 nonce,uint64 deadline)`.
interface IDataAccess {
    /// @notice
    /// `Offer(bytes32 datasetId,address holder,uint16 transfers,address licensee,address distributor,uint128 price,uint40 expiry,uint32 purposes,uint40 deadline,uint16 noticeDays,bytes32 termsHash,uint256 nonce)`
    /// @param datasetId what is licensed: a dataset, or a pool.
    /// @param holder who offers, and signs.
    /// @param transfers how often the dataset had changed hands when it was offered; the offer ends with the next.
    /// @param licensee for whom; zero: for anybody, once each.
    /// @param distributor the `RoyaltyDistributor` that the terms name, into which price and deposit go.
    /// @param price base units of the distributor's token; goes into the license's balance there and is shared as
    /// what its use earns.
    /// @param expiry first second at which the license is over.
    /// @param purposes mask of purposes.
    /// @param deadline last second at which the offer can be accepted.
    /// @param noticeDays days of notice that the holder must give.
    /// @param termsHash the dataset's terms.
    /// @param nonce tells two otherwise equal offers apart.
    struct Offer {
        bytes32 datasetId;
        address holder;
        uint16 transfers;
        address licensee;
        address distributor;
        uint128 price;
        uint40 expiry;
        uint32 purposes;
        uint40 deadline;
        uint16 noticeDays;
        bytes32 termsHash;
        uint256 nonce;
    }

    /// @notice What `grant` needs; it builds the offer `(datasetId, sender, present transfers, licensee, distributor,
    /// price 0, expiry, purposes, deadline 0, noticeDays, termsHash, nonce)` from it.
    /// @param registrant who registered the dataset.
    /// @param manifestRoot root over the dataset's recordings; zero for a pool.
    /// @param manifestDigest sha-256 in the CID of its manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param licensee for whom.
    /// @param distributor the `RoyaltyDistributor` that the terms name.
    /// @param expiry first second at which the license is over [unix s].
    /// @param purposes mask of purposes.
    /// @param noticeDays days of notice that the holder must give.
    /// @param nonce tells two otherwise equal grants apart.
    struct Grant {
        address registrant;
        bytes32 manifestRoot;
        bytes32 manifestDigest;
        bytes32 termsHash;
        address licensee;
        address distributor;
        uint40 expiry;
        uint32 purposes;
        uint16 noticeDays;
        uint256 nonce;
    }

    /// @notice An EIP-2612 approval by the licensee, of exactly price and deposit, to the distributor.
    /// @param deadline last second at which it counts [unix s].
    /// @param v of the signature.
    /// @param r of the signature.
    /// @param s of the signature.
    struct Permit {
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice The one slot of a license.
    /// @param licensee who holds it; zero if unknown.
    /// @param expiry first second at which the license is over [unix s].
    /// @param purposes mask of purposes.
    /// @param status 1 active, 2 terminated, 3 cancelled offer; 0 unknown.
    /// @param noticeDays days of notice that the holder must give.
    struct License {
        address licensee;
        uint40 expiry;
        uint32 purposes;
        uint8 status;
        uint16 noticeDays;
    }

    /// @notice One use in `recordAccessMany`.
    /// @param purposeAndUnits `uint96(purpose) << 64 | units`: exactly one bit, and how many recordings.
    /// @param receiptHash digest of the gateway's `Access`, or the root of several.
    struct Use {
        uint96 purposeAndUnits;
        bytes32 receiptHash;
    }

    /// @notice A recording as the manifest's tree has it; leaf =
    /// `keccak256(bytes.concat(keccak256(abi.encode(index, cidDigest, keyCommitment, plaintextCommitment, consentsHash))))`.
    /// @param index its place in the manifest.
    /// @param cidDigest sha-256 in the CID of the sealed audio.
    /// @param keyCommitment commitment to its key.
    /// @param plaintextCommitment commitment to the audio itself.
    /// @param consentsHash `keccak256(abi.encode(bytes32[] consentIds))`, ids ascending; zero if no voice is heard.
    struct Recording {
        uint32 index;
        bytes32 cidDigest;
        bytes32 keyCommitment;
        bytes32 plaintextCommitment;
        bytes32 consentsHash;
    }

    /// @notice A dataset's place in a pool; empty where a license of the dataset itself is asked for.
    /// @param holder who joined.
    /// @param path siblings from the leaf `(datasetId, holder)` to the pool's members' root.
    struct Member {
        address holder;
        bytes32[] path;
    }

    /// @notice What `checkAccess` is asked.
    /// @param offer that the license was made of; of a granted one the offer that `grant` built.
    /// @param licensee who accepted it.
    /// @param member the dataset's place in the pool, if the offer is a pool's.
    /// @param who wants to open the recording.
    /// @param purpose exactly one bit.
    /// @param registrant who registered the recording's dataset.
    /// @param manifestRoot root over the dataset's recordings; zero for a pool.
    /// @param manifestDigest sha-256 in the CID of its manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param recording the leaf.
    struct Query {
        Offer offer;
        address licensee;
        Member member;
        address who;
        uint32 purpose;
        address registrant;
        bytes32 manifestRoot;
        bytes32 manifestDigest;
        bytes32 termsHash;
        Recording recording;
    }

    /// @notice A license exists from this block on.
    /// @param licenseId of which license.
    /// @param datasetId of which dataset.
    /// @param licensee who holds it.
    /// @param holder who gave it.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param purposes mask of purposes.
    /// @param expiry first second at which the license is over [unix s].
    /// @param noticeDays days of notice that the holder must give.
    /// @param distributor where its price went and its use is paid.
    /// @param price base units of the distributor's token; zero if it was granted.
    event LicenseGranted(
        bytes32 indexed licenseId,
        bytes32 indexed datasetId,
        address indexed licensee,
        address holder,
        bytes32 termsHash,
        uint32 purposes,
        uint40 expiry,
        uint16 noticeDays,
        address distributor,
        uint128 price
    );
    /// @notice The license is over from `effectiveAt` on.
    /// @param licenseId of which license.
    /// @param by who ended it.
    /// @param reason a code or digest of the sender's own choice; zero if none.
    /// @param effectiveAt from then on [unix s].
    event LicenseTerminated(bytes32 indexed licenseId, address indexed by, bytes32 reason, uint40 effectiveAt);
    /// @notice The offer cannot be accepted any more; licenses made from it go on.
    /// @param holder who offered it.
    /// @param offerDigest EIP-712 digest of the offer.
    event OfferCancelled(address indexed holder, bytes32 indexed offerDigest);
    /// @notice A use under a license is on record: proves a license, not a consent.
    /// @param licenseId of which license.
    /// @param datasetId of which dataset.
    /// @param accessor the licensee.
    /// @param purpose exactly one bit.
    /// @param units how many recordings.
    /// @param receiptHash digest of the gateway's `Access`, or the root of several.
    event AccessRecorded(
        bytes32 indexed licenseId,
        bytes32 indexed datasetId,
        address indexed accessor,
        uint32 purpose,
        uint64 units,
        bytes32 receiptHash
    );

    /// @notice No registered dataset has this id, or the parts given do not make it.
    /// @param id which one.
    error UnknownDataset(bytes32 id);
    /// @notice `caller` does not hold the dataset.
    /// @param id which one.
    /// @param caller who asked.
    error NotHolder(bytes32 id, address caller);
    /// @notice The dataset's status allows no new licenses.
    /// @param id which one.
    /// @param status 2 or 4 suspended, 3 revoked.
    error DatasetInactive(bytes32 id, uint8 status);
    /// @notice The signature is not one of `signer` over this offer.
    /// @param signer whose signature was needed.
    error BadSignature(address signer);
    /// @notice The offer's deadline has passed.
    /// @param deadline last second at which the offer could be accepted [unix s].
    error OfferExpired(uint40 deadline);
    /// @notice The license's own expiry has passed.
    /// @param expiry what was given [unix s].
    error ExpiryPassed(uint40 expiry);
    /// @notice The offer was accepted by this licensee already, or cancelled.
    /// @param offerDigest EIP-712 digest of the offer.
    error OfferUsed(bytes32 offerDigest);
    /// @notice Only this account may do it.
    /// @param expected the account that may.
    error WrongLicensee(address expected);
    /// @notice The license is unknown (0), terminated (2), no license (3) or expired (4).
    /// @param id which one.
    /// @param status 0 unknown, 2 terminated, 3 no license, 4 expired.
    error LicenseInactive(bytes32 id, uint8 status);
    /// @notice The license does not name this purpose.
    /// @param asked the purpose's bit.
    /// @param granted mask of the license's purposes.
    error PurposeNotLicensed(uint32 asked, uint32 granted);
    /// @notice These bits are reserved.
    /// @param bits which of them.
    error ReservedPurpose(uint32 bits);
    /// @notice At least one purpose (in an offer), or exactly one (in a use), is needed.
    /// @param purposes what was given.
    error NotOnePurpose(uint32 purposes);
    /// @notice The dataset changed hands since the offer was made.
    /// @param expected how often it has.
    /// @param given how often it had.
    error WrongTransfers(uint16 expected, uint16 given);
    /// @notice At this address is no distributor, or (`acceptWithPermit`) none of a token that there is.
    /// @param given what the offer names.
    error NoDistributor(address given);

    /// @notice Gives a license without a price. The sender holds the dataset, which is active.
    /// @param terms dataset, licensee and what is licensed.
    /// @return licenseId its id.
    function grant(Grant calldata terms) external returns (bytes32 licenseId);

    /// @notice Accepts a signed offer as its licensee: makes the license, and puts price and deposit into its balance
    /// at the distributor, which the sender has approved. Where both are zero, nothing is called.
    /// @param offer what its holder signed.
    /// @param registrant who registered the dataset.
    /// @param manifestRoot root over the dataset's recordings; zero for a pool.
    /// @param manifestDigest sha-256 in the CID of its manifest.
    /// @param deposit base units that the first use is paid from, beyond the price.
    /// @param signature of the offer's holder: 65 bytes r ‖ s ‖ v, or what its contract wallet accepts (ERC-1271).
    /// @return licenseId its id.
    function accept(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        uint128 deposit,
        bytes calldata signature
    ) external returns (bytes32 licenseId);

    /// @notice `accept`, after an EIP-2612 permit of exactly price and deposit to the distributor, whose token is asked
    /// for it. A permit that fails (used by a front-runner) is passed over: the allowance decides.
    /// @param offer what its holder signed.
    /// @param registrant who registered the dataset.
    /// @param manifestRoot root over the dataset's recordings; zero for a pool.
    /// @param manifestDigest sha-256 in the CID of its manifest.
    /// @param deposit base units that the first use is paid from, beyond the price.
    /// @param signature of the offer's holder: 65 bytes r ‖ s ‖ v, or what its contract wallet accepts (ERC-1271).
    /// @param permit the allowance, signed by the sender.
    /// @return licenseId its id.
    function acceptWithPermit(
        Offer calldata offer,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        uint128 deposit,
        bytes calldata signature,
        Permit calldata permit
    ) external returns (bytes32 licenseId);

    /// @notice Withdraws an offer of the sender. A targeted one that was accepted is `OfferUsed`; of an open one
    /// the licenses made so far go on.
    /// @param offer the sender's own.
    /// @return offerDigest its EIP-712 digest.
    function cancelOffer(Offer calldata offer) external returns (bytes32 offerDigest);

    /// @notice Ends a license: by the licensee at once, by the dataset's holder after `noticeDays`.
    /// @param datasetId of which dataset.
    /// @param licenseId of which license.
    /// @param reason a code or digest of the sender's own choice; zero is fine.
    function terminate(bytes32 datasetId, bytes32 licenseId, bytes32 reason) external;

    /// @notice Puts a use on record; the sender is the licensee.
    /// @param datasetId of which dataset.
    /// @param licenseId of which license.
    /// @param purpose exactly one bit, named in the license.
    /// @param units how many recordings.
    /// @param receiptHash digest of the gateway's `Access`.
    function recordAccess(bytes32 datasetId, bytes32 licenseId, uint32 purpose, uint64 units, bytes32 receiptHash)
        external;

    /// @notice Puts several uses under one license on record; all or none.
    /// @param datasetId of which dataset.
    /// @param licenseId of which license.
    /// @param uses each with its purpose, units and receipt.
    function recordAccessMany(bytes32 datasetId, bytes32 licenseId, Use[] calldata uses) external;

    /// @notice Whether `who` may use the license for the purpose now, whatever the dataset's status.
    /// @param datasetId of which dataset.
    /// @param licenseId of which license.
    /// @param who whose license it should be.
    /// @param purpose exactly one bit.
    /// @return reason 0 allowed, else 1–6 as named in this file.
    function checkLicense(bytes32 datasetId, bytes32 licenseId, address who, uint32 purpose)
        external
        view
        returns (uint8 reason);

    /// @notice Whether `who` may open one recording for the purpose now: license, guardian's suspension, under a pool's
    /// license the dataset's place in the pool, the recording's place in the manifest, and every consent that it
    /// names, each given or extended to who granted the license (in a pool, to who joined). Asked in the order 7,
    /// 1–6, 8, 17, 18, 9–16; of several consents the first that refuses. That a member signed its `Join` is not
    /// proved here: readers of the members' document see to that.
    /// @param query license, place in a pool, account, purpose, dataset and recording.
    /// @param path siblings from the recording's leaf to `manifestRoot`.
    /// @param given the consents that the recording names, by ascending consent id.
    /// @param signatures one for each consent; empty where the subject approved the digest on chain.
    /// @return reason 0 allowed, else as named in this file.
    /// @return culprit id of the license, dataset, pool or consent that refuses; zero if allowed.
    function checkAccess(
        Query calldata query,
        bytes32[] calldata path,
        IConsentRegistry.Consent[] calldata given,
        bytes[] calldata signatures
    ) external view returns (uint8 reason, bytes32 culprit);

    /// @notice The license's slot, all zero if unknown.
    /// @param datasetId of which dataset.
    /// @param licenseId of which license.
    /// @return the slot.
    function license(bytes32 datasetId, bytes32 licenseId) external view returns (License memory);

    /// @notice The EIP-712 digest of an offer.
    /// @param offer all of its fields.
    /// @return the digest that the holder signs.
    function offerDigestOf(Offer calldata offer) external view returns (bytes32);

    /// @notice The license's id.
    /// @param offerDigest EIP-712 digest of the offer.
    /// @param licensee who accepts it.
    /// @return the id.
    function licenseIdOf(bytes32 offerDigest, address licensee) external pure returns (bytes32);

    /// @notice The `DatasetRegistry` that this reads.
    /// @return its address.
    function datasets() external view returns (address);

    /// @notice The `ConsentRegistry` that this reads.
    /// @return its address.
    function consents() external view returns (address);
}
