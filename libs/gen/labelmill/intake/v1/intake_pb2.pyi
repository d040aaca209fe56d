import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_ADMITTED: _ClassVar[Outcome]
    OUTCOME_DUPLICATE: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]

class LabelsAs(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABELS_AS_UNSPECIFIED: _ClassVar[LabelsAs]
    LABELS_AS_GOLD: _ClassVar[LabelsAs]
    LABELS_AS_PREDICTIONS: _ClassVar[LabelsAs]
    LABELS_AS_SETTLED: _ClassVar[LabelsAs]

class ImportState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_STATE_UNSPECIFIED: _ClassVar[ImportState]
    IMPORT_STATE_PENDING: _ClassVar[ImportState]
    IMPORT_STATE_RUNNING: _ClassVar[ImportState]
    IMPORT_STATE_SUCCEEDED: _ClassVar[ImportState]
    IMPORT_STATE_FAILED: _ClassVar[ImportState]
    IMPORT_STATE_CANCELLED: _ClassVar[ImportState]

class RefusalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_STATE_UNSPECIFIED: _ClassVar[RefusalState]
    REFUSAL_STATE_REFUSED: _ClassVar[RefusalState]
    REFUSAL_STATE_APPEALED: _ClassVar[RefusalState]
    REFUSAL_STATE_ADMITTED: _ClassVar[RefusalState]
    REFUSAL_STATE_UPHELD: _ClassVar[RefusalState]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_ADMITTED: Outcome
OUTCOME_DUPLICATE: Outcome
OUTCOME_REFUSED: Outcome
LABELS_AS_UNSPECIFIED: LabelsAs
LABELS_AS_GOLD: LabelsAs
LABELS_AS_PREDICTIONS: LabelsAs
LABELS_AS_SETTLED: LabelsAs
IMPORT_STATE_UNSPECIFIED: ImportState
IMPORT_STATE_PENDING: ImportState
IMPORT_STATE_RUNNING: ImportState
IMPORT_STATE_SUCCEEDED: ImportState
IMPORT_STATE_FAILED: ImportState
IMPORT_STATE_CANCELLED: ImportState
REFUSAL_STATE_UNSPECIFIED: RefusalState
REFUSAL_STATE_REFUSED: RefusalState
REFUSAL_STATE_APPEALED: RefusalState
REFUSAL_STATE_ADMITTED: RefusalState
REFUSAL_STATE_UPHELD: RefusalState

class Item(_message.Message):
    __slots__ = ("name", "dataset", "data", "source_key", "metadata", "digest", "create_time", "gold", "group", "prediction", "label", "import_id")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    dataset: str
    data: str
    source_key: str
    metadata: _containers.ScalarMap[str, str]
    digest: str
    create_time: _timestamp_pb2.Timestamp
    gold: _annotation_pb2.Value
    group: str
    prediction: _annotation_pb2.Value
    label: _annotation_pb2.Value
    import_id: str
    def __init__(self, name: _Optional[str] = ..., dataset: _Optional[str] = ..., data: _Optional[str] = ..., source_key: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., digest: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gold: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., group: _Optional[str] = ..., prediction: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., label: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., import_id: _Optional[str] = ...) -> None: ...

class NewItem(_message.Message):
    __slots__ = ("data", "source_key", "metadata", "gold", "group", "prediction", "label")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DATA_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    data: str
    source_key: str
    metadata: _containers.ScalarMap[str, str]
    gold: _annotation_pb2.Value
    group: str
    prediction: _annotation_pb2.Value
    label: _annotation_pb2.Value
    def __init__(self, data: _Optional[str] = ..., source_key: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., gold: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., group: _Optional[str] = ..., prediction: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., label: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ...) -> None: ...

class BatchCreateItemsRequest(_message.Message):
    __slots__ = ("parent", "dataset", "items")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    dataset: str
    items: _containers.RepeatedCompositeFieldContainer[NewItem]
    def __init__(self, parent: _Optional[str] = ..., dataset: _Optional[str] = ..., items: _Optional[_Iterable[_Union[NewItem, _Mapping]]] = ...) -> None: ...

class BatchCreateItemsResponse(_message.Message):
    __slots__ = ("results", "admitted_count", "duplicate_count", "refused_count")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ItemResult]
    admitted_count: int
    duplicate_count: int
    refused_count: int
    def __init__(self, results: _Optional[_Iterable[_Union[ItemResult, _Mapping]]] = ..., admitted_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., refused_count: _Optional[int] = ...) -> None: ...

class ItemResult(_message.Message):
    __slots__ = ("name", "outcome", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    outcome: Outcome
    reason: str
    def __init__(self, name: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class GetItemRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListItemsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Item]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Import(_message.Message):
    __slots__ = ("name", "dataset", "blob", "format", "state", "admitted_count", "duplicate_count", "refused_count", "reason", "create_time", "update_time", "version", "position", "report", "source", "labels_as", "classes", "encoding")
    class ClassesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LABELS_AS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    name: str
    dataset: str
    blob: str
    format: str
    state: ImportState
    admitted_count: int
    duplicate_count: int
    refused_count: int
    reason: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    version: int
    position: int
    report: CleaningReport
    source: str
    labels_as: LabelsAs
    classes: _containers.ScalarMap[str, str]
    encoding: str
    def __init__(self, name: _Optional[str] = ..., dataset: _Optional[str] = ..., blob: _Optional[str] = ..., format: _Optional[str] = ..., state: _Optional[_Union[ImportState, str]] = ..., admitted_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., refused_count: _Optional[int] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., position: _Optional[int] = ..., report: _Optional[_Union[CleaningReport, _Mapping]] = ..., source: _Optional[str] = ..., labels_as: _Optional[_Union[LabelsAs, str]] = ..., classes: _Optional[_Mapping[str, str]] = ..., encoding: _Optional[str] = ...) -> None: ...

class CleaningReport(_message.Message):
    __slots__ = ("checked_count", "refused", "flagged", "examples", "near_duplicate_pair_count", "missing_count", "missing", "notes")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class FlaggedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    CHECKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    NEAR_DUPLICATE_PAIR_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    checked_count: int
    refused: _containers.ScalarMap[str, int]
    flagged: _containers.ScalarMap[str, int]
    examples: _containers.RepeatedCompositeFieldContainer[Finding]
    near_duplicate_pair_count: int
    missing_count: int
    missing: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, checked_count: _Optional[int] = ..., refused: _Optional[_Mapping[str, int]] = ..., flagged: _Optional[_Mapping[str, int]] = ..., examples: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., near_duplicate_pair_count: _Optional[int] = ..., missing_count: _Optional[int] = ..., missing: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("reason", "key", "detail", "other")
    REASON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    reason: str
    key: str
    detail: str
    other: str
    def __init__(self, reason: _Optional[str] = ..., key: _Optional[str] = ..., detail: _Optional[str] = ..., other: _Optional[str] = ...) -> None: ...

class CreateImportRequest(_message.Message):
    __slots__ = ("parent", "dataset", "blob", "format", "request_id", "source", "labels_as", "classes", "filename", "encoding")
    class ClassesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LABELS_AS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    parent: str
    dataset: str
    blob: str
    format: str
    request_id: str
    source: str
    labels_as: LabelsAs
    classes: _containers.ScalarMap[str, str]
    filename: str
    encoding: str
    def __init__(self, parent: _Optional[str] = ..., dataset: _Optional[str] = ..., blob: _Optional[str] = ..., format: _Optional[str] = ..., request_id: _Optional[str] = ..., source: _Optional[str] = ..., labels_as: _Optional[_Union[LabelsAs, str]] = ..., classes: _Optional[_Mapping[str, str]] = ..., filename: _Optional[str] = ..., encoding: _Optional[str] = ...) -> None: ...

class GetImportRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CancelImportRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListImportsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListImportsResponse(_message.Message):
    __slots__ = ("imports", "next_page_token")
    IMPORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    imports: _containers.RepeatedCompositeFieldContainer[Import]
    next_page_token: str
    def __init__(self, imports: _Optional[_Iterable[_Union[Import, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("name", "source_key", "reason", "create_time", "state", "code", "appealable", "appeal", "appellant", "resolution", "resolver", "item", "import_id", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    APPEALABLE_FIELD_NUMBER: _ClassVar[int]
    APPEAL_FIELD_NUMBER: _ClassVar[int]
    APPELLANT_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    RESOLVER_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    source_key: str
    reason: str
    create_time: _timestamp_pb2.Timestamp
    state: RefusalState
    code: str
    appealable: bool
    appeal: str
    appellant: str
    resolution: str
    resolver: str
    item: str
    import_id: str
    version: int
    def __init__(self, name: _Optional[str] = ..., source_key: _Optional[str] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[RefusalState, str]] = ..., code: _Optional[str] = ..., appealable: _Optional[bool] = ..., appeal: _Optional[str] = ..., appellant: _Optional[str] = ..., resolution: _Optional[str] = ..., resolver: _Optional[str] = ..., item: _Optional[str] = ..., import_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class AppealRefusalRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResolveRefusalRequest(_message.Message):
    __slots__ = ("name", "state", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: RefusalState
    reason: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[RefusalState, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRefusalsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRefusalsResponse(_message.Message):
    __slots__ = ("refusals", "next_page_token")
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    next_page_token: str
    def __init__(self, refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
