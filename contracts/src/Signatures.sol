// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PROXY_FACTORY, PROXY_INIT_HASH, SAFE_FACTORY, SAFE_INIT_HASH} from "./Addresses.sol";
import {Order, SignatureType} from "./Order.sol";

interface IERC1271 {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);
}

library Signatures {
    /// The upper half of s is refused: a signature has one form.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    function isSignedBy(address signer, bytes32 hash, bytes memory signature) internal pure returns (bool) {
        if (signature.length != 65 || signer == address(0)) return false;
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
        return uint256(s) <= HALF_ORDER && ecrecover(hash, v, r, s) == signer;
    }

    function isValid(Order memory order, bytes32 hash) internal view returns (bool) {
        if (order.signatureType == SignatureType.POLY_1271) return _walletAgrees(order, hash);
        if (!isSignedBy(order.signer, hash, order.signature)) return false;
        if (order.signatureType == SignatureType.EOA) return order.maker == order.signer;
        if (order.signatureType == SignatureType.POLY_PROXY) return order.maker == proxyWalletOf(order.signer);
        return order.maker == safeWalletOf(order.signer);
    }

    function proxyWalletOf(address owner) internal pure returns (address) {
        return _create2(PROXY_FACTORY, keccak256(abi.encodePacked(owner)), PROXY_INIT_HASH);
    }

    function safeWalletOf(address owner) internal pure returns (address) {
        return _create2(SAFE_FACTORY, keccak256(abi.encode(owner)), SAFE_INIT_HASH);
    }

    function _walletAgrees(Order memory order, bytes32 hash) private view returns (bool) {
        if (order.signer != order.maker || order.maker.code.length == 0) return false;
        try IERC1271(order.maker).isValidSignature(hash, order.signature) returns (bytes4 answer) {
            return answer == IERC1271.isValidSignature.selector;
        } catch {
            return false;
        }
    }

    function _create2(address factory, bytes32 salt, bytes32 initHash) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", factory, salt, initHash)))));
    }
}
