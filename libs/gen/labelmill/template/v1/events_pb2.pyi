from labelmill.template.v1 import template_pb2 as _template_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProjectUpdated(_message.Message):
    __slots__ = ("project", "template")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    project: _template_pb2.Project
    template: _template_pb2.Template
    def __init__(self, project: _Optional[_Union[_template_pb2.Project, _Mapping]] = ..., template: _Optional[_Union[_template_pb2.Template, _Mapping]] = ...) -> None: ...
