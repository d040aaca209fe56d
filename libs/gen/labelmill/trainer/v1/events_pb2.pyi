from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from labelmill.trainer.v1 import trainer_pb2 as _trainer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelCandidateEvaluated(_message.Message):
    __slots__ = ("project", "evaluation")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    project: str
    evaluation: _trainer_pb2.Evaluation
    def __init__(self, project: _Optional[str] = ..., evaluation: _Optional[_Union[_trainer_pb2.Evaluation, _Mapping]] = ...) -> None: ...

class ModelPromoted(_message.Message):
    __slots__ = ("project", "version", "lot")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    project: str
    version: _trainer_pb2.ModelVersion
    lot: _annotation_pb2.Lot
    def __init__(self, project: _Optional[str] = ..., version: _Optional[_Union[_trainer_pb2.ModelVersion, _Mapping]] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ...) -> None: ...

class ModelRolledBack(_message.Message):
    __slots__ = ("project", "version", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    version: _trainer_pb2.ModelVersion
    reason: str
    def __init__(self, project: _Optional[str] = ..., version: _Optional[_Union[_trainer_pb2.ModelVersion, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class TasksPrioritized(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[TaskPriority]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[TaskPriority, _Mapping]]] = ...) -> None: ...

class TaskPriority(_message.Message):
    __slots__ = ("task", "priority", "drawn")
    TASK_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    task: str
    priority: float
    drawn: bool
    def __init__(self, task: _Optional[str] = ..., priority: _Optional[float] = ..., drawn: _Optional[bool] = ...) -> None: ...

class NothingToLearn(_message.Message):
    __slots__ = ("project", "number", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    number: int
    reason: str
    def __init__(self, project: _Optional[str] = ..., number: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
