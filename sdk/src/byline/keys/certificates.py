# SPDX-License-Identifier: Apache-2.0
"""X.509 certificates, as far as a log meets them: whose key one certifies, and since when a chain holds.

Nothing here says that a certificate is to be believed: that is for whoever verifies, with the roots that they trust.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from byline.core.value import dataclass
from byline.errors import ConfigError, SignatureError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of a chain: its DER, who it is about (`organization` and `name`, empty where it does not say), since when."""

    der: bytes
    organization: str
    name: str
    start: datetime


def certified_key(der: bytes) -> bytes:
    """Return the P-256 key (SPKI DER) that the certificate `der` is about.

    Raises:
        SignatureError: Not a certificate, or of another key.
    """
    try:
        with warnings.catch_warnings():
            # What it warns of today it will refuse one day, and nobody could check the entry then: so it is refused now.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            is_numbered = certificate.serial_number > 0
        key = certificate.public_key()
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise SignatureError("not a certificate") from error
    if not is_numbered:
        raise SignatureError("a certificate without a positive serial number (RFC 5280, section 4.1.2.2)")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SignatureError("a certificate of another key than P-256")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_chain(path: Path) -> tuple[Certificate, ...]:
    """Return the certificates in the PEM file `path`, in its order.

    Raises:
        ConfigError: It cannot be read, or holds none.
    """
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, x509.InvalidVersion) as error:
        raise ConfigError(f"{path.name} holds no certificates in PEM") from error
    return tuple(
        Certificate(
            der=each.public_bytes(Encoding.DER),
            organization=_said(each, NameOID.ORGANIZATION_NAME),
            name=_said(each, NameOID.COMMON_NAME),
            start=each.not_valid_before_utc,
        )
        for each in chain
    )


def _said(certificate: x509.Certificate, what: x509.ObjectIdentifier) -> str:
    return next((str(each.value) for each in certificate.subject.get_attributes_for_oid(what)), "")
