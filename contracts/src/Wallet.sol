// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RELAYER} from "./Addresses.sol";
import {PositionHolder} from "./Interfaces.sol";
import {Signatures} from "./Signatures.sol";

struct Call {
    address target;
    uint256 value;
    bytes data;
}

/// The wallet behind every proxy, safe and deposit wallet of the local chain.
///
/// It is reached through a minimal proxy (ERC-1167) after whose 45 bytes the owner's address follows.
/// The relayer carries out what the owner signed off the chain; anybody may bring a batch that the
/// owner signed for the chain itself.
contract Wallet is PositionHolder {
    bytes4 private constant MAGIC = 0x1626ba7e;
    bytes4 private constant NO = 0xffffffff;
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant CALL_TYPE = keccak256("Call(address target,uint256 value,bytes data)");
    bytes32 private constant BATCH_TYPE = keccak256(
        "Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,uint256 value,bytes data)"
    );
    bytes32 private constant NAME = keccak256("DepositWallet");
    bytes32 private constant VERSION = keccak256("1");

    /// Of the next signed batch.
    uint256 public nonce;

    error BatchExpired();
    error CallFailed(uint256 index);
    error InvalidNonce();
    error InvalidSignature();
    error NotRelayer();

    receive() external payable {}

    function owner() public view returns (address found) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0x0c, 45, 20)
            found := shr(96, mload(0x0c))
        }
    }

    /// Carries out calls, all or none; the relayer saw the owner's signature.
    function execute(Call[] calldata calls) external {
        if (msg.sender != RELAYER) revert NotRelayer();
        _make(calls);
    }

    /// Carries out calls that the owner signed as a batch of a deposit wallet, all or none.
    function executeBatch(uint256 nonce_, uint256 deadline, Call[] calldata calls, bytes calldata signature)
        external
    {
        if (nonce_ != nonce) revert InvalidNonce();
        if (block.timestamp > deadline) revert BatchExpired();
        bytes32[] memory hashes = new bytes32[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            hashes[i] = keccak256(abi.encode(CALL_TYPE, calls[i].target, calls[i].value, keccak256(calls[i].data)));
        }
        bytes32 contents = keccak256(
            abi.encode(BATCH_TYPE, address(this), nonce_, deadline, keccak256(abi.encodePacked(hashes)))
        );
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, contents));
        if (!Signatures.isSignedBy(owner(), digest, signature)) revert InvalidSignature();
        ++nonce;
        _make(calls);
    }

    /// ERC-1271 in the nested form of ERC-7739: what the owner signed names this wallet, so the same
    /// signature means nothing for another wallet of the same owner. The signature is the owner's 65
    /// bytes, the domain separator of the application, the hash of the contents, the contents' type
    /// and its length (two bytes).
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length < 65 + 64 + 2) return NO;
        uint256 length = uint16(bytes2(signature[signature.length - 2:]));
        if (signature.length != 65 + 64 + length + 2) return NO;
        bytes32 separator = bytes32(signature[65:97]);
        bytes32 contents = bytes32(signature[97:129]);
        if (keccak256(abi.encodePacked(hex"1901", separator, contents)) != hash) return NO;
        bytes32 kind = _nestedType(signature[129:129 + length]);
        bytes32 nested =
            keccak256(abi.encode(kind, contents, NAME, VERSION, block.chainid, address(this), bytes32(0)));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, nested));
        return Signatures.isSignedBy(owner(), digest, signature[:65]) ? MAGIC : NO;
    }

    function _nestedType(bytes calldata contentsType) private pure returns (bytes32) {
        uint256 end;
        while (end < contentsType.length && contentsType[end] != "(") ++end;
        return keccak256(
            abi.encodePacked(
                "TypedDataSign(",
                contentsType[:end],
                " contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)",
                contentsType
            )
        );
    }

    function _make(Call[] calldata calls) private {
        for (uint256 i; i < calls.length; ++i) {
            (bool worked, bytes memory answer) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            if (worked) continue;
            if (answer.length == 0) revert CallFailed(i);
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
