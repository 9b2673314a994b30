// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    CONDITIONAL_TOKENS,
    CTF_ADAPTER,
    NEG_RISK_CTF_ADAPTER,
    NEG_RISK_EXCHANGE,
    PROXY_FACTORY,
    PUSD,
    SAFE_FACTORY
} from "./Addresses.sol";
import {Hands} from "./Hands.sol";
import {Hashing} from "./Hashing.sol";
import {Binary, ICollateralAdapter, IERC20} from "./Interfaces.sol";
import {Order, OrderStatus, Side} from "./Order.sol";
import {Brakes, Fees} from "./Roles.sol";
import {Signatures} from "./Signatures.sol";

/// An exchange for outcomes of binary markets with the interface of the venue's CTF Exchange V2.
///
/// Orders are matched elsewhere; an operator brings matches here, and here the orders' signatures,
/// limits and sizes are checked again and the money moves. One code serves the standard and the
/// neg-risk exchange: which one it is follows from where it stands.
contract Exchange is Brakes, Fees, Hashing, Hands {
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
}
