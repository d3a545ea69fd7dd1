# SPDX-License-Identifier: Apache-2.0
"""The fifth verb: bundles, trust and a time become verified facts, or an exception. Pure but for signatures.

`verify_bundle` proves one, `verify_bundles` many. Whoever calls brings the bytes, the trust and the time.
"""

from __future__ import annotations

from byline.verify.many import Failure, Verification, verify_bundle, verify_bundles

__all__ = ["Failure", "Verification", "verify_bundle", "verify_bundles"]
