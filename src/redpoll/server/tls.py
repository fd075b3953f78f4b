"""TLS: one context out of the directives `tls-*`, made anew when they or the files change.

The standard library's `ssl` makes contexts and shakes hands; `openssl.pyx` sets what it has no way to. The loop reads
and writes by `encrypted.pyx` where it would call `recv` and `send` (`Loop.receive`, `Loop.flush`).
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from redpoll.server.openssl import available, forget_sessions, set_ciphersuites, set_session_cache

if TYPE_CHECKING:
    # Takes long to import, for servers and stores that have no use for it.
    import ssl

# Versions by their words, and how `ssl` spells them.
_VERSIONS = {"tlsv1": "TLSv1", "tlsv1.1": "TLSv1_1", "tlsv1.2": "TLSv1_2", "tlsv1.3": "TLSv1_3"}
DIRECTIVES = (
    "tls-cert-file",
    "tls-key-file",
    "tls-key-file-pass",
    "tls-dh-params-file",
    "tls-ca-cert-file",
    "tls-ca-cert-dir",
    "tls-auth-clients",
    "tls-protocols",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-prefer-server-ciphers",
    "tls-session-caching",
    "tls-session-cache-size",
    "tls-session-cache-timeout",
)
_FILES = ("tls_cert_file", "tls_key_file", "tls_dh_params_file", "tls_ca_cert_file", "tls_ca_cert_dir")


class TlsError(Exception):
    """TLS cannot be set up; the text says which directive or file, and why."""


def make_context(config: Any) -> ssl.SSLContext:
    """What new connections are wrapped by. Raises `TlsError`."""
    if not config.tls_cert_file:
        raise TlsError("No tls-cert-file configured: TLS needs a certificate")
    if not config.tls_key_file:
        raise TlsError("No tls-key-file configured: TLS needs the certificate's private key")
    verifies = config.tls_auth_clients != "no"
    if verifies and not (config.tls_ca_cert_file or config.tls_ca_cert_dir):
        raise TlsError(
            "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or "
            "tls-auth-clients are enabled!"
        )
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _use_versions(context, config.tls_protocols)
    # A password that is asked for at the terminal would stop the loop, so one is always handed in.
    _load(
        "tls-cert-file",
        f"{config.tls_cert_file} with the key {config.tls_key_file}",
        lambda: context.load_cert_chain(
            config.tls_cert_file, config.tls_key_file, password=lambda: config.tls_key_file_pass
        ),
    )
    if config.tls_ca_cert_file or config.tls_ca_cert_dir:
        _load(
            "tls-ca-cert-file",
            config.tls_ca_cert_file or config.tls_ca_cert_dir,
            lambda: context.load_verify_locations(config.tls_ca_cert_file or None, config.tls_ca_cert_dir or None),
        )
    if config.tls_dh_params_file:
        _load(
            "tls-dh-params-file", config.tls_dh_params_file, lambda: context.load_dh_params(config.tls_dh_params_file)
        )
    if config.tls_ciphers:
        _load("tls-ciphers", config.tls_ciphers, lambda: context.set_ciphers(config.tls_ciphers))
    context.verify_mode = {"no": ssl.CERT_NONE, "yes": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL}[
        config.tls_auth_clients
    ]
    if config.tls_prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if config.tls_ciphersuites:
        _load(
            "tls-ciphersuites",
            config.tls_ciphersuites,
            lambda: set_ciphersuites(context, config.tls_ciphersuites),
        )
    if config.tls_session_caching:
        with contextlib.suppress(NotImplementedError):
            set_session_cache(context, config.tls_session_cache_size, config.tls_session_cache_timeout)
    else:
        # No session is told to a client, neither in a ticket nor by an ID.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        forget_sessions(context)
    return context


def _load(directive: str, what: str, act: Any) -> None:
    try:
        act()
    except (OSError, ValueError, NotImplementedError) as error:
        # ssl.SSLError is an OSError; its own text names a place in OpenSSL, which helps nobody.
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise TlsError(f"Failed to load {directive} {what}: {reason}") from error


def _use_versions(context: ssl.SSLContext, text: str) -> None:
    """Of words like `TLSv1.2 TLSv1.3`; without any, 1.2 and 1.3."""
    import ssl

    words = [word.lower() for word in text.split()]
    for word in words:
        if word not in _VERSIONS:
            raise TlsError(f"Invalid tls-protocols specified: {word!r} is none of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3")
    chosen = words or ["tlsv1.2", "tlsv1.3"]
    versions = [ssl.TLSVersion[_VERSIONS[word]] for word in chosen]
    context.minimum_version, context.maximum_version = min(versions), max(versions)
    for word, name in _VERSIONS.items():
        if word not in chosen:
            context.options |= ssl.Options[f"OP_NO_{name}"]


class Tls:
    """The context in use, what it was made of, and when its files are looked at again."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._context: ssl.SSLContext | None = None
        self._seen: list[tuple[int, int, int]] = []
        self._next_look = 0.0
        self.loaded: dict[str, Certificate | None] = {}
        self.refused = 0  # clients whose certificate names no user

    @property
    def context(self) -> ssl.SSLContext:
        """For a new connection; made when it is asked for first. Raises `TlsError`."""
        if self._context is None:
            self.load()
        assert self._context is not None
        return self._context

    def load(self) -> None:
        """Make a context of the directives as they are now; the one before stays in use if that fails."""
        self._context = make_context(self._config)
        self._seen = self._stamps()
        self.loaded = {
            "server": first_certificate(self._config.tls_cert_file),
            "client": first_certificate(self._config.tls_client_cert_file),
            "ca": first_certificate(self._config.tls_ca_cert_file),
        }

    def reload_if_changed(self, now: float) -> bool:
        """Look at the files, at most once a second, and load what changed. Raises `TlsError`."""
        interval = self._config.tls_auto_reload_interval or 1
        if self._context is None or now < self._next_look:
            return False
        self._next_look = now + interval
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        # Seen once is enough: a file that cannot be read is told of once, not every second.
        self._seen = stamps
        self.load()
        return True

    def not_in_force(self) -> list[str]:
        """Which directives that differ from what they are by default do nothing with this Python."""
        config = self._config
        if not config.tls_port or available():
            return []
        # Without caching it is sessions of TLS 1.2 that are remembered nevertheless.
        usual = {"tls-session-caching": True, "tls-session-cache-size": 20480, "tls-session-cache-timeout": 300}
        return [name for name, value in usual.items() if getattr(config, name.replace("-", "_")) != value]

    def _stamps(self) -> list[tuple[int, int, int]]:
        """Of each file: its inode, size and time of change."""
        found = []
        for name in _FILES:
            path = getattr(self._config, name)
            try:
                state = os.stat(path) if path else None
            except OSError:
                state = None
            found.append((state.st_ino, state.st_size, state.st_mtime_ns) if state else (0, 0, 0))
        return found

    def info(self, now: float) -> Iterator[tuple[str, Any]]:
        """The fields of INFO's section TLS."""
        for side in ("server", "client", "ca"):
            certificate = self.loaded.get(side)
            yield f"tls_{side}_cert_serial", certificate.serial if certificate else "none"
            yield (
                f"tls_{side}_cert_expires_in_seconds",
                max(int(certificate.expires - now), 0) if certificate else 0,
            )


def user_of(peer: dict[str, Any] | None, field: str) -> str | None:
    """The name in a verified client's certificate: of the common name, or the first URI; None: there is none.

    `peer` is what `SSLSocket.getpeercert()` returns.
    """
    if not peer:
        return None
    if field == "URI":
        return next((name for kind, name in peer.get("subjectAltName", ()) if kind == "URI"), None)
    return next((value for group in peer.get("subject", ()) for key, value in group if key == "commonName"), None)


# -- what INFO tells of a certificate --------------------------------------------------------------------


class Certificate(NamedTuple):
    """Serial number in hexadecimal digits, and the end of its validity in Unix seconds."""

    serial: str
    expires: float


_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def first_certificate(path: str) -> Certificate | None:
    """The first certificate in a PEM file; None: there is no such file, or none in it."""
    import ssl

    try:
        with open(path, encoding="latin-1") as file:
            found = _PEM.search(file.read())
        return parse_certificate(ssl.PEM_cert_to_DER_cert(found[0])) if found else None
    except (OSError, ValueError, IndexError):
        return None


def parse_certificate(der: bytes) -> Certificate:
    """Read X.509 (RFC 5280, 4.1).

    Certificate { tbs { [0] version, serial, algorithm, issuer, validity { from, until }, …
    """
    body = _content(der, 0)[0]
    tbs = _content(body, 0)[0]
    at = _content(tbs, 0)[1] if tbs[0] == 0xA0 else 0
    serial, at = _content(tbs, at)
    for _ in range(2):
        at = _content(tbs, at)[1]
    validity = _content(tbs, at)[0]
    at = _content(validity, 0)[1]
    until = _content(validity, at)[0].decode("ascii")
    # UTCTime has two digits of the year, 1950 to 2049.
    if validity[at] == 0x17:
        until = ("19" if until[:2] >= "50" else "20") + until

    when = time.strptime(until, "%Y%m%d%H%M%SZ")
    import calendar  # only who has certificates needs it

    return Certificate(serial.lstrip(b"\0").hex().upper(), calendar.timegm(when))


def _content(der: bytes, at: int) -> tuple[bytes, int]:
    """The content of the element there, and where the next one begins. Raises `IndexError`, `ValueError`."""
    length = der[at + 1]
    at += 2
    if length & 0x80:
        digits = length & 0x7F
        length = int.from_bytes(der[at : at + digits], "big")
        at += digits
    if at + length > len(der):
        raise ValueError("the certificate is cut short")
    return der[at : at + length], at + length
