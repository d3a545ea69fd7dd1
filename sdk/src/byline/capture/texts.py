# SPDX-License-Identifier: Apache-2.0
r"""From an agent's text back to the bytes on disk.

A payload is text: an agent decodes a file, and what is not its encoding becomes U+FFFD; line ends may have been made LF, and a byte
order mark dropped. An edit names the bytes **on disk**, by git's id of them. So the text is used only where it tells the bytes:

1. Text with U+FFFD (or a lone surrogate) tells no bytes: the disk's are taken if they decode to this very text, else none.
2. The disk's bytes are taken if they differ from the text in CR before LF or a byte order mark only.
3. Otherwise the file has changed since, and the text is put into the disk's form: CRLF if all its lines end so, its byte order mark.

>>> find_bytes("a\nb\n", disk=b"a\r\nb\r\n")
b'a\r\nb\r\n'
"""

from __future__ import annotations

REPLACEMENT = "\ufffd"
MARK = b"\xef\xbb\xbf"


def find_bytes(text: str, *, disk: bytes | None) -> bytes | None:
    """Return the bytes that `text` stands for, with `disk` (None: no file) as the file is now; None where they cannot be known."""
    data = _encode(text)
    if data is None:
        same = disk is not None and _plain(disk.decode(errors="replace")) == _plain(text)
        return disk if same else None
    if disk is None or disk == data:
        return data
    if _bare(disk) == _bare(data):
        return disk
    return like(data, disk)


def like(data: bytes, model: bytes) -> bytes:
    """Return `data` with the line ends and the byte order mark that `model` has throughout."""
    ends = model.count(b"\n")
    if ends and model.count(b"\r\n") == ends and b"\r" not in data:
        data = data.replace(b"\n", b"\r\n")
    return MARK + data if model.startswith(MARK) and not data.startswith(MARK) else data


def undo_replacement(after: bytes, original: str | None, replaced: tuple[str, str]) -> bytes | None:
    """Return the bytes before `replaced` (old, new) was done once, which gave `after`.

    None where `after` does not tell where it was done, and unless they decode to `original` (None: that is not known).
    """
    old, new = (_encode(text) for text in replaced)
    if old is None or not new or after.count(new) != 1:
        return None
    before = after.replace(new, old)
    return before if original is None or before.decode(errors="replace") == original else None


def _encode(text: str) -> bytes | None:
    try:
        return None if REPLACEMENT in text else text.encode()
    except UnicodeEncodeError:
        return None


def _bare(data: bytes) -> bytes:
    return data.removeprefix(MARK).replace(b"\r\n", b"\n")


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
