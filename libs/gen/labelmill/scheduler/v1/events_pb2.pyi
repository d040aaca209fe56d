from labelmill.scheduler.v1 import scheduler_pb2 as _scheduler_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScheduleUpdated(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: _scheduler_pb2.Schedule
    def __init__(self, schedule: _Optional[_Union[_scheduler_pb2.Schedule, _Mapping]] = ...) -> None: ...

class TrainingRequested(_message.Message):
    __slots__ = ("project", "number", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    number: int
    reason: str
    def __init__(self, project: _Optional[str] = ..., number: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
