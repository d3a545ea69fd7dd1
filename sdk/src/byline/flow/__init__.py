# SPDX-License-Identifier: Apache-2.0
"""The short stories that join the rooms: sessions, resolve, attest, deliver, approve, judge."""
