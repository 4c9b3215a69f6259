// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Which consents were withdrawn, which erasures were ordered, which digests a wallet stands by
/// @notice Deployment: no constructor arguments, no owner. A consent needs no registration: it is a signed
/// document, and everything here is kept under the address of who speaks, so a stranger can withdraw nothing.
/// `consentId` is the EIP-712 digest of `Consent`.
/// EIP-712 domain: name `ConsentRegistry`, version `1`, chain id, this address.
interface IConsentRegistry {
    /// @notice
    /// `Consent(address subject,address holder,bytes32 voiceId,bytes32 scopeHash,uint32 purposes,bytes32 territories,uint64 notBefore,uint64 notAfter,uint256 nonce)`
    /// @param subject the voice owner, who signs.
    /// @param holder the rights holder to whom it is given; manifests of others cannot use it.
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
    event ConsentRevoked(bytes32 indexed consentId, address indexed subject, bytes32 reason, uint40 at);
    /// @notice The subject wants what was made under the consent erased by `deadline`.
    event ErasureOrdered(bytes32 indexed consentId, address indexed subject, uint40 deadline);
    /// @notice `holder` says that it erased, by `method` (1 key destroyed, 2 content unlinked, 3 both,
    /// 4 model retired, 5 model retrained, 6 output suppressed), and that the evidence has this digest.
    event ErasureAttested(
        bytes32 indexed consentId, address indexed holder, bytes32 indexed evidenceDigest, uint8 method, uint40 at
    );
    /// @notice `wallet` stands by the document with this digest, whoever owns the wallet later.
    event DigestApproved(address indexed wallet, bytes32 indexed digest);

    /// @notice This subject revoked this consent already.
    error AlreadyRevoked(bytes32 consentId, uint40 at);
    /// @notice The wallet approved this digest already.
    error AlreadyApproved(bytes32 digest, uint40 at);
    /// @notice The signature is not one of `signer` over these facts.
    error BadSignature(address signer);
    /// @notice The signed deadline has passed.
    error SignatureExpired(uint64 deadline);
    /// @notice An erasure cannot be due in the past.
    error DeadlinePassed(uint40 deadline);
    /// @notice 1 to 6 are known.
    error UnknownMethod(uint8 method);

    /// @notice Revokes a consent of the caller. Needs no registration and no notice.
    /// @param reason a code or digest of the subject's own choice; zero is fine.
    function revokeConsent(bytes32 consentId, bytes32 reason) external;

    /// @notice Revokes for a subject who signed `RevokeConsent(bytes32 consentId,uint64 deadline)`; the event's
    /// reason is zero, because no reason was signed.
    function revokeConsentFor(address subject, bytes32 consentId, uint64 deadline, bytes calldata signature) external;

    /// @notice Orders erasure by `deadline` [unix s]; revokes the caller's consent first if it still stands.
    function orderErasure(bytes32 consentId, uint40 deadline) external;

    /// @notice Puts the caller's word on record that it erased. Keeps no state.
    function attestErasure(bytes32 consentId, bytes32 evidenceDigest, uint8 method) external;

    /// @notice Puts on record that the caller stands by a digest; how contract wallets sign documents off chain.
    function approveDigest(bytes32 digest) external;

    /// @notice When `subject` revoked the consent [unix s]; 0 if it did not.
    function revokedAt(address subject, bytes32 consentId) external view returns (uint40);

    /// @notice When `wallet` approved the digest [unix s]; 0 if it did not.
    function approvedAt(address wallet, bytes32 digest) external view returns (uint40);

    /// @notice The EIP-712 digest of a consent.
    function consentIdOf(Consent calldata consent) external view returns (bytes32);

    /// @notice The EIP-712 digest that `revokeConsentFor` checks.
    function revokeDigest(bytes32 consentId, uint64 deadline) external view returns (bytes32);

    /// @notice Whether the subject stands by the consent: by its key's signature, or by `approveDigest`.
    function isSigned(Consent calldata consent, bytes calldata signature) external view returns (bool);
}
