# SPDX-License-Identifier: Apache-2.0
"""The ledger as a gRPC service (`byline.v1.LedgerService`): one process, one log, standard health."""
