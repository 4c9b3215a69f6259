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
/// @notice Deployment: `constructor(address token, bytes32 rulesetHash, uint40 window, uint256 bond, uint256 stake,
/// address access, address owner, address guardian, address arbiter, address publisher)`; all but the roles is fixed
/// for ever: the token, the ruleset, the window (2 to 14 days in seconds; on chains 31337 and 1337 from 1 hour), bond
/// and stake (1 to 2^120 - 1 base units of the token) and the access contract.
/// Leaf: `keccak256(bytes.concat(keccak256(abi.encode(uint256 chainId, address distributor, address payee,
/// uint256 cumulative))))` in a standard tree (sorted pairs). `cumulative` is everything the payee ever earned here.
/// The root of epoch n+1 may be proposed once epoch n is active; the roots of the active epoch and, until the next
/// proposal, of the one before can be claimed on.
/// The publisher proposes with its stake in. Once no epoch has become active for 90 days after the last (or after the
/// deployment), anybody proposes by the exit: the stake is taken along, the window is 14 days, and a proposal of the
/// publisher takes the place of it unless it is challenged. A challenge is made with the bond. The arbiter's word alone
/// moves them: half of what the loser put in goes to the winner, the other half to nobody, it stays here for ever. After
/// 14 days of silence the root is rejected and both are given back, the bond once an epoch has become active.
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
    /// @param byExit whether it was proposed by the exit (or by a publisher whose role has changed hands since).
    struct Settlement {
        bytes32 root;
        uint256 total;
        uint40 activeAt;
        uint64 epoch;
        uint8 status;
        bool byExit;
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
    /// @param root what was refused.
    /// @param by who did it.
    /// @param reasonDigest sha-256 of the published reason.
    event SettlementVetoed(uint64 indexed epoch, bytes32 indexed root, address indexed by, bytes32 reasonDigest);
    /// @notice Somebody put up the bond against the proposed root: it is frozen until resolved.
    /// @param epoch of which epoch.
    /// @param root what is challenged.
    /// @param by who did it.
    /// @param reasonDigest sha-256 of the published reason.
    event SettlementChallenged(uint64 indexed epoch, bytes32 indexed root, address indexed by, bytes32 reasonDigest);
    /// @notice Upheld: the root is rejected; the challenger is owed its bond and, unless it was the arbiter's silence,
    /// half the stake, which `StakeChanged` says has left. Dismissed: the full window starts again, and the proposer is
    /// owed half the bond.
    /// @param epoch of which epoch.
    /// @param root what was challenged.
    /// @param upheld whether the root is rejected.
    /// @param challenger who challenged.
    /// @param activeAt from when on the root pays [unix s]; 0 when it is rejected.
    event ChallengeResolved(
        uint64 indexed epoch, bytes32 indexed root, bool upheld, address challenger, uint40 activeAt
    );
    /// @notice A stake of the proposer came in, or left: taken out, become owed or lost.
    /// @param proposer whose stake it is.
    /// @param staked base units that came in; 0 when a stake has left.
    event StakeChanged(address indexed proposer, uint256 staked);
    /// @notice The guardian ruled over money that is held. The ruleset says when it is in force.
    /// @param digest sha-256 in the CID of the ruling.
    event Ruled(bytes32 indexed digest);
    /// @notice The arbiter struck a ruling.
    /// @param digest sha-256 in the CID of the ruling.
    event RulingStruck(bytes32 indexed digest);
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
    /// @notice Another root stands there than was meant.
    /// @param expected the epoch's root now.
    /// @param given the root that was meant.
    error WrongRoot(bytes32 expected, bytes32 given);
    /// @notice The challenge is another's than was meant.
    /// @param expected who challenged.
    /// @param given who was meant.
    error WrongChallenger(address expected, address given);
    /// @notice Nothing is proposed without a stake.
    /// @param proposer whose stake is missing.
    error NotStaked(address proposer);
    /// @notice The stake is in already.
    /// @param proposer whose stake it is.
    error AlreadyStaked(address proposer);
    /// @notice The stake stays in while a root that it was given for is pending.
    /// @param epoch whose root is neither active nor refused.
    error StakePending(uint64 epoch);
    /// @notice The caller is not the access contract.
    /// @param caller who asked.
    error NotAccess(address caller);
    /// @notice No contract is there to be the access contract for ever.
    /// @param given the address given at deployment.
    error NoAccess(address given);
    /// @notice The leaf is not under the root.
    error InvalidProof();
    /// @notice The payee has claimed more than this leaf says.
    /// @param payee whom it is owed.
    /// @param claimed base units that it claimed so far.
    /// @param given what the leaf says [base units].
    error CumulativeDecreased(address payee, uint256 claimed, uint256 given);
    /// @notice All of this was claimed before, or nothing is owed.
    /// @param payee who would be paid.
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
    /// @notice The window must be within 2 days (1 hour on the devnets' chain ids 31337 and 1337) and 14 days.
    /// @param window what was given [s].
    error WindowOutOfBounds(uint40 window);
    /// @notice The bond must be within 1 and 2^120 - 1.
    /// @param bond what was given [base units].
    error BondOutOfBounds(uint256 bond);
    /// @notice The stake must be within 1 and 2^120 - 1.
    /// @param stake what was given [base units].
    error StakeOutOfBounds(uint256 stake);
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

    /// @notice As `fund`, of the account that called the access contract and approved this one. Access contract only.
    /// @param from whose money it is.
    /// @param amount base units to take.
    /// @param memo the license whose price and use it pays for.
    /// @return received base units credited.
    function fundFrom(address from, uint256 amount, bytes32 memo) external returns (uint256 received);

    /// @notice Puts the publisher's stake in (approve it first). Publisher only; it stays its owner's when the role
    /// changes hands.
    function stake() external;

    /// @notice Takes what is owed to the sender, and a stake of its that binds no pending root. An account with two
    /// stakes in, the publisher's and one by the exit, takes them in two calls.
    /// @param to who receives it.
    function unstake(address to) external;

    /// @notice Proposes the next epoch's root: the publisher with its stake in, or, from `exitOpensAt` on, anybody, whose
    /// stake is taken along (approve it first) unless it is still in.
    /// @param epoch 1, or the active epoch + 1 (again the same one after a veto or a rejection).
    /// @param root root over all payees.
    /// @param total sum of all cumulative earnings.
    /// @param usageHead keccak256 of the sorted (meter, head) pairs that the settlement covers.
    /// @param manifestDigest sha-256 in the CID of the epoch manifest.
    function propose(uint64 epoch, bytes32 root, uint256 total, bytes32 usageHead, bytes32 manifestDigest) external;

    /// @notice Refuses a proposed root before it is active. Guardian only.
    /// @param epoch of which epoch.
    /// @param root the root that is meant.
    /// @param reasonDigest sha-256 of the published reason.
    function veto(uint64 epoch, bytes32 root, bytes32 reasonDigest) external;

    /// @notice Freezes a proposed root before it is active; anyone, by the bond (approve it first).
    /// @param epoch of which epoch.
    /// @param root the root that is meant.
    /// @param reasonDigest sha-256 of the published reason.
    function challenge(uint64 epoch, bytes32 root, bytes32 reasonDigest) external;

    /// @notice Decides a challenge: by the arbiter within 14 days; after that the root is rejected, and anyone may say
    /// so (`upheld` true). What is won or given back is owed: `unstake` takes it.
    /// @param epoch of which epoch.
    /// @param root the root that is meant.
    /// @param by whose challenge is meant.
    /// @param upheld true rejects the root; false starts the window again.
    function resolve(uint64 epoch, bytes32 root, address by, bool upheld) external;

    /// @notice Puts a ruling over money that is held on record. Guardian only; changes nothing in the contract.
    /// @param digest sha-256 in the CID of the ruling.
    function rule(bytes32 digest) external;

    /// @notice Puts on record that a ruling is struck. Arbiter only; changes nothing in the contract.
    /// @param digest sha-256 in the CID of the ruling.
    function strike(bytes32 digest) external;

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

    /// @notice Everything that was ever funded, without bonds and stakes.
    /// @return base units.
    function funded() external view returns (uint256);

    /// @notice Everything that was ever paid to payees.
    /// @return base units.
    function paid() external view returns (uint256);

    /// @notice Who challenged the epoch under challenge, and when; zeros if none is.
    /// @return by who challenged; zero if nobody.
    /// @return at block time [unix s]; 0 if nobody.
    function challenger() external view returns (address by, uint40 at);

    /// @notice From when on anybody with a stake may propose: 90 days after the newest active epoch became so, or after
    /// the deployment.
    /// @return block time [unix s].
    function exitOpensAt() external view returns (uint40);

    /// @notice What the account has in as a proposer.
    /// @param account whose stake it is.
    /// @return base units: 0, the stake, or twice the stake (the publisher's and one by the exit).
    function staked(address account) external view returns (uint256);

    /// @notice What `unstake` would take of what is owed to the account, and what waits.
    /// @param account who challenged, or proposed.
    /// @return amount base units owed now.
    /// @return waiting base units of bonds that the arbiter's silence returned: owed once an epoch has become active.
    function owed(address account) external view returns (uint256 amount, uint256 waiting);

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

    /// @notice Base units that a proposer must have in.
    /// @return base units of the token.
    function stakeAmount() external view returns (uint256);

    /// @notice The access contract, which alone calls `fundFrom`.
    /// @return its address.
    function access() external view returns (address);

    /// @notice The EIP-712 digest that `claimTo` checks.
    /// @param reassign what the payee signed.
    /// @return the digest to sign.
    function reassignDigest(Reassign calldata reassign) external view returns (bytes32);
}
