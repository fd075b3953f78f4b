"""TLS for a connection."""

from __future__ import annotations

import socket
import ssl

from redpoll.cli.connection import ConnectFailed


class TlsFailed(ConnectFailed):
    """The two sides came to no agreement."""


def secure(link: socket.socket, options) -> socket.socket:
    """Return the connection with TLS on it. Raises `TlsFailed`."""
    try:
        context = _context(options)
        # A name is sent only when asked for: servers are mostly named by addresses.
        secured = context.wrap_socket(link, server_hostname=options.sni or None)
    except (OSError, ValueError) as error:
        link.close()
        text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise TlsFailed(str(text)) from error
    return secured


def _context(options) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Certificates of servers seldom name the address they are reached by; the authority is what is checked.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if options.verify else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.ca_file or options.ca_folder:
        context.load_verify_locations(options.ca_file or None, options.ca_folder or None)
    elif options.verify:
        context.load_default_certs()
    if options.certificate:
        context.load_cert_chain(options.certificate, options.private_key or None)
    if options.ciphers:
        context.set_ciphers(options.ciphers)
    if options.cipher_suites and hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(options.cipher_suites)
    return context
