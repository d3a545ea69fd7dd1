# SPDX-License-Identifier: Apache-2.0
"""What a log takes as a certificate, anybody can check for as long as the log stands."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from byline.errors import SignatureError
from byline.keys.certificates import certified_key

SERIAL = 0x7A00112233445566778899AABBCCDDEEFF
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate() -> bytes:
    name = x509.Name([])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(SERIAL)
    return made.not_valid_before(start).not_valid_after(start + dt.timedelta(days=1)).sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def test_the_key_is_the_one_that_is_certified() -> None:
    assert certified_key(certificate()) == KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("serial", [SERIAL | 0x80 << 128, 0], ids=["negative", "zero"])
def test_a_serial_number_that_readers_will_refuse_one_day_is_refused(serial: int) -> None:
    der = certificate().replace(SERIAL.to_bytes(17, "big"), serial.to_bytes(17, "big"))
    with pytest.raises(SignatureError, match=r"serial|not a certificate"):
        certified_key(der)
