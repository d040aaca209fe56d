from labelmill.review_router.v1 import review_router_pb2 as _review_router_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TasksRouted(_message.Message):
    __slots__ = ("project", "routings")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ROUTINGS_FIELD_NUMBER: _ClassVar[int]
    project: str
    routings: _containers.RepeatedCompositeFieldContainer[_review_router_pb2.Routing]
    def __init__(self, project: _Optional[str] = ..., routings: _Optional[_Iterable[_Union[_review_router_pb2.Routing, _Mapping]]] = ...) -> None: ...
