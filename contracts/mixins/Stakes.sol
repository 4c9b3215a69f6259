// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import "../interfaces/IRoyaltyDistributor.sol";
import {PUBLISHER} from "../interfaces/IRoles.sol";
import {TokenIn} from "../libraries/TokenIn.sol";
import {TokenOut} from "../libraries/TokenOut.sol";
import {Epochs} from "./Epochs.sol";
import {Pausing} from "./Pausing.sol";

/// @title What proposers and challengers put in, outside the sums, and what is owed to them
/// @dev Two stakes at most are in: the publisher's, said in its word, and that of `_proposer`, who proposed by the
/// exit. What leaves is written before the token is called and touches no sum, so that nothing here needs the lock.
abstract contract Stakes is Epochs, Pausing {
    using TokenIn for IERC20;
    using TokenOut for IERC20;

    // The word of what is owed to an account: base units (160 bits), then from these bits on the bonds that silence
    // returned (32) and the epoch (64) that they wait for.
    uint256 internal constant WAITING = 160;
    uint256 internal constant WAITS_FOR = 192;

    IERC20 internal immutable TOKEN;
    /// @inheritdoc IRoyaltyDistributor
    uint256 public immutable bond;
    /// @inheritdoc IRoyaltyDistributor
    uint256 public immutable stakeAmount;

    /// @dev Whose stake by the exit is in.
    address internal _proposer;
    mapping(address account => uint256) private _owed;

    constructor(address token_, uint256 bond_, uint256 stake_) {
        if (bond_ == 0 || bond_ > SUM_MAX) revert BondOutOfBounds(bond_);
        if (stake_ == 0 || stake_ > SUM_MAX) revert StakeOutOfBounds(stake_);
        TOKEN = IERC20(token_);
        bond = bond_;
        stakeAmount = stake_;
    }

    /// @inheritdoc IRoyaltyDistributor
    function stake() external locked {
        uint256 word = _publisher;
        if (address(uint160(word)) != msg.sender) revert NotRole(PUBLISHER, msg.sender);
        if (word >> STAKED != 0) revert AlreadyStaked(msg.sender);
        _publisher = word | 1 << STAKED;
        emit StakeChanged(msg.sender, stakeAmount);
        _pull(msg.sender, stakeAmount);
    }

    /// @inheritdoc IRoyaltyDistributor
    function unstake(address to) external {
        if (to == address(0) || to == address(this)) revert InvalidRecipient(to);
        (uint256 amount, uint256 rest) = _due(_owed[msg.sender]);
        if (amount != 0) _owed[msg.sender] = rest;
        (, uint256 pending) = _pending();
        uint256 word = _publisher;
        // What is pending by the exit binds the exit's stake, any other the publisher's.
        if (_isStaked(word, msg.sender) && (pending == 0 || pending & BY_EXIT != 0)) {
            _publisher = word ^ 1 << STAKED;
            amount += _leaves(msg.sender);
        } else if (_proposer == msg.sender && pending & BY_EXIT == 0) {
            delete _proposer;
            amount += _leaves(msg.sender);
        } else if (amount == 0) {
            if (staked(msg.sender) != 0) revert StakePending(uint64(pending >> EPOCH));
            revert NothingDue(msg.sender);
        }
        _send(to, amount);
    }

    /// @inheritdoc IRoyaltyDistributor
    function owed(address account) external view returns (uint256 amount, uint256 waiting) {
        uint256 rest;
        (amount, rest) = _due(_owed[account]);
        waiting = uint32(rest >> WAITING) * bond;
    }

    /// @inheritdoc IRoyaltyDistributor
    function token() external view returns (address) {
        return address(TOKEN);
    }

    /// @inheritdoc IRoyaltyDistributor
    function staked(address account) public view returns (uint256 amount) {
        if (_isStaked(_publisher, account)) amount = stakeAmount;
        if (_proposer == account && account != address(0)) amount += stakeAmount;
    }

    function _roleHolder(bytes32 role) internal view override returns (address) {
        return role == PUBLISHER ? address(uint160(_publisher)) : super._roleHolder(role);
    }

    /// @dev The stake stays its owner's: with a root of its that is pending, as by the exit, or owed.
    function _storeRole(bytes32 role, address account) internal override {
        if (role != PUBLISHER) return super._storeRole(role, account);
        uint256 word = _publisher;
        address from = address(uint160(word));
        _publisher = uint256(uint40(word >> PAUSED_UNTIL)) << PAUSED_UNTIL | uint160(account);
        if (word < 1 << STAKED) return;
        (Slot storage slot, uint256 pending) = _pending();
        if (pending == 0 || pending & BY_EXIT != 0) {
            _owe(from, _leaves(from));
        } else {
            slot.facts = pending | BY_EXIT;
            _takeExit(from);
        }
    }

    /// @dev The stake by the exit is now `account`'s; that of who had it before, no root of whose is pending, is owed.
    function _takeExit(address account) private {
        address before = _proposer;
        _proposer = account;
        if (before != address(0)) _owe(before, _leaves(before));
    }

    /// @dev The sender's stake by the exit comes in, unless it is in.
    function _stakeByExit() internal {
        if (_proposer == msg.sender) return;
        uint256 ledger = _ledger;
        if (ledger >= LOCK) revert Reentered();
        _ledger = ledger | LOCK;
        _takeExit(msg.sender);
        emit StakeChanged(msg.sender, stakeAmount);
        _pull(msg.sender, stakeAmount);
        _ledger = ledger;
    }

    /// @dev Who proposed what is pending with these facts.
    function _proposerOf(uint256 facts) internal view returns (address) {
        return facts & BY_EXIT != 0 ? _proposer : address(uint160(_publisher));
    }

    /// @dev The stake behind these facts is its owner's no more.
    function _forfeit(uint256 facts) internal {
        address from = _proposerOf(facts);
        if (facts & BY_EXIT != 0) delete _proposer;
        else _publisher ^= 1 << STAKED;
        _leaves(from);
    }

    function _owe(address account, uint256 amount) internal {
        _owed[account] += amount; // no 2^39 times 2^121 will ever come in
    }

    /// @dev A bond that waits until `epoch` is active. Those that wait for an epoch before wait no longer, for
    /// nothing is proposed before that one is active.
    function _oweOnceActive(address account, uint64 epoch) internal {
        uint256 word = _owed[account];
        if (word >> WAITS_FOR != epoch) {
            word = uint160(word) + uint32(word >> WAITING) * bond | uint256(epoch) << WAITS_FOR;
        }
        _owed[account] = word + (1 << WAITING);
    }

    function _send(address to, uint256 amount) internal {
        if (!TOKEN.transferred(to, amount, gasleft())) revert TransferFailed(to, amount);
    }

    /// @dev What arrives of `amount` from `from`; less is refused.
    function _pull(address from, uint256 amount) internal returns (uint256 received) {
        received = TOKEN.pull(from, address(this), amount);
        if (received < amount) revert TokenShortfall(amount, received);
    }

    /// @dev What of it can be taken now, and the word that then stands.
    function _due(uint256 word) private view returns (uint256 amount, uint256 rest) {
        amount = uint160(word);
        rest = word ^ amount;
        if (rest != 0 && activeEpoch() >= word >> WAITS_FOR) {
            amount += uint32(word >> WAITING) * bond;
            rest = 0;
        }
    }

    function _leaves(address proposer) private returns (uint256) {
        emit StakeChanged(proposer, 0);
        return stakeAmount;
    }

    function _isStaked(uint256 word, address account) private pure returns (bool) {
        return address(uint160(word)) == account && word >> STAKED != 0;
    }
}
