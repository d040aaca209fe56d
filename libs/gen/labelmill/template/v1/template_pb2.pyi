import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reference(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFERENCE_UNSPECIFIED: _ClassVar[Reference]
    REFERENCE_AUDITED: _ClassVar[Reference]
    REFERENCE_EXPERTS: _ClassVar[Reference]

class CleaningAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLEANING_ACTION_UNSPECIFIED: _ClassVar[CleaningAction]
    CLEANING_ACTION_OFF: _ClassVar[CleaningAction]
    CLEANING_ACTION_FLAG: _ClassVar[CleaningAction]
    CLEANING_ACTION_REFUSE: _ClassVar[CleaningAction]
REFERENCE_UNSPECIFIED: Reference
REFERENCE_AUDITED: Reference
REFERENCE_EXPERTS: Reference
CLEANING_ACTION_UNSPECIFIED: CleaningAction
CLEANING_ACTION_OFF: CleaningAction
CLEANING_ACTION_FLAG: CleaningAction
CLEANING_ACTION_REFUSE: CleaningAction

class Template(_message.Message):
    __slots__ = ("name", "display_name", "create_time", "data_fields", "label_schema", "unit_of_error", "loss", "merge_rule", "model_route", "exports", "guideline", "definition", "loss_tolerance", "parts", "assists", "example", "join", "per")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELDS_FIELD_NUMBER: _ClassVar[int]
    LABEL_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    UNIT_OF_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    MERGE_RULE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ROUTE_FIELD_NUMBER: _ClassVar[int]
    EXPORTS_FIELD_NUMBER: _ClassVar[int]
    GUIDELINE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    LOSS_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ASSISTS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    create_time: _timestamp_pb2.Timestamp
    data_fields: _containers.RepeatedCompositeFieldContainer[DataField]
    label_schema: LabelSchema
    unit_of_error: str
    loss: str
    merge_rule: str
    model_route: ModelRoute
    exports: _containers.RepeatedScalarFieldContainer[str]
    guideline: str
    definition: str
    loss_tolerance: float
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    assists: _containers.RepeatedCompositeFieldContainer[Assist]
    example: str
    join: str
    per: str
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., data_fields: _Optional[_Iterable[_Union[DataField, _Mapping]]] = ..., label_schema: _Optional[_Union[LabelSchema, _Mapping]] = ..., unit_of_error: _Optional[str] = ..., loss: _Optional[str] = ..., merge_rule: _Optional[str] = ..., model_route: _Optional[_Union[ModelRoute, _Mapping]] = ..., exports: _Optional[_Iterable[str]] = ..., guideline: _Optional[str] = ..., definition: _Optional[str] = ..., loss_tolerance: _Optional[float] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., assists: _Optional[_Iterable[_Union[Assist, _Mapping]]] = ..., example: _Optional[str] = ..., join: _Optional[str] = ..., per: _Optional[str] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("name", "needs", "per", "shows", "label_schema", "unit_of_error", "loss", "loss_tolerance", "merge_rule", "model_route", "guideline", "rejects")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    SHOWS_FIELD_NUMBER: _ClassVar[int]
    LABEL_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    UNIT_OF_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    LOSS_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    MERGE_RULE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ROUTE_FIELD_NUMBER: _ClassVar[int]
    GUIDELINE_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    needs: _containers.RepeatedScalarFieldContainer[str]
    per: str
    shows: _containers.RepeatedScalarFieldContainer[str]
    label_schema: LabelSchema
    unit_of_error: str
    loss: str
    loss_tolerance: float
    merge_rule: str
    model_route: ModelRoute
    guideline: str
    rejects: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., needs: _Optional[_Iterable[str]] = ..., per: _Optional[str] = ..., shows: _Optional[_Iterable[str]] = ..., label_schema: _Optional[_Union[LabelSchema, _Mapping]] = ..., unit_of_error: _Optional[str] = ..., loss: _Optional[str] = ..., loss_tolerance: _Optional[float] = ..., merge_rule: _Optional[str] = ..., model_route: _Optional[_Union[ModelRoute, _Mapping]] = ..., guideline: _Optional[str] = ..., rejects: _Optional[_Iterable[str]] = ...) -> None: ...

class Assist(_message.Message):
    __slots__ = ("capability", "model", "input")
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    capability: str
    model: str
    input: str
    def __init__(self, capability: _Optional[str] = ..., model: _Optional[str] = ..., input: _Optional[str] = ...) -> None: ...

class DataField(_message.Message):
    __slots__ = ("name", "type", "required", "max_size")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    required: bool
    max_size: int
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., required: _Optional[bool] = ..., max_size: _Optional[int] = ...) -> None: ...

class LabelSchema(_message.Message):
    __slots__ = ("shape", "classes", "max_objects", "min_objects", "attributes", "geometries", "skeleton", "relations", "frame", "scales", "ties", "normaliser", "texts", "exclusive", "range", "directed")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    MAX_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    MIN_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    GEOMETRIES_FIELD_NUMBER: _ClassVar[int]
    SKELETON_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    SCALES_FIELD_NUMBER: _ClassVar[int]
    TIES_FIELD_NUMBER: _ClassVar[int]
    NORMALISER_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    DIRECTED_FIELD_NUMBER: _ClassVar[int]
    shape: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    max_objects: int
    min_objects: int
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    geometries: _containers.RepeatedScalarFieldContainer[str]
    skeleton: Skeleton
    relations: _containers.RepeatedCompositeFieldContainer[RelationType]
    frame: str
    scales: _containers.RepeatedCompositeFieldContainer[Scale]
    ties: bool
    normaliser: str
    texts: bool
    exclusive: bool
    range: float
    directed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, shape: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ..., max_objects: _Optional[int] = ..., min_objects: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ..., geometries: _Optional[_Iterable[str]] = ..., skeleton: _Optional[_Union[Skeleton, _Mapping]] = ..., relations: _Optional[_Iterable[_Union[RelationType, _Mapping]]] = ..., frame: _Optional[str] = ..., scales: _Optional[_Iterable[_Union[Scale, _Mapping]]] = ..., ties: _Optional[bool] = ..., normaliser: _Optional[str] = ..., texts: _Optional[bool] = ..., exclusive: _Optional[bool] = ..., range: _Optional[float] = ..., directed: _Optional[_Iterable[str]] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("name", "type", "choices", "required", "classes", "min", "max")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    choices: _containers.RepeatedScalarFieldContainer[str]
    required: bool
    classes: _containers.RepeatedScalarFieldContainer[str]
    min: float
    max: float
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., choices: _Optional[_Iterable[str]] = ..., required: _Optional[bool] = ..., classes: _Optional[_Iterable[str]] = ..., min: _Optional[float] = ..., max: _Optional[float] = ...) -> None: ...

class Skeleton(_message.Message):
    __slots__ = ("points", "edges", "sigmas")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    SIGMAS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[str]
    edges: _containers.RepeatedScalarFieldContainer[int]
    sigmas: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, points: _Optional[_Iterable[str]] = ..., edges: _Optional[_Iterable[int]] = ..., sigmas: _Optional[_Iterable[float]] = ...) -> None: ...

class RelationType(_message.Message):
    __slots__ = ("heads", "tails", "cyclic")
    CLASS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    TAILS_FIELD_NUMBER: _ClassVar[int]
    CYCLIC_FIELD_NUMBER: _ClassVar[int]
    heads: _containers.RepeatedScalarFieldContainer[str]
    tails: _containers.RepeatedScalarFieldContainer[str]
    cyclic: bool
    def __init__(self, heads: _Optional[_Iterable[str]] = ..., tails: _Optional[_Iterable[str]] = ..., cyclic: _Optional[bool] = ..., **kwargs) -> None: ...

class Scale(_message.Message):
    __slots__ = ("name", "min", "max", "step", "level")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    min: float
    max: float
    step: float
    level: str
    def __init__(self, name: _Optional[str] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., step: _Optional[float] = ..., level: _Optional[str] = ...) -> None: ...

class ModelRoute(_message.Message):
    __slots__ = ("model", "version", "capability", "input", "classes")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    capability: str
    input: str
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., capability: _Optional[str] = ..., input: _Optional[str] = ..., classes: _Optional[_Iterable[str]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("max_error_rate", "confidence", "class_error_limits", "reference")
    class ClassErrorLimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CLASS_ERROR_LIMITS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    max_error_rate: float
    confidence: float
    class_error_limits: _containers.ScalarMap[str, float]
    reference: Reference
    def __init__(self, max_error_rate: _Optional[float] = ..., confidence: _Optional[float] = ..., class_error_limits: _Optional[_Mapping[str, float]] = ..., reference: _Optional[_Union[Reference, str]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("replica_count", "review_share", "audit_share", "machine_label", "pre_label", "lease_seconds", "annotator_cap", "required_skills", "model_route", "hourly_cost", "people_audit_share", "training", "injected_error_share", "gold_accuracy", "check_false_alarm", "unchecked_share", "adaptive_annotations", "cleaning")
    REPLICA_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVIEW_SHARE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_SHARE_FIELD_NUMBER: _ClassVar[int]
    MACHINE_LABEL_FIELD_NUMBER: _ClassVar[int]
    PRE_LABEL_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_CAP_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_SKILLS_FIELD_NUMBER: _ClassVar[int]
    MODEL_ROUTE_FIELD_NUMBER: _ClassVar[int]
    HOURLY_COST_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_AUDIT_SHARE_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    INJECTED_ERROR_SHARE_FIELD_NUMBER: _ClassVar[int]
    GOLD_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    CHECK_FALSE_ALARM_FIELD_NUMBER: _ClassVar[int]
    UNCHECKED_SHARE_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    CLEANING_FIELD_NUMBER: _ClassVar[int]
    replica_count: int
    review_share: float
    audit_share: float
    machine_label: bool
    pre_label: bool
    lease_seconds: int
    annotator_cap: int
    required_skills: _containers.RepeatedScalarFieldContainer[str]
    model_route: ModelRoute
    hourly_cost: float
    people_audit_share: float
    training: Training
    injected_error_share: float
    gold_accuracy: float
    check_false_alarm: float
    unchecked_share: float
    adaptive_annotations: float
    cleaning: Cleaning
    def __init__(self, replica_count: _Optional[int] = ..., review_share: _Optional[float] = ..., audit_share: _Optional[float] = ..., machine_label: _Optional[bool] = ..., pre_label: _Optional[bool] = ..., lease_seconds: _Optional[int] = ..., annotator_cap: _Optional[int] = ..., required_skills: _Optional[_Iterable[str]] = ..., model_route: _Optional[_Union[ModelRoute, _Mapping]] = ..., hourly_cost: _Optional[float] = ..., people_audit_share: _Optional[float] = ..., training: _Optional[_Union[Training, _Mapping]] = ..., injected_error_share: _Optional[float] = ..., gold_accuracy: _Optional[float] = ..., check_false_alarm: _Optional[float] = ..., unchecked_share: _Optional[float] = ..., adaptive_annotations: _Optional[float] = ..., cleaning: _Optional[_Union[Cleaning, _Mapping]] = ...) -> None: ...

class Cleaning(_message.Message):
    __slots__ = ("near_duplicates", "personal_data", "blank", "unsuitable", "languages", "min_seconds", "max_seconds", "min_loudness", "max_silence", "min_pixels", "min_points")
    NEAR_DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    PERSONAL_DATA_FIELD_NUMBER: _ClassVar[int]
    BLANK_FIELD_NUMBER: _ClassVar[int]
    UNSUITABLE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    MIN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MIN_LOUDNESS_FIELD_NUMBER: _ClassVar[int]
    MAX_SILENCE_FIELD_NUMBER: _ClassVar[int]
    MIN_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MIN_POINTS_FIELD_NUMBER: _ClassVar[int]
    near_duplicates: CleaningAction
    personal_data: CleaningAction
    blank: CleaningAction
    unsuitable: CleaningAction
    languages: _containers.RepeatedScalarFieldContainer[str]
    min_seconds: float
    max_seconds: float
    min_loudness: float
    max_silence: float
    min_pixels: int
    min_points: int
    def __init__(self, near_duplicates: _Optional[_Union[CleaningAction, str]] = ..., personal_data: _Optional[_Union[CleaningAction, str]] = ..., blank: _Optional[_Union[CleaningAction, str]] = ..., unsuitable: _Optional[_Union[CleaningAction, str]] = ..., languages: _Optional[_Iterable[str]] = ..., min_seconds: _Optional[float] = ..., max_seconds: _Optional[float] = ..., min_loudness: _Optional[float] = ..., max_silence: _Optional[float] = ..., min_pixels: _Optional[int] = ..., min_points: _Optional[int] = ...) -> None: ...

class Training(_message.Message):
    __slots__ = ("embedding", "input")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    embedding: str
    input: str
    def __init__(self, embedding: _Optional[str] = ..., input: _Optional[str] = ...) -> None: ...

class Project(_message.Message):
    __slots__ = ("name", "display_name", "template", "target", "policy", "create_time", "update_time", "version", "labels", "target_version", "parent_project", "part", "members")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TARGET_VERSION_FIELD_NUMBER: _ClassVar[int]
    PARENT_PROJECT_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    template: str
    target: Target
    policy: Policy
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    version: int
    labels: _containers.ScalarMap[str, str]
    target_version: int
    parent_project: str
    part: str
    members: Members
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., template: _Optional[str] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., target_version: _Optional[int] = ..., parent_project: _Optional[str] = ..., part: _Optional[str] = ..., members: _Optional[_Union[Members, _Mapping]] = ...) -> None: ...

class Members(_message.Message):
    __slots__ = ("listed", "people")
    LISTED_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    listed: bool
    people: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, listed: _Optional[bool] = ..., people: _Optional[_Iterable[str]] = ...) -> None: ...

class GetMembersRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ChangeMembersRequest(_message.Message):
    __slots__ = ("name", "add", "remove", "listed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    add: _containers.RepeatedScalarFieldContainer[str]
    remove: _containers.RepeatedScalarFieldContainer[str]
    listed: bool
    def __init__(self, name: _Optional[str] = ..., add: _Optional[_Iterable[str]] = ..., remove: _Optional[_Iterable[str]] = ..., listed: _Optional[bool] = ...) -> None: ...

class TargetVersion(_message.Message):
    __slots__ = ("name", "number", "target", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: int
    target: Target
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., number: _Optional[int] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTargetsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListTargetsResponse(_message.Message):
    __slots__ = ("targets",)
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.RepeatedCompositeFieldContainer[TargetVersion]
    def __init__(self, targets: _Optional[_Iterable[_Union[TargetVersion, _Mapping]]] = ...) -> None: ...

class GetTemplateRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTemplatesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTemplatesResponse(_message.Message):
    __slots__ = ("templates", "next_page_token")
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedCompositeFieldContainer[Template]
    next_page_token: str
    def __init__(self, templates: _Optional[_Iterable[_Union[Template, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PublishTemplateRequest(_message.Message):
    __slots__ = ("parent", "template_id", "definition")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    template_id: str
    definition: str
    def __init__(self, parent: _Optional[str] = ..., template_id: _Optional[str] = ..., definition: _Optional[str] = ...) -> None: ...

class DiffTemplatesRequest(_message.Message):
    __slots__ = ("name", "other", "definition")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    name: str
    other: str
    definition: str
    def __init__(self, name: _Optional[str] = ..., other: _Optional[str] = ..., definition: _Optional[str] = ...) -> None: ...

class DiffTemplatesResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[TemplateChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[TemplateChange, _Mapping]]] = ...) -> None: ...

class TemplateChange(_message.Message):
    __slots__ = ("path", "breaks", "text")
    PATH_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    path: str
    breaks: bool
    text: str
    def __init__(self, path: _Optional[str] = ..., breaks: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class CreateProjectRequest(_message.Message):
    __slots__ = ("parent", "project_id", "project", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    project_id: str
    project: Project
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., project_id: _Optional[str] = ..., project: _Optional[_Union[Project, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetProjectRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects", "next_page_token")
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    next_page_token: str
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateProjectRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: Project
    def __init__(self, project: _Optional[_Union[Project, _Mapping]] = ...) -> None: ...
