from buf.validate import validate_pb2 as _validate_pb2
from labelmill.annotation.v1 import source_pb2 as _source_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Visibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VISIBILITY_UNSPECIFIED: _ClassVar[Visibility]
    VISIBILITY_HIDDEN: _ClassVar[Visibility]
    VISIBILITY_VISIBLE: _ClassVar[Visibility]
VISIBILITY_UNSPECIFIED: Visibility
VISIBILITY_HIDDEN: Visibility
VISIBILITY_VISIBLE: Visibility

class ImageObjects(_message.Message):
    __slots__ = ("objects",)
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[ImageObject]
    def __init__(self, objects: _Optional[_Iterable[_Union[ImageObject, _Mapping]]] = ...) -> None: ...

class ImageObject(_message.Message):
    __slots__ = ("attributes", "score", "source", "id", "text", "order", "crowd", "rect", "rotated", "polygon", "polyline", "mask", "keypoints", "quad")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLASS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CROWD_FIELD_NUMBER: _ClassVar[int]
    RECT_FIELD_NUMBER: _ClassVar[int]
    ROTATED_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    POLYLINE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    QUAD_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.ScalarMap[str, str]
    score: float
    source: _source_pb2.LabelSource
    id: str
    text: str
    order: int
    crowd: bool
    rect: Rect
    rotated: RotatedRect
    polygon: Polygon
    polyline: Polyline
    mask: Mask
    keypoints: Keypoints
    quad: Quad
    def __init__(self, attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., text: _Optional[str] = ..., order: _Optional[int] = ..., crowd: _Optional[bool] = ..., rect: _Optional[_Union[Rect, _Mapping]] = ..., rotated: _Optional[_Union[RotatedRect, _Mapping]] = ..., polygon: _Optional[_Union[Polygon, _Mapping]] = ..., polyline: _Optional[_Union[Polyline, _Mapping]] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ..., keypoints: _Optional[_Union[Keypoints, _Mapping]] = ..., quad: _Optional[_Union[Quad, _Mapping]] = ..., **kwargs) -> None: ...

class Rect(_message.Message):
    __slots__ = ("x", "y", "width", "height")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class RotatedRect(_message.Message):
    __slots__ = ("x", "y", "width", "height", "angle")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ANGLE_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    angle: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., angle: _Optional[float] = ...) -> None: ...

class Polygon(_message.Message):
    __slots__ = ("rings",)
    RINGS_FIELD_NUMBER: _ClassVar[int]
    rings: _containers.RepeatedCompositeFieldContainer[Ring]
    def __init__(self, rings: _Optional[_Iterable[_Union[Ring, _Mapping]]] = ...) -> None: ...

class Ring(_message.Message):
    __slots__ = ("points", "hole")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    HOLE_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    hole: bool
    def __init__(self, points: _Optional[_Iterable[float]] = ..., hole: _Optional[bool] = ...) -> None: ...

class Polyline(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, points: _Optional[_Iterable[float]] = ...) -> None: ...

class Mask(_message.Message):
    __slots__ = ("height", "width", "counts")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    counts: str
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., counts: _Optional[str] = ...) -> None: ...

class Keypoints(_message.Message):
    __slots__ = ("points", "rect")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    RECT_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[Keypoint]
    rect: Rect
    def __init__(self, points: _Optional[_Iterable[_Union[Keypoint, _Mapping]]] = ..., rect: _Optional[_Union[Rect, _Mapping]] = ...) -> None: ...

class Keypoint(_message.Message):
    __slots__ = ("x", "y", "visibility")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    visibility: Visibility
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., visibility: _Optional[_Union[Visibility, str]] = ...) -> None: ...

class Quad(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, points: _Optional[_Iterable[float]] = ...) -> None: ...

class Tracks(_message.Message):
    __slots__ = ("tracks",)
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[Track]
    def __init__(self, tracks: _Optional[_Iterable[_Union[Track, _Mapping]]] = ...) -> None: ...

class Track(_message.Message):
    __slots__ = ("attributes", "score", "source", "id", "frames")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CLASS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.ScalarMap[str, str]
    score: float
    source: _source_pb2.LabelSource
    id: str
    frames: _containers.RepeatedCompositeFieldContainer[KeyFrame]
    def __init__(self, attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[KeyFrame, _Mapping]]] = ..., **kwargs) -> None: ...

class KeyFrame(_message.Message):
    __slots__ = ("frame", "outside", "occluded", "attributes", "rect", "rotated", "polygon", "polyline", "mask", "keypoints")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OUTSIDE_FIELD_NUMBER: _ClassVar[int]
    OCCLUDED_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    RECT_FIELD_NUMBER: _ClassVar[int]
    ROTATED_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    POLYLINE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    frame: int
    outside: bool
    occluded: bool
    attributes: _containers.ScalarMap[str, str]
    rect: Rect
    rotated: RotatedRect
    polygon: Polygon
    polyline: Polyline
    mask: Mask
    keypoints: Keypoints
    def __init__(self, frame: _Optional[int] = ..., outside: _Optional[bool] = ..., occluded: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ..., rect: _Optional[_Union[Rect, _Mapping]] = ..., rotated: _Optional[_Union[RotatedRect, _Mapping]] = ..., polygon: _Optional[_Union[Polygon, _Mapping]] = ..., polyline: _Optional[_Union[Polyline, _Mapping]] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ..., keypoints: _Optional[_Union[Keypoints, _Mapping]] = ...) -> None: ...
