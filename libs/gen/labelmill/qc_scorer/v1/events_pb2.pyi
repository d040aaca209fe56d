from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
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

class PredictionsCompared(_message.Message):
    __slots__ = ("project", "compared_count", "equal_count")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    COMPARED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EQUAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    project: str
    compared_count: int
    equal_count: int
    def __init__(self, project: _Optional[str] = ..., compared_count: _Optional[int] = ..., equal_count: _Optional[int] = ...) -> None: ...

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

class LotPlanned(_message.Message):
    __slots__ = ("project", "model", "model_version", "decision", "reason", "batch_size", "lot", "forecast", "unreachable")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    project: str
    model: str
    model_version: str
    decision: str
    reason: str
    batch_size: int
    lot: _annotation_pb2.Lot
    forecast: _qc_scorer_pb2.Forecast
    unreachable: bool
    def __init__(self, project: _Optional[str] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., decision: _Optional[str] = ..., reason: _Optional[str] = ..., batch_size: _Optional[int] = ..., lot: _Optional[_Union[_annotation_pb2.Lot, _Mapping]] = ..., forecast: _Optional[_Union[_qc_scorer_pb2.Forecast, _Mapping]] = ..., unreachable: _Optional[bool] = ...) -> None: ...

class GroupsPassed(_message.Message):
    __slots__ = ("project", "gate", "groups")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    project: str
    gate: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., gate: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class LabelsRecalled(_message.Message):
    __slots__ = ("project", "gate", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    gate: str
    reason: str
    def __init__(self, project: _Optional[str] = ..., gate: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AnnotatorPaused(_message.Message):
    __slots__ = ("project", "annotator", "reason", "evidence", "limit", "gold_count", "wrong_count", "version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    GOLD_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRONG_COUNT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    annotator: str
    reason: str
    evidence: float
    limit: float
    gold_count: int
    wrong_count: int
    version: int
    def __init__(self, project: _Optional[str] = ..., annotator: _Optional[str] = ..., reason: _Optional[str] = ..., evidence: _Optional[float] = ..., limit: _Optional[float] = ..., gold_count: _Optional[int] = ..., wrong_count: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class AnnotatorResumed(_message.Message):
    __slots__ = ("project", "annotator", "reason", "resumed_by", "version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESUMED_BY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    annotator: str
    reason: str
    resumed_by: str
    version: int
    def __init__(self, project: _Optional[str] = ..., annotator: _Optional[str] = ..., reason: _Optional[str] = ..., resumed_by: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ReviewsRequested(_message.Message):
    __slots__ = ("project", "request", "tasks", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    request: str
    tasks: _containers.RepeatedCompositeFieldContainer[RequestedReview]
    reason: str
    def __init__(self, project: _Optional[str] = ..., request: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[RequestedReview, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class RequestedReview(_message.Message):
    __slots__ = ("task", "task_version", "priority")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_VERSION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    task: str
    task_version: int
    priority: float
    def __init__(self, task: _Optional[str] = ..., task_version: _Optional[int] = ..., priority: _Optional[float] = ...) -> None: ...
