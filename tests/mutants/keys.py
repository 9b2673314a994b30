"""Faults in keeping secrets, in showing them, and in the examination of machine and accounts."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_STORE: Final = ("operations/test_keystore.py",)
_MEMORY: Final = ("operations/test_memory.py",)
_REFERENCE: Final = ("operations/test_secret.py", "operations/test_config_loading.py")
_SIGN: Final = ("venues/polymarket/test_sign.py",)
_JUDGED: Final = ("app/test_doctor_judgements.py",)

FAULTS: Final = (
    # --- the key store -------------------------------------------------------------------------
    Fault(
        "the key store's file is readable by everybody",
        "operations/key_file.py",
        "            file.write(text)\n",
        "            file.write(text)\n            os.fchmod(file.fileno(), 0o644)\n",
        _STORE,
    ),
    Fault(
        "a key store that the group may read is opened",
        "operations/key_file.py",
        "if mode & (stat.S_IRWXG | stat.S_IRWXO):",
        "if mode & stat.S_IRWXO:",
        _STORE,
    ),
    Fault(
        "the seal does not cover the file's head",
        "operations/key_file.py",
        "return msgspec.json.encode([sealed.format, sealed.kdf, base64.b64encode(sealed.nonce)])",
        'return b""',
        _STORE,
    ),
    Fault(
        "every version of the key store is sealed with the same nonce",
        "operations/keystore.py",
        "nonce = secrets.token_bytes(_NONCE_BYTES)",
        "nonce = self._nonce or secrets.token_bytes(_NONCE_BYTES)",
        _STORE,
    ),
    Fault(
        "a new password keeps the old salt",
        "operations/keystore.py",
        "msgspec.structs.replace(self._kdf, salt=secrets.token_bytes(_SALT_BYTES))",
        "self._kdf",
        _STORE,
    ),
    Fault(
        "what another process wrote is overwritten",
        "operations/keystore.py",
        "if read_sealed(self.path).nonce != self._nonce:",
        "if False:",
        _STORE,
    ),
    Fault(
        "a password of one letter is taken",
        "operations/key_file.py",
        "if not opening and len(bare) < SHORTEST_PASSWORD:",
        "if not opening and not len(bare):",
        _STORE,
    ),
    Fault(
        "a removed key stays in memory",
        "operations/keystore.py",
        "self.secret(name).wipe()\n",
        "self.secret(name)\n",
        _STORE,
    ),
    Fault(
        "the usual cost of a guess is next to nothing",
        "operations/key_file.py",
        "le=4 << 20)] = 64 * 1024",
        "le=4 << 20)] = 8 * 1024",
        _STORE,
    ),
    Fault(
        "two different new passwords are accepted",
        "cli/passwords.py",
        "if twice and first !=",
        "if twice and not first and first !=",
        ("cli/test_passwords.py",),
    ),
    # --- memory, prints and errors -------------------------------------------------------------
    Fault(
        "a wiped secret stays in memory",
        "operations/memory.py",
        "page[:] = bytes(len(page))",
        "page.flush()",
        _MEMORY,
    ),
    Fault(
        "printing a secret shows it",
        "operations/memory.py",
        'return f"<secret {self.name}>"',
        "return f\"<secret {self.name} {bytes(self._page or b'')!r}>\"",
        _MEMORY,
    ),
    Fault(
        "a secret may be pickled",
        "operations/memory.py",
        'raise TypeError("a secret is not pickled")',
        "return (bytes, (bytes(self._page or b''),))  # type: ignore[misc]",
        _MEMORY,
    ),
    Fault(
        "what is no reference is repeated, though it may be the secret",
        "operations/secret.py",
        'f"expected a reference to a secret ({FORMS}); what',
        'f"{text} is no reference to a secret ({FORMS}); what',
        _REFERENCE,
    ),
    Fault(
        "a password in a URL is not noticed",
        "operations/secret.py",
        "return _IN_URL.search(text) is not None",
        "return False",
        _REFERENCE,
    ),
    Fault(
        "printing credentials shows the API key",
        "venues/polymarket/sign.py",
        'return f"{type(self).__name__}({self._names})"',
        'return f"{type(self).__name__}({self._api_key})"',
        _SIGN,
    ),
    Fault(
        "wiped credentials keep their passphrase",
        "venues/polymarket/sign.py",
        'self._api_key = self._passphrase = ""',
        'self._api_key = ""',
        _SIGN,
    ),
    Fault(
        "a key that was wiped still signs",
        "venues/ethereum.py",
        "ffi.memmove(self._memory, bytes(WORD), WORD)",
        "pass",
        ("venues/test_ethereum.py",),
    ),
    Fault(
        "an order that is printed shows its body with our API key",
        "venues/polymarket/orders.py",
        'return f"Outgoing({self.order_id})"',
        'return f"Outgoing({self.order_id}, {self.body!r})"',
        ("venues/polymarket/test_orders.py",),
    ),
    Fault(
        "new API credentials are printed",
        "venues/polymarket/key_answers.py",
        'return "ApiCredentials(…)"',
        'return f"ApiCredentials({self.key})"',
        ("venues/polymarket/test_rest.py",),
    ),
    Fault(
        "a venue's words are shown with the secrets they repeat",
        "venues/words.py",
        'line = pattern.sub("…", line)',
        "line = str(line)",
        ("venues/polymarket/test_refusals.py",),
    ),
    # --- the examination -----------------------------------------------------------------------
    Fault(
        "a clock that is ahead is called behind",
        "app/doctor/clocks.py",
        'side = "behind" if skew.offset_ns > 0 else "ahead of"',
        'side = "behind" if skew.offset_ns < 0 else "ahead of"',
        _JUDGED,
    ),
    Fault(
        "the offset to another clock has the wrong sign",
        "app/doctor/clocks.py",
        "Skew(there - here,",
        "Skew(here - there,",
        _JUDGED,
    ),
    Fault(
        "a skew too large for live trading is a warning",
        "app/doctor/clocks.py",
        "if size > clock.refuse_ms * NANOS_PER_MS:",
        "if False:",
        _JUDGED,
    ),
    Fault(
        "a time server's offset has the wrong sign",
        "operations/ntp.py",
        "((there_ns - sent_ns) + (back_ns - received_ns)) // 2",
        "((sent_ns - there_ns) + (received_ns - back_ns)) // 2",
        ("operations/test_ntp.py",),
    ),
    Fault(
        "an answer to somebody else's question sets the clock",
        "operations/ntp.py",
        "if origin != nonce or",
        "if",
        ("operations/test_ntp.py",),
    ),
    Fault(
        "an examination that needs correcting asks to try again later",
        "app/doctor/findings.py",
        "for code in (SET_UP_CODE, LATER_CODE, WARNING_CODE)",
        "for code in (LATER_CODE, SET_UP_CODE, WARNING_CODE)",
        _JUDGED,
    ),
    Fault(
        "a key that everybody has is a wallet like any other",
        "app/doctor/polymarket_account.py",
        "if not everybody_has_key_of(wallet.owner):",
        "if True:",
        _JUDGED,
    ),
    Fault(
        "missing permissions of the exchanges do not hinder live trading",
        "app/doctor/polymarket_account.py",
        "if any(approval.spender in exchanges for approval in missing):",
        "if False:",
        _JUDGED,
    ),
)
