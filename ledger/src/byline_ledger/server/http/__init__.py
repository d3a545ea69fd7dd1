# SPDX-License-Identifier: Apache-2.0
"""The ledger over HTTP: C2SP's tiles for readers, Rekor's create for Sigstore's clients, JSON for the curious, a page for people."""
