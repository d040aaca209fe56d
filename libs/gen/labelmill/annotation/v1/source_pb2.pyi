from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class LabelSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_SOURCE_UNSPECIFIED: _ClassVar[LabelSource]
    LABEL_SOURCE_MACHINE: _ClassVar[LabelSource]
    LABEL_SOURCE_CONFIRMED: _ClassVar[LabelSource]
    LABEL_SOURCE_HUMAN: _ClassVar[LabelSource]
    LABEL_SOURCE_REVIEWED: _ClassVar[LabelSource]
LABEL_SOURCE_UNSPECIFIED: LabelSource
LABEL_SOURCE_MACHINE: LabelSource
LABEL_SOURCE_CONFIRMED: LabelSource
LABEL_SOURCE_HUMAN: LabelSource
LABEL_SOURCE_REVIEWED: LabelSource
