# SPDX-License-Identifier: Apache-2.0
"""What Sigstore's clients need to know of a log, in their own JSON.

    trusted root           which log, certificate authority, certificate log and time stamper to believe: whoever verifies has it
    signing configuration  where to send what: whoever signs has it
    trust configuration    both in one, as `sigstore --trust-config` reads it

A log alone is enough for signatures by keys. Clients that sign with certificates also need an `Issuer`, which is none of Byline's.
A checkpoint's origin is the host name of the log's base URL, and clients look a log up by that: so the base URL in a trusted root is
the origin's, wherever the log answers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64
from byline.core.publickey import ED25519_PREFIX
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.canonical import Json
    from byline.core.note import NoteKey
    from byline.keys.certificates import Certificate

_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SIGNING = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_TRUST = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
# A log has one key for all its life.
_EVER: Json = {"start": "1970-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A private issuer of certificates: what is empty it does not have.

    `authority` and `stamper` are chains, the root last, of who certifies and of who stamps times; `ct_key` (SPKI DER) is the key of the
    log of certificates. The URLs say where each answers, `oidc_url` where people prove who they are.
    """

    authority: tuple[Certificate, ...] = ()
    authority_url: str = ""
    oidc_url: str = ""
    ct_key: bytes = b""
    stamper: tuple[Certificate, ...] = ()
    stamper_url: str = ""


def trusted_root(logs: Sequence[NoteKey], issuer: Issuer) -> dict[str, Json]:
    """Return what makes a client believe `logs` and `issuer`."""
    return {
        "mediaType": _ROOT,
        "tlogs": [_log(f"https://{log.name}", ED25519_PREFIX + log.public, "PKIX_ED25519", log.log_id) for log in logs],
        "certificateAuthorities": [_authority(issuer.authority, issuer.authority_url)] if issuer.authority else [],
        "ctlogs": [_ct_log(issuer)] if issuer.ct_key else [],
        "timestampAuthorities": [_authority(issuer.stamper, issuer.stamper_url)] if issuer.stamper else [],
    }


def signing_config(log: NoteKey, url: str, issuer: Issuer) -> dict[str, Json]:
    """Return what makes a client log at `url`, with certificates and time stamps of `issuer`."""
    config: dict[str, Json] = {
        "mediaType": _SIGNING,
        "caUrls": _services(issuer.authority_url, log.name),
        "oidcUrls": _services(issuer.oidc_url, log.name),
        "rekorTlogUrls": _services(url, log.name, version=2),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": _services(issuer.stamper_url, log.name),
    }
    if issuer.stamper_url:
        config["tsaConfig"] = {"selector": "ANY"}
    return config


def trust_config(logs: Sequence[NoteKey], url: str, issuer: Issuer) -> dict[str, Json]:
    """Return both in one; the first of `logs` is the one that takes entries, at `url`."""
    return {"mediaType": _TRUST, "trustedRoot": trusted_root(logs, issuer), "signingConfig": signing_config(logs[0], url, issuer)}


def _log(url: str, public: bytes, details: str, log_id: bytes) -> dict[str, Json]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": format_base64(public), "keyDetails": details, "validFor": _EVER},
        "logId": {"keyId": format_base64(log_id)},
    }


def _ct_log(issuer: Issuer) -> dict[str, Json]:
    return _log(issuer.authority_url, issuer.ct_key, "PKIX_ECDSA_P256_SHA_256", hashlib.sha256(issuer.ct_key).digest())


def _authority(chain: tuple[Certificate, ...], url: str) -> dict[str, Json]:
    root = chain[-1]
    return {
        "subject": {"organization": root.organization, "commonName": root.name},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": format_base64(each.der)} for each in chain]},
        "validFor": {"start": max(each.start for each in chain).strftime("%Y-%m-%dT%H:%M:%SZ")},
    }


def _services(url: str, operator: str, *, version: int = 1) -> list[Json]:
    return [{"url": url, "majorApiVersion": version, "validFor": _EVER, "operator": operator}] if url else []
