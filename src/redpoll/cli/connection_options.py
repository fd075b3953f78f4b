"""What both command lines say of connections in the same words: where to, as whom, and with which TLS."""

from __future__ import annotations

import os

from redpoll.cli.numbers import leading_integer


class ConnectionOptions:
    """What connections want to know; attributes that a command line does not name have the values here."""

    host = "127.0.0.1"
    port = 6379
    socket = ""
    family = 0  # 4 or 6: only addresses of that kind
    multipath = False
    timeout = 0.0  # seconds to wait for a connection; 0 is the system's

    user: bytes | None = None
    password: bytes | None = None
    database = 0
    resp3 = False

    tls = False
    sni = ""
    ca_file = ""
    ca_folder = ""
    verify = True
    certificate = ""
    private_key = ""
    ciphers = ""
    cipher_suites = ""


# What an option without a value sets.
FLAGS: dict[str, dict[str, object]] = {
    "-3": {"resp3": True},
    "--mptcp": {"multipath": True},
    "--tls": {"tls": True},
    "--insecure": {"verify": False},
}

# The attribute that a value goes to, and how it is read.
VALUES: dict[str, tuple] = {
    "-h": ("host", str),
    "-p": ("port", leading_integer),
    "-s": ("socket", str),
    "-a": ("password", os.fsencode),
    "--user": ("user", os.fsencode),
    "--sni": ("sni", str),
    "--cacert": ("ca_file", str),
    "--cacertdir": ("ca_folder", str),
    "--cert": ("certificate", str),
    "--key": ("private_key", str),
    "--tls-ciphers": ("ciphers", str),
    "--tls-ciphersuites": ("cipher_suites", str),
}
