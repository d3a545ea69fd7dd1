# SPDX-License-Identifier: Apache-2.0
"""A small private Sigstore beside our log: a certificate authority, its log of certificates, and a time stamper, on loopback.

Sigstore's verifiers want a certificate with a signed certificate timestamp (RFC 6962, section 3.2) and an RFC 3161 time stamp. This
issues both as Fulcio and a Sigstore timestamp authority do, and believes every identity token. For tests alone.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OIDC = "https://people.byline.test"
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_V1, _ISSUER_V2 = (x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}") for number in (1, 8))
_NO_USE = dict.fromkeys(
    ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
)


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def der(tag: int, *contents: bytes) -> bytes:
    """Return a DER value."""
    body = b"".join(contents)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def der_oid(dotted: str) -> bytes:
    first, second, *rest = (int(each) for each in dotted.split("."))
    body = bytearray([40 * first + second])
    for number in rest:
        groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)][::-1]
        body += bytes([*(each | 0x80 for each in groups[:-1]), groups[-1]])
    return der(6, bytes(body))


def der_integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_read(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and contents of the first value in `data`, and what is left."""
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    return data[0], data[at : at + size], data[at + size :]


SHA256 = der(0x30, der_oid("2.16.840.1.101.3.4.2.1"))


class PrivateIssuer:
    """Keys and certificates that are new for each test run."""

    def __init__(self) -> None:
        self.start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)
        self.root_key, self.key, self.ct_key, self.tsa_root_key, self.tsa_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(5))
        self.root = self._certify("root", self.root_key, "root", self.root_key)
        self.certificate = self._certify("issuer", self.key, "root", self.root_key, depth=0, usage=ExtendedKeyUsageOID.CODE_SIGNING)
        self.tsa_root = self._certify("tsa root", self.tsa_root_key, "tsa root", self.tsa_root_key)
        self.tsa = self._certify("tsa", self.tsa_key, "tsa root", self.tsa_root_key, depth=None, usage=ExtendedKeyUsageOID.TIME_STAMPING)

    def write(self, place: Path) -> list[str]:
        """Write what trust needs into `place`, and return the options of `byline ledger trust-config` that name it."""
        for name, chain in (("ca.pem", (self.certificate, self.root)), ("tsa.pem", (self.tsa, self.tsa_root))):
            (place / name).write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
        (place / "ct.pem").write_bytes(self.ct_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return ["--ca", str(place / "ca.pem"), "--ct-key", str(place / "ct.pem"), "--tsa", str(place / "tsa.pem")]

    def issue(self, key: ec.EllipticCurvePublicKey, identity: str) -> x509.Certificate:
        """Return a certificate for ten minutes that `key` is `identity`'s (an e-mail address), with its certificate timestamp."""
        start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
        builder = (
            x509.CertificateBuilder(issuer_name=self.certificate.subject, subject_name=x509.Name([]), public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(minutes=10))
            .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **_NO_USE), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(identity)]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V1, OIDC.encode()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, der(0x0C, OIDC.encode())), critical=False)
        )
        scts = self._scts(builder.sign(self.key, hashes.SHA256()).tbs_certificate_bytes)
        return builder.add_extension(x509.UnrecognizedExtension(_SCTS, der(4, scts)), critical=False).sign(self.key, hashes.SHA256())

    def stamp(self, request: bytes) -> bytes:
        """Answer an RFC 3161 request over a SHA-256."""
        _, body, _ = der_read(request)
        _, _, rest = der_read(body)
        _, imprint, rest = der_read(rest)
        nonce = b""
        while rest:
            tag, value, rest = der_read(rest)
            nonce = der(tag, value) if tag == 2 else nonce
        now = dt.datetime.now(dt.UTC)
        time = der(0x18, now.strftime("%Y%m%d%H%M%SZ").encode())
        info = der(0x30, der_integer(1), der_oid("1.3.6.1.4.1.57264.2"), der(0x30, imprint), der_integer(secrets.randbits(64)), time, nonce)
        token = self._signed_data(info, now)
        return der(0x30, der(0x30, der_integer(0)), token)

    def _signed_data(self, info: bytes, now: dt.datetime) -> bytes:
        """Return a CMS ContentInfo (RFC 5652) that signs `info`."""
        certificate = self.tsa.public_bytes(Encoding.DER)
        content = der_oid("1.2.840.113549.1.9.16.1.4")
        hashed = der(0x30, der(0x30, der(0x30, der(4, hashlib.sha256(certificate).digest()))))
        attributes = sorted(
            der(0x30, der_oid(oid), der(0x31, value))
            for oid, value in (
                ("1.2.840.113549.1.9.3", content),
                ("1.2.840.113549.1.9.5", der(0x17, now.strftime("%y%m%d%H%M%SZ").encode())),
                ("1.2.840.113549.1.9.4", der(4, hashlib.sha256(info).digest())),
                ("1.2.840.113549.1.9.16.2.47", hashed),
            )
        )
        signature = self.tsa_key.sign(der(0x31, *attributes), ec.ECDSA(hashes.SHA256()))
        signer = der(
            0x30,
            der_integer(1),
            der(0x30, self.tsa.issuer.public_bytes(), der_integer(self.tsa.serial_number)),
            SHA256,
            der(0xA0, *attributes),
            der(0x30, der_oid("1.2.840.10045.4.3.2")),
            der(4, signature),
        )
        data = der(
            0x30, der_integer(3), der(0x31, SHA256), der(0x30, content, der(0xA0, der(4, info))), der(0xA0, certificate), der(0x31, signer)
        )
        return der(0x30, der_oid("1.2.840.113549.1.7.2"), der(0xA0, data))

    def _scts(self, tbs: bytes) -> bytes:
        """Return the list of one timestamp over a certificate that has none yet."""
        time = int(dt.datetime.now(dt.UTC).timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(spki(self.key.public_key())).digest()
        signed = b"\0\0" + time + b"\0\1" + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = self.ct_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        log_id = hashlib.sha256(spki(self.ct_key.public_key())).digest()
        one = b"\0" + log_id + time + b"\0\0" + b"\4\3" + len(signature).to_bytes(2, "big") + signature
        return (len(one) + 2).to_bytes(2, "big") + len(one).to_bytes(2, "big") + one

    def _certify(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        depth: int | None = 1,
        usage: x509.ObjectIdentifier | None = None,
    ) -> x509.Certificate:
        """Return a certificate of the authority's own: one that certifies others unless `depth` is None."""
        is_authority = depth is not None
        builder = (
            x509.CertificateBuilder(issuer_name=_name(issuer), subject_name=_name(name), public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.start + dt.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=depth), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **_NO_USE),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if issuer != name:
            builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=usage == ExtendedKeyUsageOID.TIME_STAMPING)
        return builder.sign(issuer_key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "byline-test"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def identity_token(identity: str) -> str:
    """Return a token that says whom it is for, signed by nobody."""
    now = int(dt.datetime.now(dt.UTC).timestamp())
    claims = {"iss": OIDC, "aud": "sigstore", "sub": identity, "email": identity, "iat": now, "nbf": now, "exp": now + 600}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims, "")
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode() if each else b"none").rstrip(b"=").decode() for each in parts)


@contextlib.contextmanager
def issuing(issuer: PrivateIssuer) -> Iterator[str]:
    """Answer as Fulcio (`/api/v2/signingCert`) and as a time stamper (`/api/v1/timestamp`); gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = issuer.stamp(body) if self.path == "/api/v1/timestamp" else self.certificate(json.loads(body))
            self.send_response(201)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def certificate(self, request: dict[str, Any]) -> bytes:
            csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
            claims = self.headers["Authorization"].split(".")[1]
            identity = json.loads(base64.urlsafe_b64decode(claims + "=="))["email"]
            key = csr.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            chain: Sequence[x509.Certificate] = (issuer.issue(key, identity), issuer.certificate, issuer.root)
            pem = [each.public_bytes(Encoding.PEM).decode() for each in chain]
            return json.dumps({"signedCertificateEmbeddedSct": {"chain": {"certificates": pem}}}).encode()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
