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

    function _update(address from, address to, uint256 value) internal override {
        if (listed[to]) revert Listed(to);
        super._update(from, to, value);
    }
}

/// @title Answers nothing, as some old tokens do
contract NoReturnToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
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
contract ReentrantToken is Token {
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

/// @title Misbehaves towards chosen receivers
contract HookToken is Token {
    enum Mood {
        Kind,
        AnswersFalse,
        Reverts,
        BurnsGas,
        ReturnBomb,
        RevertBomb
    }

    mapping(address => Mood) public moods;

    function set(address to, Mood mood) external {
        moods[to] = mood;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        Mood mood = moods[to];
        if (mood == Mood.AnswersFalse) return false;
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.BurnsGas) while (true) {}
        if (mood == Mood.ReturnBomb || mood == Mood.RevertBomb) {
            assembly {
                switch mood
                case 4 { return(0, 30000) }
                default { revert(0, 30000) }
            }
        }
        return super.transfer(to, value);
    }
}
