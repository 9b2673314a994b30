// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    ADMIN,
    CONDITIONAL_TOKENS,
    CTF_ADAPTER,
    FEE_RECEIVER,
    NEG_RISK_CTF_ADAPTER,
    NEG_RISK_EXCHANGE,
    PROXY_FACTORY,
    PUSD,
    SAFE_FACTORY
} from "./Addresses.sol";
import {Binary, ICollateralAdapter, IConditionalTokens, IERC20, PositionHolder} from "./Interfaces.sol";
import {Order, OrderStatus, Side, SignatureType} from "./Order.sol";
import {Signatures} from "./Signatures.sol";

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

/// An exchange for outcomes of binary markets with the interface of the venue's CTF Exchange V2.
///
/// Orders are matched elsewhere; an operator brings matches here, and here the orders' signatures,
/// limits and sizes are checked again and the money moves. One code serves the standard and the
/// neg-risk exchange: which one it is follows from where it stands.
contract Exchange is Brakes, Fees, PositionHolder {
    /// What the exchange holds during one match.
    struct Pot {
        uint256 cash;
        uint256 own; // of the taker's token
        uint256 other; // of the other outcome of its market
        uint256 otherToken;
        uint256 minted;
        uint256 merged;
    }

    struct Part {
        bytes32 hash;
        uint256 giving;
        uint256 taking;
    }

    bytes32 private constant ORDER_TYPE = keccak256(
        "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
    );
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    string private constant NAME = "Polymarket CTF Exchange";
    string private constant VERSION = "2";
    bytes32 public constant parentCollectionId = bytes32(0);

    mapping(bytes32 => OrderStatus) public orderStatus;

    event OrderFilled(
        bytes32 indexed orderHash,
        address indexed maker,
        address indexed taker,
        Side side,
        uint256 tokenId,
        uint256 makerAmountFilled,
        uint256 takerAmountFilled,
        uint256 fee,
        bytes32 builder,
        bytes32 metadata
    );
    event OrdersMatched(
        bytes32 indexed takerOrderHash,
        address indexed takerOrderMaker,
        Side side,
        uint256 tokenId,
        uint256 makerAmountFilled,
        uint256 takerAmountFilled
    );

    error InvalidSignature();
    error MakingGtRemaining();
    error MismatchedArrayLengths();
    error MismatchedTokenIds();
    error NoMakerOrders();
    error NotCrossing();
    error OrderAlreadyFilled();
    error TooLittleTokensReceived();
    error ZeroMakerAmount();

    // --- reading ------------------------------------------------------------------------------------

    function hashOrder(Order memory order) public view returns (bytes32) {
        bytes32 contents = keccak256(
            bytes.concat(
                abi.encode(
                    ORDER_TYPE, order.salt, order.maker, order.signer, order.tokenId, order.makerAmount, order.takerAmount
                ),
                abi.encode(order.side, order.signatureType, order.timestamp, order.metadata, order.builder)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", _domain(), contents));
    }

    function validateOrder(Order memory order) external view {
        bytes32 hash = hashOrder(order);
        if (orderStatus[hash].filled) revert OrderAlreadyFilled();
        _check(hash, order);
    }

    function validateOrderSignature(bytes32 orderHash, Order memory order) public view {
        if (!Signatures.isValid(order, orderHash)) revert InvalidSignature();
    }

    function getOrderStatus(bytes32 orderHash) external view returns (OrderStatus memory) {
        return orderStatus[orderHash];
    }

    function getCollateral() external pure returns (address) {
        return PUSD;
    }

    function getCtf() external pure returns (address) {
        return CONDITIONAL_TOKENS;
    }

    function getOutcomeTokenFactory() public view returns (address) {
        return address(this) == NEG_RISK_EXCHANGE ? NEG_RISK_CTF_ADAPTER : CTF_ADAPTER;
    }

    function getProxyFactory() external pure returns (address) {
        return PROXY_FACTORY;
    }

    function getSafeFactory() external pure returns (address) {
        return SAFE_FACTORY;
    }

    function getPolyProxyWalletAddress(address _addr) external pure returns (address) {
        return Signatures.proxyWalletOf(_addr);
    }

    function getSafeAddress(address _addr) external pure returns (address) {
        return Signatures.safeWalletOf(_addr);
    }

    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", NAME, VERSION, block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    // --- matching -----------------------------------------------------------------------------------

    /// Fills one order against others. Fills are in what each order gives; a buyer's fee comes on top
    /// of it, a seller's off the proceeds. What the makers leave on the table is the taker's.
    function matchOrders(
        bytes32 conditionId,
        Order memory takerOrder,
        Order[] memory makerOrders,
        uint256 takerFillAmount,
        uint256[] memory makerFillAmounts,
        uint256 takerFeeAmount,
        uint256[] memory makerFeeAmounts
    ) external onlyOperator notPaused {
        if (makerOrders.length == 0) revert NoMakerOrders();
        if (makerFillAmounts.length != makerOrders.length || makerFeeAmounts.length != makerOrders.length) {
            revert MismatchedArrayLengths();
        }
        Pot memory pot;
        Part memory taker = _begin(takerOrder, takerFillAmount);
        _collect(takerOrder, takerFillAmount);
        if (takerOrder.side == Side.BUY) pot.cash = takerFillAmount;
        else pot.own = takerFillAmount;

        Part[] memory parts = new Part[](makerOrders.length);
        for (uint256 i; i < makerOrders.length; ++i) {
            parts[i] = _join(pot, takerOrder, makerOrders[i], makerFillAmounts[i]);
        }
        _convert(pot, conditionId);
        for (uint256 i; i < makerOrders.length; ++i) {
            _settleMaker(pot, takerOrder, makerOrders[i], parts[i], makerFeeAmounts[i]);
        }
        _settleTaker(pot, takerOrder, taker, takerFeeAmount);
    }

    /// Checks an order, counts the fill against what is left of it, and returns what it is due.
    function _begin(Order memory order, uint256 giving) private returns (Part memory part) {
        if (order.makerAmount == 0 || giving == 0) revert ZeroMakerAmount();
        bytes32 hash = hashOrder(order);
        OrderStatus memory status = orderStatus[hash];
        if (status.filled) revert OrderAlreadyFilled();
        _check(hash, order);
        uint256 left = status.remaining == 0 ? order.makerAmount : status.remaining;
        if (giving > left) revert MakingGtRemaining();
        unchecked {
            left -= giving;
        }
        orderStatus[hash] = OrderStatus(left == 0, uint248(left));
        return Part(hash, giving, giving * order.takerAmount / order.makerAmount);
    }

    function _check(bytes32 hash, Order memory order) private view {
        validateOrderSignature(hash, order);
        if (isUserPaused(order.maker)) revert UserIsPaused();
    }

    /// Takes a maker's part into the pot and notes what has to be made or unmade for it.
    function _join(Pot memory pot, Order memory taker, Order memory maker, uint256 giving)
        private
        returns (Part memory part)
    {
        _checkPair(pot, taker, maker);
        part = _begin(maker, giving);
        _collect(maker, giving);
        if (maker.side == Side.BUY) {
            pot.cash += giving;
            if (taker.side == Side.BUY) pot.minted += part.taking;
        } else if (taker.side == Side.BUY) {
            pot.own += giving;
        } else {
            pot.other += giving;
            pot.merged += giving;
        }
    }

    function _checkPair(Pot memory pot, Order memory taker, Order memory maker) private pure {
        uint256 takerGives = taker.makerAmount;
        uint256 takerGets = taker.takerAmount;
        uint256 makerGives = maker.makerAmount;
        uint256 makerGets = maker.takerAmount;
        bool crossing;
        if (taker.side != maker.side) {
            if (taker.tokenId != maker.tokenId) revert MismatchedTokenIds();
            crossing = takerGives * makerGives >= takerGets * makerGets;
        } else {
            if (taker.tokenId == maker.tokenId) revert MismatchedTokenIds();
            if (pot.otherToken == 0) pot.otherToken = maker.tokenId;
            if (pot.otherToken != maker.tokenId) revert MismatchedTokenIds();
            crossing = taker.side == Side.BUY
                ? takerGives * makerGets + makerGives * takerGets >= takerGets * makerGets
                : takerGets * makerGives + makerGets * takerGives <= takerGives * makerGives;
        }
        if (!crossing) revert NotCrossing();
    }

    /// Makes pairs out of two buyers' cash, or cash out of two sellers' pairs.
    function _convert(Pot memory pot, bytes32 conditionId) private {
        uint256 minted = pot.minted;
        uint256 merged = pot.merged;
        ICollateralAdapter factory = ICollateralAdapter(getOutcomeTokenFactory());
        if (minted > 0) {
            if (pot.cash < minted) revert NotCrossing();
            _allowCash(address(factory), minted);
            factory.splitPosition(PUSD, bytes32(0), conditionId, Binary.partition(), minted);
            (pot.cash, pot.own, pot.other) = (pot.cash - minted, pot.own + minted, pot.other + minted);
        }
        if (merged > 0) {
            if (pot.own < merged) revert NotCrossing();
            _allowPositions(address(factory));
            factory.mergePositions(PUSD, bytes32(0), conditionId, Binary.partition(), merged);
            (pot.cash, pot.own, pot.other) = (pot.cash + merged, pot.own - merged, pot.other - merged);
        }
    }

    function _settleMaker(Pot memory pot, Order memory taker, Order memory maker, Part memory part, uint256 fee)
        private
    {
        if (maker.side == Side.SELL) {
            if (pot.cash < part.taking) revert TooLittleTokensReceived();
            pot.cash -= part.taking;
        } else if (taker.side == Side.SELL) {
            if (pot.own < part.taking) revert TooLittleTokensReceived();
            pot.own -= part.taking;
        } else {
            pot.other -= part.taking;
        }
        _payOut(maker, part, fee);
        _tell(maker, part, taker.maker, fee);
    }

    function _settleTaker(Pot memory pot, Order memory taker, Part memory part, uint256 fee) private {
        bool buys = taker.side == Side.BUY;
        (uint256 gets, uint256 back) = buys ? (pot.own, pot.cash) : (pot.cash, pot.own);
        if (gets < part.taking) revert TooLittleTokensReceived();
        part.taking = gets;
        part.giving -= back;
        _payOut(taker, part, fee);
        if (back > 0) _send(buys ? 0 : taker.tokenId, taker.maker, back);
        _tell(taker, part, address(this), fee);
        emit OrdersMatched(part.hash, taker.maker, taker.side, taker.tokenId, part.giving, part.taking);
    }

    function _payOut(Order memory order, Part memory part, uint256 fee) private {
        bool buys = order.side == Side.BUY;
        validateFee(fee, buys ? part.giving : part.taking);
        if (!buys && fee > part.taking) revert FeeExceedsProceeds();
        _send(buys ? order.tokenId : 0, order.maker, buys ? part.taking : part.taking - fee);
        if (fee == 0) return;
        address receiver = getFeeReceiver();
        if (buys) IERC20(PUSD).transferFrom(order.maker, receiver, fee);
        else _send(0, receiver, fee);
        emit FeeCharged(receiver, fee);
    }

    function _tell(Order memory order, Part memory part, address counterparty, uint256 fee) private {
        emit OrderFilled(
            part.hash,
            order.maker,
            counterparty,
            order.side,
            order.tokenId,
            part.giving,
            part.taking,
            fee,
            order.builder,
            order.metadata
        );
    }

    // --- hands --------------------------------------------------------------------------------------

    function _collect(Order memory order, uint256 giving) private {
        if (order.side == Side.BUY) {
            IERC20(PUSD).transferFrom(order.maker, address(this), giving);
        } else {
            IConditionalTokens(CONDITIONAL_TOKENS).safeTransferFrom(
                order.maker, address(this), order.tokenId, giving, ""
            );
        }
    }

    /// Token 0 is cash.
    function _send(uint256 token, address to, uint256 amount) private {
        if (amount == 0) return;
        if (token == 0) IERC20(PUSD).transfer(to, amount);
        else IConditionalTokens(CONDITIONAL_TOKENS).safeTransferFrom(address(this), to, token, amount, "");
    }

    function _allowCash(address spender, uint256 amount) private {
        if (IERC20(PUSD).allowance(address(this), spender) < amount) {
            IERC20(PUSD).approve(spender, type(uint256).max);
        }
    }

    function _allowPositions(address operator) private {
        IConditionalTokens tokens = IConditionalTokens(CONDITIONAL_TOKENS);
        if (!tokens.isApprovedForAll(address(this), operator)) tokens.setApprovalForAll(operator, true);
    }

    function _domain() private view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256(bytes(NAME)), keccak256(bytes(VERSION)), block.chainid, address(this))
        );
    }
}
