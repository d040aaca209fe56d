from labelmill.intake.v1 import intake_pb2 as _intake_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ItemsAdmitted(_message.Message):
    __slots__ = ("project", "items")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    project: str
    items: _containers.RepeatedCompositeFieldContainer[_intake_pb2.Item]
    def __init__(self, project: _Optional[str] = ..., items: _Optional[_Iterable[_Union[_intake_pb2.Item, _Mapping]]] = ...) -> None: ...

class ItemsRefused(_message.Message):
    __slots__ = ("project", "refusals")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    project: str
    refusals: _containers.RepeatedCompositeFieldContainer[_intake_pb2.Refusal]
    def __init__(self, project: _Optional[str] = ..., refusals: _Optional[_Iterable[_Union[_intake_pb2.Refusal, _Mapping]]] = ...) -> None: ...
