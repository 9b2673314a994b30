// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ADMIN, FEE_RECEIVER} from "./Addresses.sol";

/// Who may do what; nothing is set at construction, so the code can be placed anywhere.
abstract contract Roles {
    mapping(address => uint256) public admins;
    mapping(address => uint256) public operators;

    event NewAdmin(address indexed newAdminAddress, address indexed admin);
    event NewOperator(address indexed newOperatorAddress, address indexed admin);
    event RemovedAdmin(address indexed removedAdmin, address indexed admin);
    event RemovedOperator(address indexed removedOperator, address indexed admin);

    error NotAdmin();
    error NotOperator();

    modifier onlyAdmin() {
        if (!isAdmin(msg.sender)) revert NotAdmin();
        _;
    }

    modifier onlyOperator() {
        if (operators[msg.sender] != 1) revert NotOperator();
        _;
    }

    function isAdmin(address usr) public view returns (bool) {
        return usr == ADMIN || admins[usr] == 1;
    }

    function isOperator(address usr) external view returns (bool) {
        return operators[usr] == 1;
    }

    function addAdmin(address admin_) external onlyAdmin {
        admins[admin_] = 1;
        emit NewAdmin(admin_, msg.sender);
    }

    function removeAdmin(address admin) external onlyAdmin {
        admins[admin] = 0;
        emit RemovedAdmin(admin, msg.sender);
    }

    function addOperator(address operator_) external onlyAdmin {
        operators[operator_] = 1;
        emit NewOperator(operator_, msg.sender);
    }

    function removeOperator(address operator) external onlyAdmin {
        operators[operator] = 0;
        emit RemovedOperator(operator, msg.sender);
    }

    function renounceAdminRole() external onlyAdmin {
        admins[msg.sender] = 0;
        emit RemovedAdmin(msg.sender, msg.sender);
    }

    function renounceOperatorRole() external onlyOperator {
        operators[msg.sender] = 0;
        emit RemovedOperator(msg.sender, msg.sender);
    }
}

/// The emergency brakes: everybody's, and each user's own.
abstract contract Brakes is Roles {
    uint256 private constant LONGEST_INTERVAL = 302_400;

    bool public paused;
    uint256 public userPauseBlockInterval;
    mapping(address => uint256) public userPausedBlockAt;

    event TradingPaused(address indexed pauser);
    event TradingUnpaused(address indexed pauser);
    event UserPaused(address indexed user, uint256 effectivePauseBlock);
    event UserUnpaused(address indexed user);
    event UserPauseBlockIntervalUpdated(uint256 oldInterval, uint256 newInterval);

    error ExceedsMaxPauseInterval();
    error Paused();
    error UserAlreadyPaused();
    error UserIsPaused();

    modifier notPaused() {
        if (paused) revert Paused();
        _;
    }

    function pauseTrading() external onlyAdmin {
        paused = true;
        emit TradingPaused(msg.sender);
    }

    function unpauseTrading() external onlyAdmin {
        paused = false;
        emit TradingUnpaused(msg.sender);
    }

    function setUserPauseBlockInterval(uint256 interval) external onlyAdmin {
        if (interval > LONGEST_INTERVAL) revert ExceedsMaxPauseInterval();
        emit UserPauseBlockIntervalUpdated(userPauseBlockInterval, interval);
        userPauseBlockInterval = interval;
    }

    function pauseUser() external {
        if (userPausedBlockAt[msg.sender] != 0) revert UserAlreadyPaused();
        uint256 first = block.number + userPauseBlockInterval;
        userPausedBlockAt[msg.sender] = first;
        emit UserPaused(msg.sender, first);
    }

    function unpauseUser() external {
        userPausedBlockAt[msg.sender] = 0;
        emit UserUnpaused(msg.sender);
    }

    function isUserPaused(address user) public view returns (bool) {
        uint256 first = userPausedBlockAt[user];
        return first != 0 && block.number >= first;
    }
}

/// What the venue keeps of a match.
abstract contract Fees is Roles {
    uint256 private constant WHOLE = 10_000;

    address private feeReceiver;
    uint256 private maxFeeRate;

    event FeeCharged(address indexed receiver, uint256 amount);
    event FeeReceiverUpdated(address indexed feeReceiver);
    event MaxFeeRateUpdated(uint256 maxFeeRate);

    error FeeExceedsMaxRate();
    error FeeExceedsProceeds();
    error MaxFeeRateExceedsCeiling();

    function getFeeReceiver() public view returns (address) {
        return feeReceiver == address(0) ? FEE_RECEIVER : feeReceiver;
    }

    /// In basis points; 0: no limit.
    function getMaxFeeRate() external view returns (uint256) {
        return maxFeeRate;
    }

    function setFeeReceiver(address receiver) external onlyAdmin {
        feeReceiver = receiver;
        emit FeeReceiverUpdated(receiver);
    }

    function setMaxFeeRate(uint256 rate) external onlyAdmin {
        if (rate >= WHOLE) revert MaxFeeRateExceedsCeiling();
        maxFeeRate = rate;
        emit MaxFeeRateUpdated(rate);
    }

    function validateFee(uint256 fee, uint256 cashValue) public view {
        if (fee != 0 && maxFeeRate != 0 && fee > cashValue * maxFeeRate / WHOLE) revert FeeExceedsMaxRate();
    }
}
