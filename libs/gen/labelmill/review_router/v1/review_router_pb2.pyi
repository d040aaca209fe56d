from buf.validate import validate_pb2 as _validate_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    ACTION_ACCEPT: _ClassVar[Action]
    ACTION_ANNOTATE: _ClassVar[Action]
    ACTION_REVIEW: _ClassVar[Action]
    ACTION_ADJUDICATE: _ClassVar[Action]
    ACTION_AUDIT: _ClassVar[Action]
    ACTION_RETURN: _ClassVar[Action]
ACTION_UNSPECIFIED: Action
ACTION_ACCEPT: Action
ACTION_ANNOTATE: Action
ACTION_REVIEW: Action
ACTION_ADJUDICATE: Action
ACTION_AUDIT: Action
ACTION_RETURN: Action

class Routing(_message.Message):
    __slots__ = ("task", "task_version", "action", "reason", "prediction", "label", "replica_count", "blind", "sampled", "priority", "comment", "gate", "tie_breaker", "group")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_VERSION_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    REPLICA_COUNT_FIELD_NUMBER: _ClassVar[int]
    BLIND_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    TIE_BREAKER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    task: str
    task_version: int
    action: Action
    reason: str
    prediction: _annotation_pb2.Prediction
    label: _annotation_pb2.Label
    replica_count: int
    blind: bool
    sampled: bool
    priority: float
    comment: str
    gate: str
    tie_breaker: float
    group: str
    def __init__(self, task: _Optional[str] = ..., task_version: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., reason: _Optional[str] = ..., prediction: _Optional[_Union[_annotation_pb2.Prediction, _Mapping]] = ..., label: _Optional[_Union[_annotation_pb2.Label, _Mapping]] = ..., replica_count: _Optional[int] = ..., blind: _Optional[bool] = ..., sampled: _Optional[bool] = ..., priority: _Optional[float] = ..., comment: _Optional[str] = ..., gate: _Optional[str] = ..., tie_breaker: _Optional[float] = ..., group: _Optional[str] = ...) -> None: ...

class TryRouteRequest(_message.Message):
    __slots__ = ("parent", "prediction")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    prediction: _annotation_pb2.Prediction
    def __init__(self, parent: _Optional[str] = ..., prediction: _Optional[_Union[_annotation_pb2.Prediction, _Mapping]] = ...) -> None: ...
