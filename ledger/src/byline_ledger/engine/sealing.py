# SPDX-License-Identifier: Apache-2.0
"""The index of a log, sealed and asked.

    index = SealedIndex(log, store)
    index.seal()                     # an entry of the log that covers all before it; nothing, if the log ends in a young one
    index.prove(keys)                # what the last seal has under these keys
    while index.keep(): ...          # merges, in pieces, between other work

A seal is written in the transaction that brings the index up to it, with the checkpoint that ends in it: whatever ends the process,
the last seal, its checkpoint and all runs are there together. Several processes may do this on one store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.entry import Submission
from byline.core.sealed_index import IndexProof, format_seal
from byline.core.value import replace
from byline.errors import ProofError
from byline_ledger.engine.index import NO_FACETS, Keeper, find_rows, load_catalogue, save_catalogue, seal_identity, seal_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.ports import Store
    from byline_ledger.engine.log import Log

MAX_AGE_MS = 60_000  # a reader wants a young seal: how else would it know that nothing came since?


class SealedIndex:
    """The index of `log` over its `store`. As thread-safe as they are."""

    def __init__(self, log: Log, store: Store) -> None:
        self._log = log
        self._store = store
        self._keeper = Keeper()

    def seal(self) -> str:
        """Add a seal that covers all entries, unless the log ends in one that is not old; return the checkpoint that ends in it.

        Raises:
            LedgerUnavailableError: The store cannot take it now; nobody knows whether it did.
            LedgerError: The store is broken.
        """
        with self._log.extending() as log:
            known = load_catalogue(log.writer)
            if known.checkpoint == log.note and log.now < known.sealed_at + MAX_AGE_MS:
                return log.note
            sealed = seal_runs(log.writer, log.size, log.now)
            leaf = format_seal(sealed.seal)
            entry = Submission(identity=seal_identity(leaf), leaf=leaf, payload=None, facets=NO_FACETS)
            (receipt,) = log.add([entry])
            save_catalogue(log.writer, replace(sealed, checkpoint=receipt.checkpoint))
        return receipt.checkpoint

    def keep(self) -> bool:
        """Do a piece of what there is to do between seals; return whether there is more.

        Raises:
            LedgerUnavailableError: The store cannot take it now.
            LedgerError: The store is broken.
        """
        try:
            with self._store.write() as writer:
                return self._keeper.step(writer)
        except BaseException:
            self._keeper = Keeper()  # what this one holds in memory may not be in the store
            raise

    def prove(self, keys: Sequence[bytes]) -> IndexProof:
        """Return what the last seal has under `keys`.

        Raises:
            ProofError: There is no seal yet.
            LedgerError: The store is broken, or a key has too many entries.
        """
        with self._store.read() as reader:
            known = load_catalogue(reader)
            if not known.checkpoint:
                raise ProofError("the index of this log was never sealed")
            found = find_rows(reader, known, keys)
        proof = self._log.inclusion(known.end, known.end + 1)
        return IndexProof(checkpoint=known.checkpoint, seal=format_seal(known.seal), hashes=proof.hashes, found=found)
