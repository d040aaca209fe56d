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

class TasksAssigned(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...

class TasksReturned(_message.Message):
    __slots__ = ("project", "tasks", "reason")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    reason: str
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

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

class TasksDelivered(_message.Message):
    __slots__ = ("project", "tasks", "delivery")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedScalarFieldContainer[str]
    delivery: str
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[str]] = ..., delivery: _Optional[str] = ...) -> None: ...

class TasksCancelled(_message.Message):
    __slots__ = ("project", "tasks")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    project: str
    tasks: _containers.RepeatedCompositeFieldContainer[_task_dispatch_pb2.Task]
    def __init__(self, project: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_task_dispatch_pb2.Task, _Mapping]]] = ...) -> None: ...
