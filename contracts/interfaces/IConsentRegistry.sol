// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Which consents were withdrawn or extended, which erasures were ordered, which digests a wallet stands by
/// @notice Deployment: no constructor arguments, no owner. A consent needs no registration: it is a signed
/// document, and everything here is kept under the address of who speaks, so a stranger can withdraw and extend nothing.
/// `consentId` is the EIP-712 digest of `Consent`.
/// EIP-712 domain: name `ConsentRegistry`, version `1`, chain id, this address.
interface IConsentRegistry {
    /// @notice
    /// `Consent(address subject,address holder,bytes32 voiceId,bytes32 scopeHash,uint32 purposes,bytes32 territories,uint64 notBefore,uint64 notAfter,uint256 nonce)`
    /// @param subject the voice owner, who signs.
    /// @param holder the rights holder to whom it is given; under licenses that others granted it counts only where
    /// its subject extended it to them.
    /// @param voiceId 32 random bytes for this voice at this holder.
    /// @param scopeHash sha-256 of the canonical scope.
    /// @param purposes mask of the purposes allowed.
    /// @param territories keccak256 of the sorted codes joined by `,`.
    /// @param notBefore first second at which it counts.
    /// @param notAfter last second at which it counts.
    /// @param nonce tells two otherwise equal consents apart.
    struct Consent {
        address subject;
        address holder;
        bytes32 voiceId;
        bytes32 scopeHash;
        uint32 purposes;
        bytes32 territories;
        uint64 notBefore;
        uint64 notAfter;
        uint256 nonce;
    }

    /// @notice The consent counts no more from this block on, if `subject` is who signed it.
    /// @param consentId EIP-712 digest of the consent.
    /// @param subject the voice owner.
    /// @param reason a code or digest of the subject's own choice; zero if none.
    event ConsentRevoked(bytes32 indexed consentId, address indexed subject, bytes32 reason);
    /// @notice The consent serves `holder` too from this block on, if `subject` is who signed it.
    /// @param consentId EIP-712 digest of the consent.
    /// @param subject the voice owner.
    /// @param holder the further rights holder.
    event ConsentExtended(bytes32 indexed consentId, address indexed subject, address indexed holder);
    /// @notice The subject wants what was made under the consent erased by `deadline`.
    /// @param consentId EIP-712 digest of the consent.
    /// @param subject the voice owner.
    /// @param deadline by when [unix s].
    event ErasureOrdered(bytes32 indexed consentId, address indexed subject, uint40 deadline);
    /// @notice `holder` says that it erased, by `method` (1 key destroyed, 2 content unlinked, 3 both,
    /// 4 model retired, 5 model retrained, 6 output suppressed), and that the evidence has this digest.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder who says that it erased.
    /// @param evidenceDigest sha-256 of the evidence.
    /// @param method 1 key destroyed, 2 content unlinked, 3 both, 4 model retired, 5 model retrained, 6 output
    /// suppressed.
    event ErasureAttested(
        bytes32 indexed consentId, address indexed holder, bytes32 indexed evidenceDigest, uint8 method
    );
    /// @notice `wallet` stands by the document with this digest, whoever owns the wallet later.
    /// @param wallet who stands by it.
    /// @param digest of the document.
    event DigestApproved(address indexed wallet, bytes32 indexed digest);

    /// @notice This subject revoked this consent already.
    /// @param consentId EIP-712 digest of the consent.
    /// @param at when it did [unix s].
    error AlreadyRevoked(bytes32 consentId, uint40 at);
    /// @notice This subject extended this consent to this holder already.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder the further rights holder.
    /// @param at when it did [unix s].
    error AlreadyExtended(bytes32 consentId, address holder, uint40 at);
    /// @notice The wallet approved this digest already.
    /// @param digest of the document.
    /// @param at when it did [unix s].
    error AlreadyApproved(bytes32 digest, uint40 at);
    /// @notice The signature is not one of `signer` over these facts.
    /// @param signer whose signature was needed.
    error BadSignature(address signer);
    /// @notice The signed deadline has passed.
    /// @param deadline last second at which it counts [unix s].
    error SignatureExpired(uint64 deadline);
    /// @notice An erasure cannot be due in the past.
    /// @param deadline what was given [unix s].
    error DeadlinePassed(uint40 deadline);
    /// @notice 1 to 6 are known.
    /// @param method what was given.
    error UnknownMethod(uint8 method);

    /// @notice Revokes a consent of the caller. Needs no registration and no notice.
    /// @param consentId EIP-712 digest of the consent.
    /// @param reason a code or digest of the subject's own choice; zero is fine.
    function revokeConsent(bytes32 consentId, bytes32 reason) external;

    /// @notice Revokes for a subject who signed `RevokeConsent(bytes32 consentId,uint64 deadline)`; the event's
    /// reason is zero, because no reason was signed.
    /// @param subject the voice owner, who signed.
    /// @param consentId EIP-712 digest of the consent.
    /// @param deadline last second at which it counts [unix s].
    /// @param signature 65 bytes r ‖ s ‖ v, or what the subject's contract wallet accepts (ERC-1271).
    function revokeConsentFor(address subject, bytes32 consentId, uint64 deadline, bytes calldata signature) external;

    /// @notice Lets a consent of the caller serve another holder too, such as the buyer of a dataset, for what that
    /// holder grants itself. What can be taken back is the whole consent, by `revokeConsent`.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder the further rights holder.
    function extendConsent(bytes32 consentId, address holder) external;

    /// @notice Extends for a subject who signed `ExtendConsent(bytes32 consentId,address holder,uint64 deadline)`.
    /// @param subject the voice owner, who signed.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder the further rights holder.
    /// @param deadline last second at which it counts [unix s].
    /// @param signature 65 bytes r ‖ s ‖ v, or what the subject's contract wallet accepts (ERC-1271).
    function extendConsentFor(
        address subject,
        bytes32 consentId,
        address holder,
        uint64 deadline,
        bytes calldata signature
    ) external;

    /// @notice Orders erasure by `deadline` [unix s]; revokes the caller's consent first if it still stands.
    /// @param consentId EIP-712 digest of the consent.
    /// @param deadline by when [unix s].
    function orderErasure(bytes32 consentId, uint40 deadline) external;

    /// @notice Puts the caller's word on record that it erased. Keeps no state.
    /// @param consentId EIP-712 digest of the consent.
    /// @param evidenceDigest sha-256 of the evidence.
    /// @param method 1 key destroyed, 2 content unlinked, 3 both, 4 model retired, 5 model retrained, 6 output
    /// suppressed.
    function attestErasure(bytes32 consentId, bytes32 evidenceDigest, uint8 method) external;

    /// @notice Puts on record that the caller stands by a digest; how contract wallets sign documents off chain.
    /// @param digest of the document.
    function approveDigest(bytes32 digest) external;

    /// @notice When `subject` revoked the consent [unix s]; 0 if it did not.
    /// @param subject the voice owner.
    /// @param consentId EIP-712 digest of the consent.
    /// @return block time [unix s]; 0 if never.
    function revokedAt(address subject, bytes32 consentId) external view returns (uint40);

    /// @notice When `subject` extended the consent to `holder` [unix s]; 0 if it did not.
    /// @param subject the voice owner.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder the further rights holder.
    /// @return block time [unix s]; 0 if never.
    function extendedAt(address subject, bytes32 consentId, address holder) external view returns (uint40);

    /// @notice When `wallet` approved the digest [unix s]; 0 if it did not.
    /// @param wallet who stands by it.
    /// @param digest of the document.
    /// @return block time [unix s]; 0 if never.
    function approvedAt(address wallet, bytes32 digest) external view returns (uint40);

    /// @notice The EIP-712 digest of a consent.
    /// @param consent all of its fields.
    /// @return the consent's id.
    function consentIdOf(Consent calldata consent) external view returns (bytes32);

    /// @notice The EIP-712 digest that `revokeConsentFor` checks.
    /// @param consentId EIP-712 digest of the consent.
    /// @param deadline last second at which it counts [unix s].
    /// @return the digest to sign.
    function revokeDigest(bytes32 consentId, uint64 deadline) external view returns (bytes32);

    /// @notice The EIP-712 digest that `extendConsentFor` checks.
    /// @param consentId EIP-712 digest of the consent.
    /// @param holder the further rights holder.
    /// @param deadline last second at which it counts [unix s].
    /// @return the digest to sign.
    function extendDigest(bytes32 consentId, address holder, uint64 deadline) external view returns (bytes32);

    /// @notice Whether the subject stands by the consent: by its key's signature, or by `approveDigest`.
    /// @param consent all of its fields.
    /// @param signature 65 bytes r ‖ s ‖ v of the subject; empty where it approved the digest.
    /// @return whether it does.
    function isSigned(Consent calldata consent, bytes calldata signature) external view returns (bool);
}
