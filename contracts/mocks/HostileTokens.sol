// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title Keeps 1 % of what it moves
contract FeeToken is Token {
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, address(0xfee), value / 100);
        super._update(from, to, value - value / 100);
    }
}

/// @title Refuses listed receivers
contract BlacklistToken is Token {
    mapping(address => bool) public listed;

    error Listed(address account);

    function list(address account, bool on) external {
        listed[account] = on;
    }

    function _update(address from, address to, uint256 value) internal virtual override {
        if (listed[to]) revert Listed(to);
        super._update(from, to, value);
    }
}

/// @title Answers a transfer with nothing, as some old tokens do
contract NoReturnToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title Calls back while it moves, as ERC-777 does
contract ReentrantToken is BlacklistToken {
    address public target;
    bytes public data;
    bool public entered;
    bytes public answer;

    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0) || from == address(0)) return;
        address once = target;
        target = address(0);
        (entered, answer) = once.call(data);
    }
}

/// @title Misbehaves towards chosen receivers, and in the permits of chosen owners
contract HookToken is Token {
    enum Mood {
        Kind,
        AnswersFalse,
        Reverts,
        BurnsGas,
        ReturnBomb,
        RevertBomb,
        LongTrue
    }

    mapping(address => Mood) public moods;

    function set(address account, Mood mood) external {
        moods[account] = mood;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (moods[to] == Mood.AnswersFalse) return false;
        _misbehave(moods[to]);
        super.transfer(to, value);
        return _answer(moods[to]);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (moods[to] == Mood.AnswersFalse) return false;
        _misbehave(moods[to]);
        super.transferFrom(from, to, value);
        return _answer(moods[to]);
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        public
        override
    {
        _misbehave(moods[owner]);
        super.permit(owner, spender, value, deadline, v, r, s);
    }

    function _misbehave(Mood mood) private pure {
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.BurnsGas) while (true) {}
        if (mood == Mood.ReturnBomb || mood == Mood.RevertBomb) {
            assembly {
                switch mood
                case 4 { return(0, 30000) }
                default { revert(0, 30000) }
            }
        }
    }

    /// @dev True, or true and much more.
    function _answer(Mood mood) private pure returns (bool) {
        if (mood == Mood.LongTrue) {
            assembly {
                mstore(0, 1)
                return(0, 30000)
            }
        }
        return true;
    }
}
