import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from labelmill.annotation.v1 import annotation_pb2 as _annotation_pb2
from labelmill.annotation.v1 import source_pb2 as _source_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GateState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_STATE_UNSPECIFIED: _ClassVar[GateState]
    GATE_STATE_CLOSED: _ClassVar[GateState]
    GATE_STATE_OPEN: _ClassVar[GateState]
    GATE_STATE_PROVING: _ClassVar[GateState]
    GATE_STATE_BREACHED: _ClassVar[GateState]

class SkillState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SKILL_STATE_UNSPECIFIED: _ClassVar[SkillState]
    SKILL_STATE_ACTIVE: _ClassVar[SkillState]
    SKILL_STATE_PAUSED: _ClassVar[SkillState]

class CheckState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_STATE_UNSPECIFIED: _ClassVar[CheckState]
    CHECK_STATE_CHECKED: _ClassVar[CheckState]
    CHECK_STATE_UNCHECKED: _ClassVar[CheckState]
    CHECK_STATE_BLIND_SHARE: _ClassVar[CheckState]
    CHECK_STATE_OBJECTED: _ClassVar[CheckState]

class Hint(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HINT_UNSPECIFIED: _ClassVar[Hint]
    HINT_MISSING: _ClassVar[Hint]
    HINT_EXTRA: _ClassVar[Hint]
    HINT_MISPLACED: _ClassVar[Hint]
    HINT_WRONG_CLASS: _ClassVar[Hint]

class ReviewChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_CHOICE_UNSPECIFIED: _ClassVar[ReviewChoice]
    REVIEW_CHOICE_RISKIEST: _ClassVar[ReviewChoice]
    REVIEW_CHOICE_SAMPLE: _ClassVar[ReviewChoice]
GATE_STATE_UNSPECIFIED: GateState
GATE_STATE_CLOSED: GateState
GATE_STATE_OPEN: GateState
GATE_STATE_PROVING: GateState
GATE_STATE_BREACHED: GateState
SKILL_STATE_UNSPECIFIED: SkillState
SKILL_STATE_ACTIVE: SkillState
SKILL_STATE_PAUSED: SkillState
CHECK_STATE_UNSPECIFIED: CheckState
CHECK_STATE_CHECKED: CheckState
CHECK_STATE_UNCHECKED: CheckState
CHECK_STATE_BLIND_SHARE: CheckState
CHECK_STATE_OBJECTED: CheckState
HINT_UNSPECIFIED: Hint
HINT_MISSING: Hint
HINT_EXTRA: Hint
HINT_MISPLACED: Hint
HINT_WRONG_CLASS: Hint
REVIEW_CHOICE_UNSPECIFIED: ReviewChoice
REVIEW_CHOICE_RISKIEST: ReviewChoice
REVIEW_CHOICE_SAMPLE: ReviewChoice

class Gate(_message.Message):
    __slots__ = ("name", "project", "model", "model_version", "state", "threshold", "error_bound", "sample_size", "sample_errors", "confidence", "max_error_rate", "reason", "version", "update_time", "analysis_count", "evidence_count", "lot", "audit_rate", "lot_size", "tie_breaker", "class_thresholds", "ongoing_audit_count", "ongoing_audit_errors", "ongoing_audit_lower_bound", "cluster_count")
    class ClassThresholdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    ERROR_BOUND_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_COUNT_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RATE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    TIE_BREAKER_FIELD_NUMBER: _ClassVar[int]
    CLASS_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    ONGOING_AUDIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    ONGOING_AUDIT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    ONGOING_AUDIT_LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    project: str
    model: str
    model_version: str
    state: GateState
    threshold: float
    error_bound: float
    sample_size: int
    sample_errors: int
    confidence: float
    max_error_rate: float
    reason: str
    version: int
    update_time: _timestamp_pb2.Timestamp
    analysis_count: int
    evidence_count: int
    lot: int
    audit_rate: float
    lot_size: int
    tie_breaker: float
    class_thresholds: _containers.ScalarMap[str, float]
    ongoing_audit_count: int
    ongoing_audit_errors: int
    ongoing_audit_lower_bound: float
    cluster_count: int
    def __init__(self, name: _Optional[str] = ..., project: _Optional[str] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., state: _Optional[_Union[GateState, str]] = ..., threshold: _Optional[float] = ..., error_bound: _Optional[float] = ..., sample_size: _Optional[int] = ..., sample_errors: _Optional[int] = ..., confidence: _Optional[float] = ..., max_error_rate: _Optional[float] = ..., reason: _Optional[str] = ..., version: _Optional[int] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., analysis_count: _Optional[int] = ..., evidence_count: _Optional[int] = ..., lot: _Optional[int] = ..., audit_rate: _Optional[float] = ..., lot_size: _Optional[int] = ..., tie_breaker: _Optional[float] = ..., class_thresholds: _Optional[_Mapping[str, float]] = ..., ongoing_audit_count: _Optional[int] = ..., ongoing_audit_errors: _Optional[int] = ..., ongoing_audit_lower_bound: _Optional[float] = ..., cluster_count: _Optional[int] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("project", "model", "model_version", "task_count", "label_count", "prices", "decision", "reason", "update_time", "reliability", "calibration_error")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    project: str
    model: str
    model_version: str
    task_count: int
    label_count: int
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    decision: str
    reason: str
    update_time: _timestamp_pb2.Timestamp
    reliability: _containers.RepeatedCompositeFieldContainer[ReliabilityBin]
    calibration_error: float
    def __init__(self, project: _Optional[str] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., task_count: _Optional[int] = ..., label_count: _Optional[int] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., decision: _Optional[str] = ..., reason: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reliability: _Optional[_Iterable[_Union[ReliabilityBin, _Mapping]]] = ..., calibration_error: _Optional[float] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("max_error_rate", "human_count", "machine_count", "audit_rate")
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    HUMAN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MACHINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RATE_FIELD_NUMBER: _ClassVar[int]
    max_error_rate: float
    human_count: int
    machine_count: int
    audit_rate: float
    def __init__(self, max_error_rate: _Optional[float] = ..., human_count: _Optional[int] = ..., machine_count: _Optional[int] = ..., audit_rate: _Optional[float] = ...) -> None: ...

class ReliabilityBin(_message.Message):
    __slots__ = ("confidence", "accuracy", "count")
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    confidence: float
    accuracy: float
    count: int
    def __init__(self, confidence: _Optional[float] = ..., accuracy: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class GetForecastRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Skill(_message.Message):
    __slots__ = ("name", "annotator", "annotation_count", "gold_count", "gold_correct_count", "accuracy", "accuracy_lower", "accuracy_upper", "agreement", "median_seconds", "state", "reason", "classes", "evidence", "limit", "plan", "signals", "anchoring", "state_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOLD_COUNT_FIELD_NUMBER: _ClassVar[int]
    GOLD_CORRECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_LOWER_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_UPPER_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    ANCHORING_FIELD_NUMBER: _ClassVar[int]
    STATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotator: str
    annotation_count: int
    gold_count: int
    gold_correct_count: int
    accuracy: float
    accuracy_lower: float
    accuracy_upper: float
    agreement: float
    median_seconds: float
    state: SkillState
    reason: str
    classes: _containers.RepeatedCompositeFieldContainer[ClassSkill]
    evidence: float
    limit: float
    plan: SkillPlan
    signals: _containers.RepeatedCompositeFieldContainer[SkillSignal]
    anchoring: Anchoring
    state_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., annotator: _Optional[str] = ..., annotation_count: _Optional[int] = ..., gold_count: _Optional[int] = ..., gold_correct_count: _Optional[int] = ..., accuracy: _Optional[float] = ..., accuracy_lower: _Optional[float] = ..., accuracy_upper: _Optional[float] = ..., agreement: _Optional[float] = ..., median_seconds: _Optional[float] = ..., state: _Optional[_Union[SkillState, str]] = ..., reason: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[ClassSkill, _Mapping]]] = ..., evidence: _Optional[float] = ..., limit: _Optional[float] = ..., plan: _Optional[_Union[SkillPlan, _Mapping]] = ..., signals: _Optional[_Iterable[_Union[SkillSignal, _Mapping]]] = ..., anchoring: _Optional[_Union[Anchoring, _Mapping]] = ..., state_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ClassSkill(_message.Message):
    __slots__ = ("accuracy", "accuracy_lower", "accuracy_upper", "gold_count")
    CLASS_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_LOWER_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_UPPER_FIELD_NUMBER: _ClassVar[int]
    GOLD_COUNT_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    accuracy_lower: float
    accuracy_upper: float
    gold_count: int
    def __init__(self, accuracy: _Optional[float] = ..., accuracy_lower: _Optional[float] = ..., accuracy_upper: _Optional[float] = ..., gold_count: _Optional[int] = ..., **kwargs) -> None: ...

class SkillPlan(_message.Message):
    __slots__ = ("good_accuracy", "bad_accuracy", "horizon", "false_alarm", "power", "expected_golds", "golds_95")
    GOOD_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    BAD_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARM_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_GOLDS_FIELD_NUMBER: _ClassVar[int]
    GOLDS_95_FIELD_NUMBER: _ClassVar[int]
    good_accuracy: float
    bad_accuracy: float
    horizon: int
    false_alarm: float
    power: float
    expected_golds: float
    golds_95: int
    def __init__(self, good_accuracy: _Optional[float] = ..., bad_accuracy: _Optional[float] = ..., horizon: _Optional[int] = ..., false_alarm: _Optional[float] = ..., power: _Optional[float] = ..., expected_golds: _Optional[float] = ..., golds_95: _Optional[int] = ...) -> None: ...

class SkillSignal(_message.Message):
    __slots__ = ("kind", "p", "words")
    KIND_FIELD_NUMBER: _ClassVar[int]
    P_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    p: float
    words: str
    def __init__(self, kind: _Optional[str] = ..., p: _Optional[float] = ..., words: _Optional[str] = ...) -> None: ...

class Anchoring(_message.Message):
    __slots__ = ("difference", "lower", "upper", "shown_count", "blind_count", "injected_error_count", "injected_error_kept_count")
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    SHOWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    BLIND_COUNT_FIELD_NUMBER: _ClassVar[int]
    INJECTED_ERROR_COUNT_FIELD_NUMBER: _ClassVar[int]
    INJECTED_ERROR_KEPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    difference: float
    lower: float
    upper: float
    shown_count: int
    blind_count: int
    injected_error_count: int
    injected_error_kept_count: int
    def __init__(self, difference: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., shown_count: _Optional[int] = ..., blind_count: _Optional[int] = ..., injected_error_count: _Optional[int] = ..., injected_error_kept_count: _Optional[int] = ...) -> None: ...

class SuspectGold(_message.Message):
    __slots__ = ("task", "gold", "annotation_count", "failed_count", "reason", "create_time")
    TASK_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    task: str
    gold: _annotation_pb2.Value
    annotation_count: int
    failed_count: int
    reason: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, task: _Optional[str] = ..., gold: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., annotation_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Score(_message.Message):
    __slots__ = ("agreement", "consensus", "confidence", "annotation_count", "matches_prediction", "disputed", "worth_asking", "truth_method", "check")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    MATCHES_PREDICTION_FIELD_NUMBER: _ClassVar[int]
    DISPUTED_FIELD_NUMBER: _ClassVar[int]
    WORTH_ASKING_FIELD_NUMBER: _ClassVar[int]
    TRUTH_METHOD_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    agreement: float
    consensus: _annotation_pb2.Value
    confidence: float
    annotation_count: int
    matches_prediction: bool
    disputed: bool
    worth_asking: bool
    truth_method: str
    check: Check
    def __init__(self, agreement: _Optional[float] = ..., consensus: _Optional[_Union[_annotation_pb2.Value, _Mapping]] = ..., confidence: _Optional[float] = ..., annotation_count: _Optional[int] = ..., matches_prediction: _Optional[bool] = ..., disputed: _Optional[bool] = ..., worth_asking: _Optional[bool] = ..., truth_method: _Optional[str] = ..., check: _Optional[_Union[Check, _Mapping]] = ...) -> None: ...

class Check(_message.Message):
    __slots__ = ("state", "held", "hint", "hint_text", "distance")
    STATE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    HINT_TEXT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    state: CheckState
    held: bool
    hint: Hint
    hint_text: str
    distance: float
    def __init__(self, state: _Optional[_Union[CheckState, str]] = ..., held: _Optional[bool] = ..., hint: _Optional[_Union[Hint, str]] = ..., hint_text: _Optional[str] = ..., distance: _Optional[float] = ...) -> None: ...

class QualityReport(_message.Message):
    __slots__ = ("project", "machine_count", "human_count", "machine_error_bound", "audit_count", "audit_errors", "human_error_bound", "error_bound", "confidence", "max_error_rate", "verified_count", "correction", "truth_method", "estimated_error", "parts", "subtask_count", "apart_count")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MACHINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    HUMAN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MACHINE_ERROR_BOUND_FIELD_NUMBER: _ClassVar[int]
    AUDIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    HUMAN_ERROR_BOUND_FIELD_NUMBER: _ClassVar[int]
    ERROR_BOUND_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    TRUTH_METHOD_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_ERROR_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    APART_COUNT_FIELD_NUMBER: _ClassVar[int]
    project: str
    machine_count: int
    human_count: int
    machine_error_bound: float
    audit_count: int
    audit_errors: int
    human_error_bound: float
    error_bound: float
    confidence: float
    max_error_rate: float
    verified_count: int
    correction: Correction
    truth_method: str
    estimated_error: ErrorEstimate
    parts: _containers.RepeatedCompositeFieldContainer[QualityReport]
    subtask_count: int
    apart_count: int
    def __init__(self, project: _Optional[str] = ..., machine_count: _Optional[int] = ..., human_count: _Optional[int] = ..., machine_error_bound: _Optional[float] = ..., audit_count: _Optional[int] = ..., audit_errors: _Optional[int] = ..., human_error_bound: _Optional[float] = ..., error_bound: _Optional[float] = ..., confidence: _Optional[float] = ..., max_error_rate: _Optional[float] = ..., verified_count: _Optional[int] = ..., correction: _Optional[_Union[Correction, _Mapping]] = ..., truth_method: _Optional[str] = ..., estimated_error: _Optional[_Union[ErrorEstimate, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[QualityReport, _Mapping]]] = ..., subtask_count: _Optional[int] = ..., apart_count: _Optional[int] = ...) -> None: ...

class ErrorEstimate(_message.Message):
    __slots__ = ("request", "rate", "lower", "upper", "plain_rate", "plain_lower", "plain_upper", "bound", "confidence", "label_count", "judged_count", "error_count", "waiting_count")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    PLAIN_RATE_FIELD_NUMBER: _ClassVar[int]
    PLAIN_LOWER_FIELD_NUMBER: _ClassVar[int]
    PLAIN_UPPER_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LABEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    JUDGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNT_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    request: str
    rate: float
    lower: float
    upper: float
    plain_rate: float
    plain_lower: float
    plain_upper: float
    bound: float
    confidence: float
    label_count: int
    judged_count: int
    error_count: int
    waiting_count: int
    def __init__(self, request: _Optional[str] = ..., rate: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., plain_rate: _Optional[float] = ..., plain_lower: _Optional[float] = ..., plain_upper: _Optional[float] = ..., bound: _Optional[float] = ..., confidence: _Optional[float] = ..., label_count: _Optional[int] = ..., judged_count: _Optional[int] = ..., error_count: _Optional[int] = ..., waiting_count: _Optional[int] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("checked_count", "held_count", "changed_count", "objected_count", "upheld_count", "unanswered_count", "blind_count", "right_count", "right_held_count", "wrong_count", "wrong_held_count", "false_alarm_rate", "false_alarm_lower", "false_alarm_upper", "caught_share", "caught_lower", "caught_upper", "audits_with", "errors_with", "audits_without", "errors_without", "error_with", "error_without")
    CHECKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    OBJECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    UPHELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    BLIND_COUNT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_COUNT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRONG_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRONG_HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARM_RATE_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARM_LOWER_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARM_UPPER_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_SHARE_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_LOWER_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UPPER_FIELD_NUMBER: _ClassVar[int]
    AUDITS_WITH_FIELD_NUMBER: _ClassVar[int]
    ERRORS_WITH_FIELD_NUMBER: _ClassVar[int]
    AUDITS_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_WITH_FIELD_NUMBER: _ClassVar[int]
    ERROR_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    checked_count: int
    held_count: int
    changed_count: int
    objected_count: int
    upheld_count: int
    unanswered_count: int
    blind_count: int
    right_count: int
    right_held_count: int
    wrong_count: int
    wrong_held_count: int
    false_alarm_rate: float
    false_alarm_lower: float
    false_alarm_upper: float
    caught_share: float
    caught_lower: float
    caught_upper: float
    audits_with: int
    errors_with: int
    audits_without: int
    errors_without: int
    error_with: float
    error_without: float
    def __init__(self, checked_count: _Optional[int] = ..., held_count: _Optional[int] = ..., changed_count: _Optional[int] = ..., objected_count: _Optional[int] = ..., upheld_count: _Optional[int] = ..., unanswered_count: _Optional[int] = ..., blind_count: _Optional[int] = ..., right_count: _Optional[int] = ..., right_held_count: _Optional[int] = ..., wrong_count: _Optional[int] = ..., wrong_held_count: _Optional[int] = ..., false_alarm_rate: _Optional[float] = ..., false_alarm_lower: _Optional[float] = ..., false_alarm_upper: _Optional[float] = ..., caught_share: _Optional[float] = ..., caught_lower: _Optional[float] = ..., caught_upper: _Optional[float] = ..., audits_with: _Optional[int] = ..., errors_with: _Optional[int] = ..., audits_without: _Optional[int] = ..., errors_without: _Optional[int] = ..., error_with: _Optional[float] = ..., error_without: _Optional[float] = ...) -> None: ...

class ListGatesRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListGatesResponse(_message.Message):
    __slots__ = ("gates",)
    GATES_FIELD_NUMBER: _ClassVar[int]
    gates: _containers.RepeatedCompositeFieldContainer[Gate]
    def __init__(self, gates: _Optional[_Iterable[_Union[Gate, _Mapping]]] = ...) -> None: ...

class ListSkillsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSkillsResponse(_message.Message):
    __slots__ = ("skills", "next_page_token")
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    skills: _containers.RepeatedCompositeFieldContainer[Skill]
    next_page_token: str
    def __init__(self, skills: _Optional[_Iterable[_Union[Skill, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetQualityRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetSkillRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeAnnotatorRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListSuspectGoldRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSuspectGoldResponse(_message.Message):
    __slots__ = ("golds", "next_page_token")
    GOLDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    golds: _containers.RepeatedCompositeFieldContainer[SuspectGold]
    next_page_token: str
    def __init__(self, golds: _Optional[_Iterable[_Union[SuspectGold, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListRisksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRisksResponse(_message.Message):
    __slots__ = ("risks", "next_page_token")
    RISKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    risks: _containers.RepeatedCompositeFieldContainer[Risk]
    next_page_token: str
    def __init__(self, risks: _Optional[_Iterable[_Union[Risk, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Risk(_message.Message):
    __slots__ = ("task", "task_version", "score", "reasons", "source")
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    task: str
    task_version: int
    score: float
    reasons: _containers.RepeatedScalarFieldContainer[str]
    source: _source_pb2.LabelSource
    def __init__(self, task: _Optional[str] = ..., task_version: _Optional[int] = ..., score: _Optional[float] = ..., reasons: _Optional[_Iterable[str]] = ..., source: _Optional[_Union[_source_pb2.LabelSource, str]] = ...) -> None: ...

class PlanAcceptanceRequest(_message.Message):
    __slots__ = ("name", "max_error_rate", "confidence", "better_error_rate", "producer_risk", "lot_size", "attempt")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    BETTER_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_RISK_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    name: str
    max_error_rate: float
    confidence: float
    better_error_rate: float
    producer_risk: float
    lot_size: int
    attempt: int
    def __init__(self, name: _Optional[str] = ..., max_error_rate: _Optional[float] = ..., confidence: _Optional[float] = ..., better_error_rate: _Optional[float] = ..., producer_risk: _Optional[float] = ..., lot_size: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class AcceptancePlan(_message.Message):
    __slots__ = ("sample_size", "accept_errors", "consumer_risk", "producer_risk", "curve", "expected_count", "expected_count_at_target", "expected_accept", "most_count", "attempt", "max_error_rate", "better_error_rate", "confidence", "reason")
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_RISK_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_RISK_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COUNT_AT_TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ACCEPT_FIELD_NUMBER: _ClassVar[int]
    MOST_COUNT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MAX_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    BETTER_ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sample_size: int
    accept_errors: int
    consumer_risk: float
    producer_risk: float
    curve: _containers.RepeatedCompositeFieldContainer[AcceptancePoint]
    expected_count: float
    expected_count_at_target: float
    expected_accept: float
    most_count: int
    attempt: int
    max_error_rate: float
    better_error_rate: float
    confidence: float
    reason: str
    def __init__(self, sample_size: _Optional[int] = ..., accept_errors: _Optional[int] = ..., consumer_risk: _Optional[float] = ..., producer_risk: _Optional[float] = ..., curve: _Optional[_Iterable[_Union[AcceptancePoint, _Mapping]]] = ..., expected_count: _Optional[float] = ..., expected_count_at_target: _Optional[float] = ..., expected_accept: _Optional[float] = ..., most_count: _Optional[int] = ..., attempt: _Optional[int] = ..., max_error_rate: _Optional[float] = ..., better_error_rate: _Optional[float] = ..., confidence: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class AcceptancePoint(_message.Message):
    __slots__ = ("error_rate", "accept")
    ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    error_rate: float
    accept: float
    def __init__(self, error_rate: _Optional[float] = ..., accept: _Optional[float] = ...) -> None: ...

class RequestReviewsRequest(_message.Message):
    __slots__ = ("name", "choice", "count", "uniform_share", "reason", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_SHARE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    choice: ReviewChoice
    count: int
    uniform_share: float
    reason: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., choice: _Optional[_Union[ReviewChoice, str]] = ..., count: _Optional[int] = ..., uniform_share: _Optional[float] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ReviewRequest(_message.Message):
    __slots__ = ("name", "choice", "label_count", "task_count", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    LABEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    choice: ReviewChoice
    label_count: int
    task_count: int
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., choice: _Optional[_Union[ReviewChoice, str]] = ..., label_count: _Optional[int] = ..., task_count: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
