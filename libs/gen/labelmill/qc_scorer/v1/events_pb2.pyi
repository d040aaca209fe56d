from labelmill.qc_scorer.v1 import qc_scorer_pb2 as _qc_scorer_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as _task_dispatch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TasksScored(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[ScoredTask]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[ScoredTask, _Mapping]]] = ...) -> None: ...

class ScoredTask(_message.Message):
    __slots__ = ("task", "score")
    TASK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    task: _task_dispatch_pb2.Task
    score: _qc_scorer_pb2.Score
    def __init__(self, task: _Optional[_Union[_task_dispatch_pb2.Task, _Mapping]] = ..., score: _Optional[_Union[_qc_scorer_pb2.Score, _Mapping]] = ...) -> None: ...

class GateUpdated(_message.Message):
    __slots__ = ("gate",)
    GATE_FIELD_NUMBER: _ClassVar[int]
    gate: _qc_scorer_pb2.Gate
    def __init__(self, gate: _Optional[_Union[_qc_scorer_pb2.Gate, _Mapping]] = ...) -> None: ...

class QualityUpdated(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _qc_scorer_pb2.QualityReport
    def __init__(self, report: _Optional[_Union[_qc_scorer_pb2.QualityReport, _Mapping]] = ...) -> None: ...
