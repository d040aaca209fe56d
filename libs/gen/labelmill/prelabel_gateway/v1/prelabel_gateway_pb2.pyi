from buf.validate import validate_pb2 as _validate_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PredictRequest(_message.Message):
    __slots__ = ("parent", "data", "assignment")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    data: str
    assignment: str
    def __init__(self, parent: _Optional[str] = ..., data: _Optional[str] = ..., assignment: _Optional[str] = ...) -> None: ...

class AssistRequest(_message.Message):
    __slots__ = ("parent", "capability", "data", "value", "element", "inputs", "assignment")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    capability: str
    data: str
    value: _annotation_pb2.Value
    element: str
    inputs: _annotation_pb2.Composite
    assignment: str
    def __init__(self, parent: _Optional[str] = ..., capability: _Optional[str] = ..., data: _Optional[str] = ..., value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., element: _Optional[str] = ..., inputs: _Optional[_Union[_annotation_pb2.Composite, _Mapping]] = ..., assignment: _Optional[str] = ...) -> None: ...

class AssistResponse(_message.Message):
    __slots__ = ("value", "model", "model_version")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    value: _annotation_pb2.Value
    model: str
    model_version: str
    def __init__(self, value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ...) -> None: ...

class ListPredictionsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListPredictionsResponse(_message.Message):
    __slots__ = ("predictions",)
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    predictions: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Prediction]
    def __init__(self, predictions: _Optional[_Iterable[_Union[_annotation_pb2.Prediction, _Mapping]]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "version", "ready", "capability", "classes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    ready: bool
    capability: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., ready: _Optional[bool] = ..., capability: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ...) -> None: ...
