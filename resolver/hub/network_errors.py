"""Translates exceptions of the HTTP library: what happened, where, and what helps."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import aiohttp

from resolver.errors import HubError, HubUnavailableError
from resolver.hub.certificates import VARIABLES, find_variable
from resolver.redaction import describe_error, hide_secrets

MAX_REASON_LENGTH = 300
_MAX_CHAIN = 5
_EXPIRED, _NOT_YET_VALID, _WRONG_HOST, _WRONG_ADDRESS = 10, 9, 62, 64
"""Codes of OpenSSL (x509_vfy.h)."""
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"})
"""Reasons of OpenSSL where the server did not answer in TLS."""


def translate(error: Exception, endpoint: str, timeout_s: float) -> HubError:
    """The error that an exception of the HTTP library means. `endpoint` is named where the exception names no host."""
    server = f"{error.host}:{error.port}" if isinstance(error, aiohttp.ClientConnectorError) else endpoint
    for cause in _walk_chain(error):
        # The HTTP library's subclass of it lacks the values of OpenSSL; what it wraps comes after it.
        if isinstance(cause, ssl.SSLCertVerificationError) and not isinstance(cause, aiohttp.ClientConnectorError):
            return _build_final(_describe_certificate_error(cause, server))
    if isinstance(error, TimeoutError):
        return HubUnavailableError(f"no response within {max(timeout_s, 0):.3g} s")
    return HubUnavailableError(_describe_failure(error, server))


def _describe_failure(error: Exception, server: str) -> str:
    reason = _shorten(describe_error(error))
    tls_error = _find_tls_error(error)
    if tls_error is not None:
        help_text = "; it may speak plain http:// there" if tls_error.reason in _NOT_TLS else ""
        return f"no TLS connection to {server} ({_shorten(tls_error.reason or str(tls_error))}){help_text}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{server} cannot be reached: its name is not known here ({_shorten(str(error.os_error))})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{server} cannot be reached ({_shorten(describe_error(error.os_error))})"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return f"{server} closed the connection without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"the body of the response of {server} cannot be read ({reason})"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{server} answers with what is not HTTP ({_shorten(error.message)})"
    if isinstance(error, OSError):
        return f"the connection to {server} failed ({reason})"
    return f"{server} cannot be asked ({reason})"


def _describe_certificate_error(error: ssl.SSLCertVerificationError, server: str) -> str:
    code, message = getattr(error, "verify_code", None), getattr(error, "verify_message", "") or str(error)
    if code in (_EXPIRED, _NOT_YET_VALID):
        help_text = "if it is valid elsewhere, the clock of this machine is wrong"
    elif code in (_WRONG_HOST, _WRONG_ADDRESS):
        help_text = "use the name that the certificate is for"
    else:
        name = find_variable(os.environ)
        used = f"now the certificates that {name} names are trusted" if name else "now those of the system are trusted"
        help_text = (
            "if your network or mirror has its own certificate authority, name the file with its certificate in "
            f"{VARIABLES[0]} ({used})"
        )
    return f"the certificate of {server} is not trusted: {_shorten(message).rstrip('.')}; {help_text}"


def _find_tls_error(error: BaseException) -> ssl.SSLError | None:
    """The error of OpenSSL; the HTTP library's own subclass of it has no reason."""
    for cause in _walk_chain(error):
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, aiohttp.ClientConnectorError):
            return cause
    return None


def _build_final(text: str) -> HubUnavailableError:
    """An error that another attempt would end in too."""
    error = HubUnavailableError(text)
    error.is_final = True
    return error


def _walk_chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it."""
    found: BaseException | None = error
    for _ in range(_MAX_CHAIN):
        if found is None:
            return
        yield found
        if isinstance(found, aiohttp.ClientConnectorCertificateError):
            yield found.certificate_error
        elif isinstance(found, aiohttp.ClientConnectorError):
            yield found.os_error
        found = found.__cause__


def _shorten(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in hide_secrets(text))
    return printable[:MAX_REASON_LENGTH]
