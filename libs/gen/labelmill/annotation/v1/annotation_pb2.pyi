import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import image_pb2 as _image_pb2
from labelmill.annotation.v1 import language_model_pb2 as _language_model_pb2
from labelmill.annotation.v1 import sound_pb2 as _sound_pb2
from labelmill.annotation.v1 import source_pb2 as _source_pb2
from labelmill.annotation.v1 import space_pb2 as _space_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_APPROVED: _ClassVar[Verdict]
    VERDICT_REJECTED: _ClassVar[Verdict]
    VERDICT_FIXED: _ClassVar[Verdict]
VERDICT_UNSPECIFIED: Verdict
VERDICT_APPROVED: Verdict
VERDICT_REJECTED: Verdict
VERDICT_FIXED: Verdict

class Value(_message.Message):
    __slots__ = ("choices", "text", "boxes", "spans", "objects", "segments", "tracks", "cuboids", "points", "cuboid_tracks", "map", "fusion", "conversation", "ranking", "preference", "ratings", "rewrite", "prompt", "composite")
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    CUBOIDS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    CUBOID_TRACKS_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    FUSION_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    PREFERENCE_FIELD_NUMBER: _ClassVar[int]
    RATINGS_FIELD_NUMBER: _ClassVar[int]
    REWRITE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    COMPOSITE_FIELD_NUMBER: _ClassVar[int]
    choices: Choices
    text: TextValue
    boxes: Boxes
    spans: Spans
    objects: _image_pb2.ImageObjects
    segments: _sound_pb2.Segments
    tracks: _image_pb2.Tracks
    cuboids: _space_pb2.Cuboids
    points: _space_pb2.PointLabels
    cuboid_tracks: _space_pb2.CuboidTracks
    map: _space_pb2.GroundMap
    fusion: _space_pb2.Fusion
    conversation: _language_model_pb2.Conversation
    ranking: _language_model_pb2.Ranking
    preference: _language_model_pb2.Preference
    ratings: _language_model_pb2.Ratings
    rewrite: _language_model_pb2.Rewrite
    prompt: _language_model_pb2.Prompt
    composite: Composite
    def __init__(self, choices: _Optional[_Union[Choices, _Mapping]] = ..., text: _Optional[_Union[TextValue, _Mapping]] = ..., boxes: _Optional[_Union[Boxes, _Mapping]] = ..., spans: _Optional[_Union[Spans, _Mapping]] = ..., objects: _Optional[_Union[_image_pb2.ImageObjects, _Mapping]] = ..., segments: _Optional[_Union[_sound_pb2.Segments, _Mapping]] = ..., tracks: _Optional[_Union[_image_pb2.Tracks, _Mapping]] = ..., cuboids: _Optional[_Union[_space_pb2.Cuboids, _Mapping]] = ..., points: _Optional[_Union[_space_pb2.PointLabels, _Mapping]] = ..., cuboid_tracks: _Optional[_Union[_space_pb2.CuboidTracks, _Mapping]] = ..., map: _Optional[_Union[_space_pb2.GroundMap, _Mapping]] = ..., fusion: _Optional[_Union[_space_pb2.Fusion, _Mapping]] = ..., conversation: _Optional[_Union[_language_model_pb2.Conversation, _Mapping]] = ..., ranking: _Optional[_Union[_language_model_pb2.Ranking, _Mapping]] = ..., preference: _Optional[_Union[_language_model_pb2.Preference, _Mapping]] = ..., ratings: _Optional[_Union[_language_model_pb2.Ratings, _Mapping]] = ..., rewrite: _Optional[_Union[_language_model_pb2.Rewrite, _Mapping]] = ..., prompt: _Optional[_Union[_language_model_pb2.Prompt, _Mapping]] = ..., composite: _Optional[_Union[Composite, _Mapping]] = ...) -> None: ...

class Choices(_message.Message):
    __slots__ = ("classes",)
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, classes: _Optional[_Iterable[str]] = ...) -> None: ...

class TextValue(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Boxes(_message.Message):
    __slots__ = ("boxes",)
    BOXES_FIELD_NUMBER: _ClassVar[int]
    boxes: _containers.RepeatedCompositeFieldContainer[Box]
    def __init__(self, boxes: _Optional[_Iterable[_Union[Box, _Mapping]]] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ("x", "y", "width", "height", "score", "attributes", "source", "id")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLASS_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    score: float
    attributes: _containers.ScalarMap[str, str]
    source: _source_pb2.LabelSource
    id: str
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., score: _Optional[float] = ..., attributes: _Optional[_Mapping[str, str]] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., **kwargs) -> None: ...

class Spans(_message.Message):
    __slots__ = ("spans", "relations")
    SPANS_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[Span]
    relations: _containers.RepeatedCompositeFieldContainer[Relation]
    def __init__(self, spans: _Optional[_Iterable[_Union[Span, _Mapping]]] = ..., relations: _Optional[_Iterable[_Union[Relation, _Mapping]]] = ...) -> None: ...

class Relation(_message.Message):
    __slots__ = ("head", "tail", "attributes", "score")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLASS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    head: str
    tail: str
    attributes: _containers.ScalarMap[str, str]
    score: float
    def __init__(self, head: _Optional[str] = ..., tail: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., **kwargs) -> None: ...

class Span(_message.Message):
    __slots__ = ("start", "end", "attributes", "score", "source", "id")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    attributes: _containers.ScalarMap[str, str]
    score: float
    source: _source_pb2.LabelSource
    id: str
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., **kwargs) -> None: ...

class Composite(_message.Message):
    __slots__ = ("parts", "conflicts")
    PARTS_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[PartValue]
    conflicts: _containers.RepeatedCompositeFieldContainer[Conflict]
    def __init__(self, parts: _Optional[_Iterable[_Union[PartValue, _Mapping]]] = ..., conflicts: _Optional[_Iterable[_Union[Conflict, _Mapping]]] = ...) -> None: ...

class PartValue(_message.Message):
    __slots__ = ("part", "element", "value")
    PART_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    part: str
    element: str
    value: Value
    def __init__(self, part: _Optional[str] = ..., element: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Conflict(_message.Message):
    __slots__ = ("parts", "reason", "objects")
    PARTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    objects: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, parts: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., objects: _Optional[_Iterable[str]] = ...) -> None: ...

class Prediction(_message.Message):
    __slots__ = ("name", "task", "model", "model_version", "template", "value", "score", "create_time", "lot", "injected_error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    INJECTED_ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    model: str
    model_version: str
    template: str
    value: Value
    score: float
    create_time: _timestamp_pb2.Timestamp
    lot: int
    injected_error: Value
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., template: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ..., score: _Optional[float] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lot: _Optional[int] = ..., injected_error: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Lot(_message.Message):
    __slots__ = ("gate", "number", "audit_rate")
    GATE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RATE_FIELD_NUMBER: _ClassVar[int]
    gate: str
    number: int
    audit_rate: float
    def __init__(self, gate: _Optional[str] = ..., number: _Optional[int] = ..., audit_rate: _Optional[float] = ...) -> None: ...

class Annotation(_message.Message):
    __slots__ = ("name", "annotator", "value", "create_time", "work_seconds", "prediction", "late", "held", "after_hint", "objected", "unchecked", "delegate")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    WORK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    AFTER_HINT_FIELD_NUMBER: _ClassVar[int]
    OBJECTED_FIELD_NUMBER: _ClassVar[int]
    UNCHECKED_FIELD_NUMBER: _ClassVar[int]
    DELEGATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    value: Value
    create_time: _timestamp_pb2.Timestamp
    work_seconds: float
    prediction: str
    late: bool
    held: bool
    after_hint: bool
    objected: bool
    unchecked: bool
    delegate: str
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., work_seconds: _Optional[float] = ..., prediction: _Optional[str] = ..., late: _Optional[bool] = ..., held: _Optional[bool] = ..., after_hint: _Optional[bool] = ..., objected: _Optional[bool] = ..., unchecked: _Optional[bool] = ..., delegate: _Optional[str] = ...) -> None: ...

class Review(_message.Message):
    __slots__ = ("name", "reviewer", "verdict", "value", "comment", "create_time", "work_seconds", "delegate")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    WORK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DELEGATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    reviewer: str
    verdict: Verdict
    value: Value
    comment: str
    create_time: _timestamp_pb2.Timestamp
    work_seconds: float
    delegate: str
    def __init__(self, name: _Optional[str] = ..., reviewer: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., value: _Optional[_Union[Value, _Mapping]] = ..., comment: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., work_seconds: _Optional[float] = ..., delegate: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("action", "reason", "create_time", "task_version")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TASK_VERSION_FIELD_NUMBER: _ClassVar[int]
    action: str
    reason: str
    create_time: _timestamp_pb2.Timestamp
    task_version: int
    def __init__(self, action: _Optional[str] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., task_version: _Optional[int] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("value", "source", "score", "accept_time", "gate")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TIME_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    value: Value
    source: _source_pb2.LabelSource
    score: float
    accept_time: _timestamp_pb2.Timestamp
    gate: str
    def __init__(self, value: _Optional[_Union[Value, _Mapping]] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., score: _Optional[float] = ..., accept_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gate: _Optional[str] = ...) -> None: ...
