from buf.validate import validate_pb2 as _validate_pb2
from labelmill.annotation.v1 import image_pb2 as _image_pb2
from labelmill.annotation.v1 import source_pb2 as _source_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Vector(_message.Message):
    __slots__ = ("x", "y", "z")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class Quaternion(_message.Message):
    __slots__ = ("w", "x", "y", "z")
    W_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    w: float
    x: float
    y: float
    z: float
    def __init__(self, w: _Optional[float] = ..., x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class Cuboids(_message.Message):
    __slots__ = ("frame", "cuboids")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    CUBOIDS_FIELD_NUMBER: _ClassVar[int]
    frame: str
    cuboids: _containers.RepeatedCompositeFieldContainer[Cuboid]
    def __init__(self, frame: _Optional[str] = ..., cuboids: _Optional[_Iterable[_Union[Cuboid, _Mapping]]] = ...) -> None: ...

class Cuboid(_message.Message):
    __slots__ = ("attributes", "score", "source", "id", "centre", "size", "rotation", "velocity", "point_count")
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
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_FIELD_NUMBER: _ClassVar[int]
    POINT_COUNT_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.ScalarMap[str, str]
    score: float
    source: _source_pb2.LabelSource
    id: str
    centre: Vector
    size: Vector
    rotation: Quaternion
    velocity: Vector
    point_count: int
    def __init__(self, attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., centre: _Optional[_Union[Vector, _Mapping]] = ..., size: _Optional[_Union[Vector, _Mapping]] = ..., rotation: _Optional[_Union[Quaternion, _Mapping]] = ..., velocity: _Optional[_Union[Vector, _Mapping]] = ..., point_count: _Optional[int] = ..., **kwargs) -> None: ...

class PointLabels(_message.Message):
    __slots__ = ("count", "classes", "class_runs", "object_runs")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CLASS_RUNS_FIELD_NUMBER: _ClassVar[int]
    OBJECT_RUNS_FIELD_NUMBER: _ClassVar[int]
    count: int
    classes: _containers.RepeatedScalarFieldContainer[str]
    class_runs: _containers.RepeatedScalarFieldContainer[int]
    object_runs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, count: _Optional[int] = ..., classes: _Optional[_Iterable[str]] = ..., class_runs: _Optional[_Iterable[int]] = ..., object_runs: _Optional[_Iterable[int]] = ...) -> None: ...

class CuboidTracks(_message.Message):
    __slots__ = ("frame", "tracks")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    frame: str
    tracks: _containers.RepeatedCompositeFieldContainer[CuboidTrack]
    def __init__(self, frame: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[CuboidTrack, _Mapping]]] = ...) -> None: ...

class CuboidTrack(_message.Message):
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
    frames: _containers.RepeatedCompositeFieldContainer[CuboidKeyFrame]
    def __init__(self, attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[CuboidKeyFrame, _Mapping]]] = ..., **kwargs) -> None: ...

class CuboidKeyFrame(_message.Message):
    __slots__ = ("frame", "time", "centre", "size", "rotation", "velocity", "outside", "occluded", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_FIELD_NUMBER: _ClassVar[int]
    OUTSIDE_FIELD_NUMBER: _ClassVar[int]
    OCCLUDED_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    frame: int
    time: float
    centre: Vector
    size: Vector
    rotation: Quaternion
    velocity: Vector
    outside: bool
    occluded: bool
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, frame: _Optional[int] = ..., time: _Optional[float] = ..., centre: _Optional[_Union[Vector, _Mapping]] = ..., size: _Optional[_Union[Vector, _Mapping]] = ..., rotation: _Optional[_Union[Quaternion, _Mapping]] = ..., velocity: _Optional[_Union[Vector, _Mapping]] = ..., outside: _Optional[bool] = ..., occluded: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GroundMap(_message.Message):
    __slots__ = ("frame", "elements")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    frame: str
    elements: _containers.RepeatedCompositeFieldContainer[MapElement]
    def __init__(self, frame: _Optional[str] = ..., elements: _Optional[_Iterable[_Union[MapElement, _Mapping]]] = ...) -> None: ...

class MapElement(_message.Message):
    __slots__ = ("attributes", "score", "source", "id", "line", "area", "box")
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
    LINE_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.ScalarMap[str, str]
    score: float
    source: _source_pb2.LabelSource
    id: str
    line: GroundLine
    area: GroundArea
    box: GroundBox
    def __init__(self, attributes: _Optional[_Mapping[str, str]] = ..., score: _Optional[float] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ..., id: _Optional[str] = ..., line: _Optional[_Union[GroundLine, _Mapping]] = ..., area: _Optional[_Union[GroundArea, _Mapping]] = ..., box: _Optional[_Union[GroundBox, _Mapping]] = ..., **kwargs) -> None: ...

class GroundLine(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, points: _Optional[_Iterable[float]] = ...) -> None: ...

class GroundArea(_message.Message):
    __slots__ = ("points", "holes")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    HOLES_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    holes: _containers.RepeatedCompositeFieldContainer[GroundLine]
    def __init__(self, points: _Optional[_Iterable[float]] = ..., holes: _Optional[_Iterable[_Union[GroundLine, _Mapping]]] = ...) -> None: ...

class GroundBox(_message.Message):
    __slots__ = ("x", "y", "length", "width", "yaw")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    YAW_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    length: float
    width: float
    yaw: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., length: _Optional[float] = ..., width: _Optional[float] = ..., yaw: _Optional[float] = ...) -> None: ...

class Fusion(_message.Message):
    __slots__ = ("cuboids", "cameras", "links")
    CUBOIDS_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    cuboids: Cuboids
    cameras: _containers.RepeatedCompositeFieldContainer[CameraObjects]
    links: _containers.RepeatedCompositeFieldContainer[Link]
    def __init__(self, cuboids: _Optional[_Union[Cuboids, _Mapping]] = ..., cameras: _Optional[_Iterable[_Union[CameraObjects, _Mapping]]] = ..., links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ...) -> None: ...

class CameraObjects(_message.Message):
    __slots__ = ("camera", "objects")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    camera: str
    objects: _containers.RepeatedCompositeFieldContainer[_image_pb2.ImageObject]
    def __init__(self, camera: _Optional[str] = ..., objects: _Optional[_Iterable[_Union[_image_pb2.ImageObject, _Mapping]]] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("cuboid", "camera", "object")
    CUBOID_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    cuboid: str
    camera: str
    object: str
    def __init__(self, cuboid: _Optional[str] = ..., camera: _Optional[str] = ..., object: _Optional[str] = ...) -> None: ...
