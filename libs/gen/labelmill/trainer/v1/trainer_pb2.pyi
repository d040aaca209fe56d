import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.qc_scorer.v1 import qc_scorer_pb2 as _qc_scorer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_STATE_UNSPECIFIED: _ClassVar[ModelState]
    MODEL_STATE_CANDIDATE: _ClassVar[ModelState]
    MODEL_STATE_SHADOW: _ClassVar[ModelState]
    MODEL_STATE_CANARY: _ClassVar[ModelState]
    MODEL_STATE_SERVING: _ClassVar[ModelState]
    MODEL_STATE_RETIRED: _ClassVar[ModelState]
    MODEL_STATE_REFUSED: _ClassVar[ModelState]
    MODEL_STATE_ROLLED_BACK: _ClassVar[ModelState]
MODEL_STATE_UNSPECIFIED: ModelState
MODEL_STATE_CANDIDATE: ModelState
MODEL_STATE_SHADOW: ModelState
MODEL_STATE_CANARY: ModelState
MODEL_STATE_SERVING: ModelState
MODEL_STATE_RETIRED: ModelState
MODEL_STATE_REFUSED: ModelState
MODEL_STATE_ROLLED_BACK: ModelState

class ModelVersion(_message.Message):
    __slots__ = ("name", "project", "model", "version", "state", "reason", "embedding", "label_count", "labels_digest", "weights_digest", "accuracy", "drawn_count", "calibration_error", "cpu_seconds", "comparison", "create_time", "row_version", "class_calibration")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    LABEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ROW_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLASS_CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    project: str
    model: str
    version: str
    state: ModelState
    reason: str
    embedding: str
    label_count: int
    labels_digest: str
    weights_digest: str
    accuracy: float
    drawn_count: int
    calibration_error: float
    cpu_seconds: float
    comparison: Comparison
    create_time: _timestamp_pb2.Timestamp
    row_version: int
    class_calibration: _containers.RepeatedCompositeFieldContainer[ClassCalibration]
    def __init__(self, name: _Optional[str] = ..., project: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[_Union[ModelState, str]] = ..., reason: _Optional[str] = ..., embedding: _Optional[str] = ..., label_count: _Optional[int] = ..., labels_digest: _Optional[str] = ..., weights_digest: _Optional[str] = ..., accuracy: _Optional[float] = ..., drawn_count: _Optional[int] = ..., calibration_error: _Optional[float] = ..., cpu_seconds: _Optional[float] = ..., comparison: _Optional[_Union[Comparison, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., row_version: _Optional[int] = ..., class_calibration: _Optional[_Iterable[_Union[ClassCalibration, _Mapping]]] = ...) -> None: ...

class ClassCalibration(_message.Message):
    __slots__ = ("name", "count", "confidence", "accuracy")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    name: str
    count: int
    confidence: float
    accuracy: float
    def __init__(self, name: _Optional[str] = ..., count: _Optional[int] = ..., confidence: _Optional[float] = ..., accuracy: _Optional[float] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("against", "item_count", "only_new", "only_old", "lower_bound")
    AGAINST_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    ONLY_OLD_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    against: str
    item_count: int
    only_new: int
    only_old: int
    lower_bound: float
    def __init__(self, against: _Optional[str] = ..., item_count: _Optional[int] = ..., only_new: _Optional[int] = ..., only_old: _Optional[int] = ..., lower_bound: _Optional[float] = ...) -> None: ...

class PoolCurve(_message.Message):
    __slots__ = ("counts", "errors")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    errors: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, counts: _Optional[_Iterable[int]] = ..., errors: _Optional[_Iterable[float]] = ...) -> None: ...

class Evaluation(_message.Message):
    __slots__ = ("version", "curve", "reliability", "task_count")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    version: ModelVersion
    curve: PoolCurve
    reliability: _containers.RepeatedCompositeFieldContainer[_qc_scorer_pb2.ReliabilityBin]
    task_count: int
    def __init__(self, version: _Optional[_Union[ModelVersion, _Mapping]] = ..., curve: _Optional[_Union[PoolCurve, _Mapping]] = ..., reliability: _Optional[_Iterable[_Union[_qc_scorer_pb2.ReliabilityBin, _Mapping]]] = ..., task_count: _Optional[int] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[ModelVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[ModelVersion, _Mapping]]] = ...) -> None: ...

class RollBackRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
