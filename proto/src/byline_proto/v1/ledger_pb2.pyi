import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("payload", "signature", "keyid")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEYID_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    keyid: str
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., keyid: _Optional[str] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("log_id", "size", "checkpoint")
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    log_id: bytes
    size: int
    checkpoint: str
    def __init__(self, log_id: _Optional[bytes] = ..., size: _Optional[int] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("index", "leaf", "hashes")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AppendRequest(_message.Message):
    __slots__ = ("envelope", "public_key")
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    envelope: Envelope
    public_key: bytes
    def __init__(self, envelope: _Optional[_Union[Envelope, _Mapping]] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class AppendResponse(_message.Message):
    __slots__ = ("head", "entry")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    head: Head
    entry: Entry
    def __init__(self, head: _Optional[_Union[Head, _Mapping]] = ..., entry: _Optional[_Union[Entry, _Mapping]] = ...) -> None: ...

class AppendStreamRequest(_message.Message):
    __slots__ = ("appends",)
    APPENDS_FIELD_NUMBER: _ClassVar[int]
    appends: _containers.RepeatedCompositeFieldContainer[NumberedAppend]
    def __init__(self, appends: _Optional[_Iterable[_Union[NumberedAppend, _Mapping]]] = ...) -> None: ...

class NumberedAppend(_message.Message):
    __slots__ = ("number", "append")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    APPEND_FIELD_NUMBER: _ClassVar[int]
    number: int
    append: AppendRequest
    def __init__(self, number: _Optional[int] = ..., append: _Optional[_Union[AppendRequest, _Mapping]] = ...) -> None: ...

class AppendStreamResponse(_message.Message):
    __slots__ = ("head", "answers")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    head: Head
    answers: _containers.RepeatedCompositeFieldContainer[NumberedAnswer]
    def __init__(self, head: _Optional[_Union[Head, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[NumberedAnswer, _Mapping]]] = ...) -> None: ...

class NumberedAnswer(_message.Message):
    __slots__ = ("number", "entry", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    entry: Entry
    status: _status_pb2.Status
    def __init__(self, number: _Optional[int] = ..., entry: _Optional[_Union[Entry, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetCheckpointRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCheckpointResponse(_message.Message):
    __slots__ = ("checkpoint",)
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    def __init__(self, checkpoint: _Optional[str] = ...) -> None: ...

class GetInclusionProofRequest(_message.Message):
    __slots__ = ("index", "size")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    index: int
    size: int
    def __init__(self, index: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

class GetInclusionProofResponse(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetConsistencyProofRequest(_message.Message):
    __slots__ = ("old_size", "new_size")
    OLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    old_size: int
    new_size: int
    def __init__(self, old_size: _Optional[int] = ..., new_size: _Optional[int] = ...) -> None: ...

class GetConsistencyProofResponse(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LoggedEntry(_message.Message):
    __slots__ = ("entry", "envelope", "logged_at")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    LOGGED_AT_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    envelope: Envelope
    logged_at: _timestamp_pb2.Timestamp
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ..., envelope: _Optional[_Union[Envelope, _Mapping]] = ..., logged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("start", "page_size", "with_envelopes")
    START_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WITH_ENVELOPES_FIELD_NUMBER: _ClassVar[int]
    start: int
    page_size: int
    with_envelopes: bool
    def __init__(self, start: _Optional[int] = ..., page_size: _Optional[int] = ..., with_envelopes: bool = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("head", "entries")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    head: Head
    entries: _containers.RepeatedCompositeFieldContainer[LoggedEntry]
    def __init__(self, head: _Optional[_Union[Head, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[LoggedEntry, _Mapping]]] = ...) -> None: ...

class FindBundlesRequest(_message.Message):
    __slots__ = ("subject_sha256", "repository", "commit", "key_id", "since", "until", "page_size", "page_token")
    SUBJECT_SHA256_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject_sha256: bytes
    repository: str
    commit: str
    key_id: bytes
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, subject_sha256: _Optional[bytes] = ..., repository: _Optional[str] = ..., commit: _Optional[str] = ..., key_id: _Optional[bytes] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class FindBundlesResponse(_message.Message):
    __slots__ = ("head", "entries", "next_page_token")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    head: Head
    entries: _containers.RepeatedCompositeFieldContainer[LoggedEntry]
    next_page_token: str
    def __init__(self, head: _Optional[_Union[Head, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[LoggedEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("size",)
    SIZE_FIELD_NUMBER: _ClassVar[int]
    size: int
    def __init__(self, size: _Optional[int] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("checkpoint", "size", "hashes")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    size: int
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, checkpoint: _Optional[str] = ..., size: _Optional[int] = ..., hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ProveIndexRequest(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, keys: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ProveIndexResponse(_message.Message):
    __slots__ = ("head", "seal", "hashes", "found")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    SEAL_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    head: Head
    seal: bytes
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    found: _containers.RepeatedCompositeFieldContainer[IndexRows]
    def __init__(self, head: _Optional[_Union[Head, _Mapping]] = ..., seal: _Optional[bytes] = ..., hashes: _Optional[_Iterable[bytes]] = ..., found: _Optional[_Iterable[_Union[IndexRows, _Mapping]]] = ...) -> None: ...

class IndexRows(_message.Message):
    __slots__ = ("slices",)
    SLICES_FIELD_NUMBER: _ClassVar[int]
    slices: _containers.RepeatedCompositeFieldContainer[IndexSlice]
    def __init__(self, slices: _Optional[_Iterable[_Union[IndexSlice, _Mapping]]] = ...) -> None: ...

class IndexSlice(_message.Message):
    __slots__ = ("start", "rows", "hashes")
    START_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    start: int
    rows: bytes
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, start: _Optional[int] = ..., rows: _Optional[bytes] = ..., hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...
