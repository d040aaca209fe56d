import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_ANNOTATION: _ClassVar[Stage]
    STAGE_REVIEW: _ClassVar[Stage]
    STAGE_ADJUDICATION: _ClassVar[Stage]
    STAGE_AUDIT: _ClassVar[Stage]

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_PRELABELING: _ClassVar[State]
    STATE_ROUTING: _ClassVar[State]
    STATE_OPEN: _ClassVar[State]
    STATE_ASSIGNED: _ClassVar[State]
    STATE_SCORING: _ClassVar[State]
    STATE_ACCEPTED: _ClassVar[State]
    STATE_DELIVERED: _ClassVar[State]
    STATE_CANCELLED: _ClassVar[State]
    STATE_DIVIDED: _ClassVar[State]
STAGE_UNSPECIFIED: Stage
STAGE_ANNOTATION: Stage
STAGE_REVIEW: Stage
STAGE_ADJUDICATION: Stage
STAGE_AUDIT: Stage
STATE_UNSPECIFIED: State
STATE_PRELABELING: State
STATE_ROUTING: State
STATE_OPEN: State
STATE_ASSIGNED: State
STATE_SCORING: State
STATE_ACCEPTED: State
STATE_DELIVERED: State
STATE_CANCELLED: State
STATE_DIVIDED: State

class Task(_message.Message):
    __slots__ = ("name", "project", "item", "data", "template", "stage", "state", "version", "replica_count", "gold", "sampled", "blind", "prediction", "annotations", "reviews", "decisions", "leases", "label", "priority", "comment", "excluded", "create_time", "update_time", "source_key", "earlier_labels", "group", "part", "element", "parent_task", "inputs", "subtasks")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICA_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    BLIND_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KEY_FIELD_NUMBER: _ClassVar[int]
    EARLIER_LABELS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    project: str
    item: str
    data: str
    template: str
    stage: Stage
    state: State
    version: int
    replica_count: int
    gold: bool
    sampled: bool
    blind: bool
    prediction: _annotation_pb2.Prediction
    annotations: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Annotation]
    reviews: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Review]
    decisions: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Decision]
    leases: _containers.RepeatedCompositeFieldContainer[Lease]
    label: _annotation_pb2.Label
    priority: float
    comment: str
    excluded: _containers.RepeatedScalarFieldContainer[str]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    source_key: str
    earlier_labels: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Label]
    group: str
    part: str
    element: str
    parent_task: str
    inputs: _annotation_pb2.Composite
    subtasks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., project: _Optional[str] = ..., item: _Optional[str] = ..., data: _Optional[str] = ..., template: _Optional[str] = ..., stage: _Optional[_Union[Stage, str]] = ..., state: _Optional[_Union[State, str]] = ..., version: _Optional[int] = ..., replica_count: _Optional[int] = ..., gold: _Optional[bool] = ..., sampled: _Optional[bool] = ..., blind: _Optional[bool] = ..., prediction: _Optional[_Union[_annotation_pb2.Prediction, _Mapping]] = ..., annotations: _Optional[_Iterable[_Union[_annotation_pb2.Annotation, _Mapping]]] = ..., reviews: _Optional[_Iterable[_Union[_annotation_pb2.Review, _Mapping]]] = ..., decisions: _Optional[_Iterable[_Union[_annotation_pb2.Decision, _Mapping]]] = ..., leases: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ..., label: _Optional[_Union[_annotation_pb2.Label, _Mapping]] = ..., priority: _Optional[float] = ..., comment: _Optional[str] = ..., excluded: _Optional[_Iterable[str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source_key: _Optional[str] = ..., earlier_labels: _Optional[_Iterable[_Union[_annotation_pb2.Label, _Mapping]]] = ..., group: _Optional[str] = ..., part: _Optional[str] = ..., element: _Optional[str] = ..., parent_task: _Optional[str] = ..., inputs: _Optional[_Union[_annotation_pb2.Composite, _Mapping]] = ..., subtasks: _Optional[_Iterable[str]] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("assignment", "annotator", "fencing_token", "expire_time", "create_time")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    assignment: str
    annotator: str
    fencing_token: int
    expire_time: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, assignment: _Optional[str] = ..., annotator: _Optional[str] = ..., fencing_token: _Optional[int] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("name", "task", "annotator", "stage", "fencing_token", "create_time", "expire_time", "data", "template", "prediction", "draft", "annotations", "comment", "part", "element", "inputs", "assisted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    ASSISTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    annotator: str
    stage: Stage
    fencing_token: int
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    data: str
    template: str
    prediction: _annotation_pb2.Prediction
    draft: _annotation_pb2.Value
    annotations: _containers.RepeatedCompositeFieldContainer[_annotation_pb2.Value]
    comment: str
    part: str
    element: str
    inputs: _annotation_pb2.Composite
    assisted: bool
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., annotator: _Optional[str] = ..., stage: _Optional[_Union[Stage, str]] = ..., fencing_token: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., data: _Optional[str] = ..., template: _Optional[str] = ..., prediction: _Optional[_Union[_annotation_pb2.Prediction, _Mapping]] = ..., draft: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., annotations: _Optional[_Iterable[_Union[_annotation_pb2.Value, _Mapping]]] = ..., comment: _Optional[str] = ..., part: _Optional[str] = ..., element: _Optional[str] = ..., inputs: _Optional[_Union[_annotation_pb2.Composite, _Mapping]] = ..., assisted: _Optional[bool] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("project", "task_count", "counts", "accepted_count", "delivered_count", "sources", "annotation_count", "review_count", "work_seconds", "gold_count", "stages", "seconds_per_label", "cost_amount", "saved_against_people", "saved_against_confirming")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class SourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVIEW_COUNT_FIELD_NUMBER: _ClassVar[int]
    WORK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    GOLD_COUNT_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_PER_LABEL_FIELD_NUMBER: _ClassVar[int]
    COST_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    SAVED_AGAINST_PEOPLE_FIELD_NUMBER: _ClassVar[int]
    SAVED_AGAINST_CONFIRMING_FIELD_NUMBER: _ClassVar[int]
    project: str
    task_count: int
    counts: _containers.ScalarMap[str, int]
    accepted_count: int
    delivered_count: int
    sources: _containers.ScalarMap[str, int]
    annotation_count: int
    review_count: int
    work_seconds: float
    gold_count: int
    stages: _containers.RepeatedCompositeFieldContainer[StageEffort]
    seconds_per_label: float
    cost_amount: float
    saved_against_people: Saving
    saved_against_confirming: Saving
    def __init__(self, project: _Optional[str] = ..., task_count: _Optional[int] = ..., counts: _Optional[_Mapping[str, int]] = ..., accepted_count: _Optional[int] = ..., delivered_count: _Optional[int] = ..., sources: _Optional[_Mapping[str, int]] = ..., annotation_count: _Optional[int] = ..., review_count: _Optional[int] = ..., work_seconds: _Optional[float] = ..., gold_count: _Optional[int] = ..., stages: _Optional[_Iterable[_Union[StageEffort, _Mapping]]] = ..., seconds_per_label: _Optional[float] = ..., cost_amount: _Optional[float] = ..., saved_against_people: _Optional[_Union[Saving, _Mapping]] = ..., saved_against_confirming: _Optional[_Union[Saving, _Mapping]] = ...) -> None: ...

class StageEffort(_message.Message):
    __slots__ = ("stage", "count", "untimed_count", "seconds")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    UNTIMED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    count: int
    untimed_count: int
    seconds: float
    def __init__(self, stage: _Optional[str] = ..., count: _Optional[int] = ..., untimed_count: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class Saving(_message.Message):
    __slots__ = ("share", "lower", "upper", "seconds_each", "sample_count", "basis", "reason")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    SECONDS_EACH_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    share: float
    lower: float
    upper: float
    seconds_each: float
    sample_count: int
    basis: str
    reason: str
    def __init__(self, share: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., seconds_each: _Optional[float] = ..., sample_count: _Optional[int] = ..., basis: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "state")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    state: State
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetProgressRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ClaimTasksRequest(_message.Message):
    __slots__ = ("parent", "annotator", "max_tasks", "stage", "skills", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    annotator: str
    max_tasks: int
    stage: Stage
    skills: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., annotator: _Optional[str] = ..., max_tasks: _Optional[int] = ..., stage: _Optional[_Union[Stage, str]] = ..., skills: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ClaimTasksResponse(_message.Message):
    __slots__ = ("assignments",)
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class ListAssignmentsRequest(_message.Message):
    __slots__ = ("parent", "annotator")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    parent: str
    annotator: str
    def __init__(self, parent: _Optional[str] = ..., annotator: _Optional[str] = ...) -> None: ...

class ListAssignmentsResponse(_message.Message):
    __slots__ = ("assignments",)
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class SaveDraftRequest(_message.Message):
    __slots__ = ("name", "annotator", "fencing_token", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    fencing_token: int
    value: _annotation_pb2.Value
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., fencing_token: _Optional[int] = ..., value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ...) -> None: ...

class SubmitAnnotationRequest(_message.Message):
    __slots__ = ("name", "annotator", "fencing_token", "value", "work_seconds", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WORK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    fencing_token: int
    value: _annotation_pb2.Value
    work_seconds: float
    request_id: str
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., fencing_token: _Optional[int] = ..., value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., work_seconds: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...

class SubmitAnnotationResponse(_message.Message):
    __slots__ = ("annotation",)
    ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    annotation: _annotation_pb2.Annotation
    def __init__(self, annotation: _Optional[_Union[_annotation_pb2.Annotation, _Mapping]] = ...) -> None: ...

class SubmitReviewRequest(_message.Message):
    __slots__ = ("name", "reviewer", "fencing_token", "verdict", "value", "comment", "work_seconds", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    WORK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    reviewer: str
    fencing_token: int
    verdict: _annotation_pb2.Verdict
    value: _annotation_pb2.Value
    comment: str
    work_seconds: float
    request_id: str
    def __init__(self, name: _Optional[str] = ..., reviewer: _Optional[str] = ..., fencing_token: _Optional[int] = ..., verdict: _Optional[_Union[_annotation_pb2.Verdict, str]] = ..., value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., comment: _Optional[str] = ..., work_seconds: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...

class SubmitReviewResponse(_message.Message):
    __slots__ = ("review",)
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    review: _annotation_pb2.Review
    def __init__(self, review: _Optional[_Union[_annotation_pb2.Review, _Mapping]] = ...) -> None: ...

class SkipTaskRequest(_message.Message):
    __slots__ = ("name", "annotator", "fencing_token", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    fencing_token: int
    reason: str
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., fencing_token: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class SkipTaskResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseAssignmentRequest(_message.Message):
    __slots__ = ("name", "annotator", "fencing_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    fencing_token: int
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class ReleaseAssignmentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelTaskRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListFeedbackRequest(_message.Message):
    __slots__ = ("parent", "annotator", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    annotator: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., annotator: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFeedbackResponse(_message.Message):
    __slots__ = ("feedback", "next_page_token")
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    feedback: _containers.RepeatedCompositeFieldContainer[Feedback]
    next_page_token: str
    def __init__(self, feedback: _Optional[_Iterable[_Union[Feedback, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("name", "task", "comment", "create_time", "annotation", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    comment: str
    create_time: _timestamp_pb2.Timestamp
    annotation: str
    value: _annotation_pb2.Value
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., comment: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., annotation: _Optional[str] = ..., value: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ...) -> None: ...
