// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Status codes of a settlement; 0 is none. A proposed one is active by time, from `activeAt` on.
uint8 constant SETTLEMENT_PROPOSED = 1;
uint8 constant SETTLEMENT_CHALLENGED = 2;
uint8 constant SETTLEMENT_VETOED = 3;
uint8 constant SETTLEMENT_REJECTED = 4;

/// @dev Why a batch passed over a payee. Nothing is due any more: it was claimed before.
uint8 constant SKIPPED_NOTHING_DUE = 1;
/// @dev The token refused, reverted, answered false or used too much gas. The money stays claimable.
uint8 constant SKIPPED_TRANSFER_FAILED = 2;
/// @dev The leaf asks for more than the settlement's total has left.
uint8 constant SKIPPED_OVERPAID = 3;

/// @title Pays royalties in one ERC-20 under one ruleset, from roots that anybody can recompute
/// @notice Deployment: `constructor(address token, bytes32 rulesetHash, uint40 window, uint256 bond, address owner,
/// address guardian, address arbiter, address publisher)`; token, ruleset, window (1 h to 14 d, in seconds) and
/// bond (base units of the token) are fixed for ever.
/// Leaf: `keccak256(bytes.concat(keccak256(abi.encode(uint256 chainId, address distributor, address payee,
/// uint256 cumulative))))` in a standard tree (sorted pairs). `cumulative` is everything the payee ever earned here.
/// The root of epoch n+1 may be proposed once epoch n is active; the roots of the active epoch and, until the next
/// proposal, of the one before can be claimed on.
/// EIP-712 domain: name `RoyaltyDistributor`, version `1`, chain id, this address.
interface IRoyaltyDistributor {
    /// @notice A payee and its cumulative earnings, as in the leaf.
    /// @param payee whom it is owed.
    /// @param cumulative everything that the payee ever earned here [base units].
    struct Payment {
        address payee;
        uint256 cumulative;
    }

    /// @notice A payment with its own proof.
    /// @param payee whom it is owed.
    /// @param cumulative everything that the payee ever earned here [base units].
    /// @param proof siblings from the leaf to the epoch's root.
    struct Claim {
        address payee;
        uint256 cumulative;
        bytes32[] proof;
    }

    /// @notice `Reassign(address payee,address to,uint256 cumulative,uint256 deadline)`
    /// @param payee who signs.
    /// @param to who receives instead.
    /// @param cumulative up to which of the payee's cumulative earnings.
    /// @param deadline last second at which it counts.
    struct Reassign {
        address payee;
        address to;
        uint256 cumulative;
        uint256 deadline;
    }

    /// @notice One of the two settlements kept.
    /// @param root root over all payees.
    /// @param total sum of all cumulative earnings [base units].
    /// @param activeAt from when on it pays [unix s].
    /// @param epoch its number.
    /// @param status 1 proposed (active from `activeAt` on), 2 challenged, 3 vetoed, 4 rejected; 0 none.
    struct Settlement {
        bytes32 root;
        uint256 total;
        uint40 activeAt;
        uint64 epoch;
        uint8 status;
    }

    /// @notice Money came in under a memo (a license's id).
    /// @param from who paid.
    /// @param memo the license whose use it pays for.
    /// @param received base units credited.
    event Funded(address indexed from, bytes32 indexed memo, uint256 received);
    /// @notice A root was proposed; it is active from `activeAt` on unless vetoed or challenged before.
    /// @param epoch of which epoch.
    /// @param root root over all payees.
    /// @param usageHead keccak256 of the sorted (meter, head) pairs that the settlement covers.
    /// @param manifestDigest sha-256 in the CID of the epoch manifest.
    /// @param total sum of all cumulative earnings [base units].
    /// @param activeAt from then on [unix s].
    event SettlementProposed(
        uint64 indexed epoch,
        bytes32 indexed root,
        bytes32 indexed usageHead,
        bytes32 manifestDigest,
        uint256 total,
        uint40 activeAt
    );
    /// @notice The guardian refused the proposed root; the epoch may be proposed again.
    /// @param epoch of which epoch.
    /// @param by who did it.
    /// @param reasonDigest sha-256 of the published reason.
    event SettlementVetoed(uint64 indexed epoch, address indexed by, bytes32 reasonDigest);
    /// @notice Somebody put up the bond against the proposed root: it is frozen until resolved.
    /// @param epoch of which epoch.
    /// @param by who did it.
    /// @param reasonDigest sha-256 of the published reason.
    event SettlementChallenged(uint64 indexed epoch, address indexed by, bytes32 reasonDigest);
    /// @notice Upheld: the root is rejected, the bond goes back. Dismissed: the full window starts again
    /// (`settlement(epoch).activeAt` = this block's time + window), the bond goes to the publisher.
    /// @param epoch of which epoch.
    /// @param upheld whether the root is rejected.
    /// @param bondTo who receives the bond.
    event ChallengeResolved(uint64 indexed epoch, bool upheld, address bondTo);
    /// @notice `amount` was paid to `to`; the payee's claimed sum is now `cumulative`.
    /// @param payee whom it is owed.
    /// @param epoch of which epoch.
    /// @param to who received it.
    /// @param amount base units paid now.
    /// @param cumulative the payee's claimed sum from now on [base units].
    event RoyaltyClaimed(address indexed payee, uint64 indexed epoch, address to, uint256 amount, uint256 cumulative);
    /// @notice A batch passed over the payee: 1 nothing due, 2 transfer failed, 3 more than the total.
    /// @param payee whom it is owed.
    /// @param epoch of which epoch.
    /// @param reason 1 nothing due, 2 transfer failed, 3 more than the total.
    event ClaimSkipped(address indexed payee, uint64 indexed epoch, uint8 reason);

    /// @notice The epoch to be named here is another (0: none).
    /// @param expected the epoch that it must be; 0: none.
    /// @param given the epoch given.
    error WrongEpoch(uint64 expected, uint64 given);
    /// @notice A root may not promise more than was funded.
    /// @param total what the root promises [base units].
    /// @param funded everything funded so far [base units].
    error Insolvent(uint256 total, uint256 funded);
    /// @notice Totals never fall.
    /// @param from the total before [base units].
    /// @param to the total given [base units].
    error TotalDecreased(uint256 from, uint256 to);
    /// @notice The settlement is active only from this time on.
    /// @param activeAt from then on [unix s].
    error WindowOpen(uint40 activeAt);
    /// @notice The settlement has been active since this time.
    /// @param activeAt since then [unix s].
    error WindowClosed(uint40 activeAt);
    /// @notice The epoch's root is under challenge.
    /// @param epoch of which epoch.
    error UnderChallenge(uint64 epoch);
    /// @notice The epoch's root is not under challenge.
    /// @param epoch of which epoch.
    error NotChallenged(uint64 epoch);
    /// @notice The leaf is not under the root.
    error InvalidProof();
    /// @notice The payee has claimed more than this leaf says.
    /// @param payee whom it is owed.
    /// @param claimed base units that it claimed so far.
    /// @param given what the leaf says [base units].
    error CumulativeDecreased(address payee, uint256 claimed, uint256 given);
    /// @notice All of this was claimed before.
    /// @param payee whose claim it is.
    error NothingDue(address payee);
    /// @notice The leaves promise more than their total.
    /// @param total what the root promises [base units].
    /// @param paid base units paid so far.
    error Overpaid(uint256 total, uint256 paid);
    /// @notice The token moved less than it was asked to.
    /// @param asked base units to be moved.
    /// @param received base units that arrived.
    error TokenShortfall(uint256 asked, uint256 received);
    /// @notice The token refused to move this.
    /// @param to to whom.
    /// @param amount base units of the token.
    error TransferFailed(address to, uint256 amount);
    /// @notice The signature is not one of `signer` over these facts.
    /// @param signer whose signature was needed.
    error BadSignature(address signer);
    /// @notice The signed deadline has passed.
    /// @param deadline last second at which it counted [unix s].
    error SignatureExpired(uint256 deadline);
    /// @notice Money cannot be sent there.
    /// @param to what was given.
    error InvalidRecipient(address to);
    /// @notice The window must be within 1 hour and 14 days.
    /// @param window what was given [s].
    error WindowOutOfBounds(uint40 window);
    /// @notice At most 256 payees fit one sub-tree, and at least one.
    /// @param count what was given.
    error SubtreeSize(uint256 count);
    /// @notice Not enough gas was sent for a fair try of the next transfer.
    /// @param needed gas that it needs.
    error GasTooLow(uint256 needed);
    /// @notice The sums kept here have 120 bits.
    /// @param amount base units.
    error AmountTooLarge(uint256 amount);
    /// @notice A transfer called back into this contract.
    error Reentered();
    /// @notice A root of zero proves nothing.
    error EmptyRoot();

    /// @notice Adds money, for good; what is owed from it is for the settlements to say. Credits what arrives.
    /// @param amount base units to take from the sender, who approved them.
    /// @param memo the license whose use it pays for.
    /// @return received base units credited.
    function fund(uint256 amount, bytes32 memo) external returns (uint256 received);
    function fundFrom(address from, uint256 amount, bytes32 memo) external returns (uint256 received);

    /// @notice Proposes the next epoch's root. Publisher only.
    /// @param epoch 1, or the active epoch + 1 (again the same one after a veto or a rejection).
    /// @param root root over all payees.
    /// @param total sum of all cumulative earnings.
    /// @param usageHead keccak256 of the sorted (meter, head) pairs that the settlement covers.
    /// @param manifestDigest sha-256 in the CID of the epoch manifest.
    function propose(uint64 epoch, bytes32 root, uint256 total, bytes32 usageHead, bytes32 manifestDigest) external;

    /// @notice Refuses a proposed root before it is active. Guardian only.
    /// @param epoch of which epoch.
    /// @param reasonDigest sha-256 of the published reason.
    function veto(uint64 epoch, bytes32 reasonDigest) external;

    /// @notice Freezes a proposed root before it is active; anyone, by the bond (approve it first).
    /// @param epoch of which epoch.
    /// @param reasonDigest sha-256 of the published reason.
    function challenge(uint64 epoch, bytes32 reasonDigest) external;

    /// @notice Decides a challenge: by the arbiter within 14 days; after that it is upheld, and anyone may say so.
    /// @param epoch of which epoch.
    /// @param upheld true rejects the root and returns the bond; false starts the window again.
    function resolve(uint64 epoch, bool upheld) external;

    /// @notice Takes a bond that the token refused to return at the time.
    /// @param to who receives it.
    function withdrawBond(address to) external;

    /// @notice Pays a payee what is due; anyone may call it.
    /// @param epoch of which epoch.
    /// @param payee whom it is owed.
    /// @param cumulative everything that the payee ever earned here [base units].
    /// @param proof siblings from the leaf to the epoch's root.
    function claim(uint64 epoch, address payee, uint256 cumulative, bytes32[] calldata proof) external;

    /// @notice Pays several payees; a payee who cannot be paid is passed over (`ClaimSkipped`), a wrong proof
    /// reverts all.
    /// @param epoch of which epoch.
    /// @param claims payments, each with its proof.
    /// @return paid base units moved.
    function claimMany(uint64 epoch, Claim[] calldata claims) external returns (uint256 paid);

    /// @notice Pays every payee under one inner node of the tree with one proof; tolerant as `claimMany`.
    /// @param epoch of which epoch.
    /// @param payments the leaves under the node, 1 to 256, as in its own array: node k has the children 2k+1
    /// and 2k+2, and the leaves are the last of it, in order (the order of a breadth-first walk).
    /// @param proof siblings from the node to the epoch's root.
    /// @return paid base units moved.
    function claimSubtree(uint64 epoch, Payment[] calldata payments, bytes32[] calldata proof)
        external
        returns (uint256 paid);

    /// @notice Pays what is due to the payee to somebody else, whom the payee signed, up to the signed cumulative.
    /// @param epoch of which epoch.
    /// @param cumulative as in the leaf; the smaller of it and the signed one is claimed.
    /// @param proof siblings from the leaf to the epoch's root.
    /// @param reassign what the payee signed.
    /// @param signature the payee's: 65 bytes r ‖ s ‖ v, or what its contract wallet accepts (ERC-1271).
    function claimTo(
        uint64 epoch,
        uint256 cumulative,
        bytes32[] calldata proof,
        Reassign calldata reassign,
        bytes calldata signature
    ) external;

    /// @notice The settlement of an epoch; all zero if it is not one of the two kept.
    /// @param epoch of which epoch.
    /// @return root, total, time and status.
    function settlement(uint64 epoch) external view returns (Settlement memory);

    /// @notice The newest epoch that is active; 0 if none.
    /// @return its number.
    function activeEpoch() external view returns (uint64);

    /// @notice What the payee was paid so far, itself or by `claimTo`.
    /// @param payee whose sum it is.
    /// @return base units.
    function claimed(address payee) external view returns (uint256);

    /// @notice Everything that was ever funded, without bonds.
    /// @return base units.
    function funded() external view returns (uint256);

    /// @notice Everything that was ever paid to payees.
    /// @return base units.
    function paid() external view returns (uint256);

    /// @notice Who challenged the epoch under challenge, and when; zeros if none is.
    /// @return by who challenged; zero if nobody.
    /// @return at block time [unix s]; 0 if nobody.
    function challenger() external view returns (address by, uint40 at);

    /// @notice A bond that waits for `withdrawBond`.
    /// @param account who challenged, or published.
    /// @return base units.
    function bondOwed(address account) external view returns (uint256);

    /// @notice The ERC-20 that is paid.
    /// @return its address.
    function token() external view returns (address);

    /// @notice The rules that hold here: sha-256 of the canonical ruleset.
    /// @return the hash.
    function rulesetHash() external view returns (bytes32);

    /// @notice Seconds between a proposal and its activity.
    /// @return seconds.
    function window() external view returns (uint40);

    /// @notice Base units that a challenge must put up.
    /// @return base units of the token.
    function bond() external view returns (uint256);

    /// @notice The EIP-712 digest that `claimTo` checks.
    /// @param reassign what the payee signed.
    /// @return the digest to sign.
    function reassignDigest(Reassign calldata reassign) external view returns (bytes32);
}
