"""Finds the certificate authorities that an HTTPS server must be known to."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Mapping

from resolver.errors import SettingsError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that name authorities; the first that is set counts, and its authorities are the only ones.

The first two are huggingface_hub's (httpx), the others those of its releases before 1.0 (requests) and of curl.
"""


def find_variable(environ: Mapping[str, str]) -> str | None:
    """The variable that names the authorities; None where the system's are used."""
    return next((name for name in VARIABLES if environ.get(name)), None)


def create_ssl_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """A context that checks certificates and host names. Blocking: it reads files.

    Raises:
        SettingsError: what a variable names cannot be read; the message names the variable.
    """
    name = find_variable(environ)
    if name is None:
        return _create_default_context()
    path = environ[name]
    try:
        if os.path.isdir(path):
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        reason = error.strerror if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
        raise SettingsError(f"{name}: no certificates can be read from {path!r} ({reason})") from None


def _create_default_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if context.cert_store_stats()["x509_ca"] == 0:
        # Small containers and some builds of Python have no authorities; huggingface_hub then uses those of certifi.
        with contextlib.suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context
