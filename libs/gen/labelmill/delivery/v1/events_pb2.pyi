from labelmill.delivery.v1 import delivery_pb2 as _delivery_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LabelsFrozen(_message.Message):
    __slots__ = ("project", "delivery", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    delivery: str
    tasks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., delivery: _Optional[str] = ..., tasks: _Optional[_Iterable[str]] = ...) -> None: ...

class DeliveryCompleted(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: _delivery_pb2.Delivery
    def __init__(self, delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ...) -> None: ...

class DeliveryAccepted(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: _delivery_pb2.Delivery
    def __init__(self, delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ...) -> None: ...

class DeliveryRejected(_message.Message):
    __slots__ = ("project", "delivery", "tasks", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    delivery: _delivery_pb2.Delivery
    tasks: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, project: _Optional[str] = ..., delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ..., tasks: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...
