from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Conversation(_message.Message):
    __slots__ = ("turns",)
    TURNS_FIELD_NUMBER: _ClassVar[int]
    turns: _containers.RepeatedCompositeFieldContainer[Turn]
    def __init__(self, turns: _Optional[_Iterable[_Union[Turn, _Mapping]]] = ...) -> None: ...

class Turn(_message.Message):
    __slots__ = ("role", "content", "replies")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    replies: _containers.RepeatedCompositeFieldContainer[Reply]
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., replies: _Optional[_Iterable[_Union[Reply, _Mapping]]] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ("id", "content", "rank", "ratings")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    RATINGS_FIELD_NUMBER: _ClassVar[int]
    id: str
    content: str
    rank: int
    ratings: _containers.RepeatedCompositeFieldContainer[Rating]
    def __init__(self, id: _Optional[str] = ..., content: _Optional[str] = ..., rank: _Optional[int] = ..., ratings: _Optional[_Iterable[_Union[Rating, _Mapping]]] = ...) -> None: ...

class Ranking(_message.Message):
    __slots__ = ("groups", "unacceptable")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    UNACCEPTABLE_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[RankGroup]
    unacceptable: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, groups: _Optional[_Iterable[_Union[RankGroup, _Mapping]]] = ..., unacceptable: _Optional[_Iterable[str]] = ...) -> None: ...

class RankGroup(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Preference(_message.Message):
    __slots__ = ("outcome", "chosen", "rejected", "strength", "ratings", "reason")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[Preference.Outcome]
        OUTCOME_CHOSEN: _ClassVar[Preference.Outcome]
        OUTCOME_TIE: _ClassVar[Preference.Outcome]
        OUTCOME_BOTH_BAD: _ClassVar[Preference.Outcome]
    OUTCOME_UNSPECIFIED: Preference.Outcome
    OUTCOME_CHOSEN: Preference.Outcome
    OUTCOME_TIE: Preference.Outcome
    OUTCOME_BOTH_BAD: Preference.Outcome
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    RATINGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    outcome: Preference.Outcome
    chosen: str
    rejected: str
    strength: int
    ratings: _containers.RepeatedCompositeFieldContainer[Rating]
    reason: str
    def __init__(self, outcome: _Optional[_Union[Preference.Outcome, str]] = ..., chosen: _Optional[str] = ..., rejected: _Optional[str] = ..., strength: _Optional[int] = ..., ratings: _Optional[_Iterable[_Union[Rating, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class Ratings(_message.Message):
    __slots__ = ("ratings",)
    RATINGS_FIELD_NUMBER: _ClassVar[int]
    ratings: _containers.RepeatedCompositeFieldContainer[Rating]
    def __init__(self, ratings: _Optional[_Iterable[_Union[Rating, _Mapping]]] = ...) -> None: ...

class Rating(_message.Message):
    __slots__ = ("scale", "value", "subject")
    SCALE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    scale: str
    value: float
    subject: str
    def __init__(self, scale: _Optional[str] = ..., value: _Optional[float] = ..., subject: _Optional[str] = ...) -> None: ...

class Rewrite(_message.Message):
    __slots__ = ("before", "after", "classes", "reason")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    before: str
    after: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, before: _Optional[str] = ..., after: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Prompt(_message.Message):
    __slots__ = ("title", "text", "system", "variables", "classes", "examples", "language")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    title: str
    text: str
    system: str
    variables: _containers.RepeatedCompositeFieldContainer[PromptVariable]
    classes: _containers.RepeatedScalarFieldContainer[str]
    examples: _containers.RepeatedCompositeFieldContainer[PromptExample]
    language: str
    def __init__(self, title: _Optional[str] = ..., text: _Optional[str] = ..., system: _Optional[str] = ..., variables: _Optional[_Iterable[_Union[PromptVariable, _Mapping]]] = ..., classes: _Optional[_Iterable[str]] = ..., examples: _Optional[_Iterable[_Union[PromptExample, _Mapping]]] = ..., language: _Optional[str] = ...) -> None: ...

class PromptVariable(_message.Message):
    __slots__ = ("name", "description", "default", "choices", "required")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    default: str
    choices: _containers.RepeatedScalarFieldContainer[str]
    required: bool
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., default: _Optional[str] = ..., choices: _Optional[_Iterable[str]] = ..., required: _Optional[bool] = ...) -> None: ...

class PromptExample(_message.Message):
    __slots__ = ("variables", "output")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    variables: _containers.ScalarMap[str, str]
    output: str
    def __init__(self, variables: _Optional[_Mapping[str, str]] = ..., output: _Optional[str] = ...) -> None: ...
