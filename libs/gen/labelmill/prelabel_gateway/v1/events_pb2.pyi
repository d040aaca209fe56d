import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as _task_dispatch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CAUSE_UNSPECIFIED: _ClassVar[FailureCause]
    FAILURE_CAUSE_NO_MODEL: _ClassVar[FailureCause]
    FAILURE_CAUSE_MODEL_AWAY: _ClassVar[FailureCause]
    FAILURE_CAUSE_NO_ANSWER: _ClassVar[FailureCause]
FAILURE_CAUSE_UNSPECIFIED: FailureCause
FAILURE_CAUSE_NO_MODEL: FailureCause
FAILURE_CAUSE_MODEL_AWAY: FailureCause
FAILURE_CAUSE_NO_ANSWER: FailureCause

class PredictionsCompleted(_message.Message):
    __slots__ = ("project", "tasks", "lot")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[PredictedTask]
    lot: _annotation_pb2.Lot
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[PredictedTask, _Mapping]]] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ...) -> None: ...

class PredictedTask(_message.Message):
    __slots__ = ("task", "prediction")
    TASK_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    task: _task_dispatch_pb2.Task
    prediction: _annotation_pb2.Prediction
    def __init__(self, task: _Optional[_Union[_task_dispatch_pb2.Task, _Mapping]] = ..., prediction: _Optional[_Union[_annotation_pb2.Prediction, _Mapping]] = ...) -> None: ...

class PredictionsFailed(_message.Message):
    __slots__ = ("project", "tasks", "lot")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[FailedTask]
    lot: _annotation_pb2.Lot
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[FailedTask, _Mapping]]] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ...) -> None: ...

class PredictionsPostponed(_message.Message):
    __slots__ = ("project", "tasks", "since")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    since: _timestamp_pb2.Timestamp
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FeaturesComputed(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[TaskFeatures]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[TaskFeatures, _Mapping]]] = ...) -> None: ...

class TaskFeatures(_message.Message):
    __slots__ = ("task", "vector", "gold")
    TASK_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    task: str
    vector: bytes
    gold: bool
    def __init__(self, task: _Optional[str] = ..., vector: _Optional[bytes] = ..., gold: _Optional[bool] = ...) -> None: ...

class FailedTask(_message.Message):
    __slots__ = ("task", "reason", "cause")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    task: _task_dispatch_pb2.Task
    reason: str
    cause: FailureCause
    def __init__(self, task: _Optional[_Union[_task_dispatch_pb2.Task, _Mapping]] = ..., reason: _Optional[str] = ..., cause: _Optional[_Union[FailureCause, str]] = ...) -> None: ...

class InferenceMeasured(_message.Message):
    __slots__ = ("project", "seconds", "item_count")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    project: str
    seconds: float
    item_count: int
    def __init__(self, project: _Optional[str] = ..., seconds: _Optional[float] = ..., item_count: _Optional[int] = ...) -> None: ...
