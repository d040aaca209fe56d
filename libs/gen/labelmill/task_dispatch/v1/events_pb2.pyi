import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as _task_dispatch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TasksCreated(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class RoutingRequested(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class TasksOpened(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class AnnotationsSubmitted(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class ReviewsSubmitted(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class TasksAccepted(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class TasksCancelled(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class PredictionsRequested(_message.Message):
    __slots__ = ("project", "tasks", "model", "model_version", "lot")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    model: str
    model_version: str
    lot: _annotation_pb2.Lot
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ...) -> None: ...

class LotFrozen(_message.Message):
    __slots__ = ("project", "lot", "task_count", "project_task_count")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    project: str
    lot: _annotation_pb2.Lot
    task_count: int
    project_task_count: int
    def __init__(self, project: _Optional[str] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ..., task_count: _Optional[int] = ..., project_task_count: _Optional[int] = ...) -> None: ...

class LabelsWithdrawn(_message.Message):
    __slots__ = ("project", "tasks", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[WithdrawnLabel]
    reason: str
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[WithdrawnLabel, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class WithdrawnLabel(_message.Message):
    __slots__ = ("task", "task_version")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_VERSION_FIELD_NUMBER: _ClassVar[int]
    task: str
    task_version: int
    def __init__(self, task: _Optional[str] = ..., task_version: _Optional[int] = ...) -> None: ...

class ReviewsRefused(_message.Message):
    __slots__ = ("project", "request", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    request: str
    tasks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., request: _Optional[str] = ..., tasks: _Optional[_Iterable[str]] = ...) -> None: ...

class WorkWaiting(_message.Message):
    __slots__ = ("project", "task_count", "stranded_count", "stranded_reason", "evidence_count", "evidence_time")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    STRANDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    STRANDED_REASON_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    project: str
    task_count: int
    stranded_count: int
    stranded_reason: str
    evidence_count: int
    evidence_time: _timestamp_pb2.Timestamp
    def __init__(self, project: _Optional[str] = ..., task_count: _Optional[int] = ..., stranded_count: _Optional[int] = ..., stranded_reason: _Optional[str] = ..., evidence_count: _Optional[int] = ..., evidence_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
