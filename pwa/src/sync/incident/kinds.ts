/** The closed sets of the incident's language, as SPEC IN lists them. Mirrors `sync/incident/kinds.py`. */

export const SOURCES = ["import", "desk", "self", "video"] as const;
export const ENTRY_KINDS = ["note", "delay_reason", "nudge", "call", "handover", "answer"] as const;
export const MILESTONES = ["delivered", "signed", "departed", "arrived", "cleared", "feedback"] as const;
export const VIAS = ["self", "system", "radio", "phone", "import"] as const;
export const TARGETS = ["unit", "person", "vehicle"] as const;
export const ORDER_KINDS = ["dispatch", "backup", "advisory"] as const;
export const LINK_KINDS = ["duplicate_call"] as const;
export const VERDICTS = ["pass", "return"] as const;
/** What can be wrong with feedback, in the order a checklist shows it (SPEC FB2). */
export const FAULTS = [
  "result_missing",
  "nature_wrong",
  "step_missing",
  "time_unclear",
  "narrative_unclear",
  "people_missing",
  "evidence_missing",
  "counts_wrong",
  "late_unexplained",
  "handover_missing",
  "other",
] as const;
export const DELAY_REPLIES = ["accepted", "sent_others", "told_caller", "not_accepted"] as const;
export const CLOCKS = ["C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"] as const;
/** What a person may find of a clock (SPEC VD8). */
export const FINDINGS = ["met", "missed", "undetermined", "not_delivered"] as const;
export const OUTCOMES = ["reached", "no_answer", "refused", "wrong_number", "no_phone", "anonymous"] as const;
/** Why a caller is not satisfied. */
export const REASONS = ["slow", "manner", "unfair", "unresolved", "untold", "other"] as const;
export const RECTIFY_KINDS = ["ordinary", "complex"] as const;
export const SUPERVISE_RESULTS = ["resolved", "unfounded", "referred"] as const;
export const SET_FIELDS = ["tags"] as const;
export const LATEST_FIELDS = ["colour"] as const;
export const TEXT_FACTS = [
  "title",
  "category",
  "place",
  "caller_name",
  "caller_phone",
  "narrative",
  "source_no",
  "result",
  "nature",
  "seized",
] as const;
export const NUMBER_FACTS = ["level", "tier", "city_received_at", "city_issued_at", "casualties", "rescued"] as const;

/** The milestones that make a status, in order; feedback is none of them (IN4). */
export const ROAD = ["delivered", "signed", "departed", "arrived", "cleared"] as const;
/** Nobody delivers or signs an incident that its officer found; only these can be missing (IN5). */
export const ROAD_WITHOUT_ORDER = ["arrived", "cleared"] as const;

export type Fault = (typeof FAULTS)[number];
export type DelayReply = (typeof DELAY_REPLIES)[number];
export type MilestoneKind = (typeof MILESTONES)[number];
export type CallbackOutcome = (typeof OUTCOMES)[number];
export type Dissatisfaction = (typeof REASONS)[number];
export type RoadKind = (typeof ROAD)[number];
export type Status = "reported" | "assigned" | RoadKind | "closed" | "withdrawn" | "duplicate";
