"""Every code the product answers with, its cause and its cure: the registry is the documentation.

Responsible for the words behind a code, for people who build or run the system. Screens have their own words; they look
the code up there. Knows no transport beyond the HTTP status that suits a whole request.

>>> lookup("queue_full").status
503
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """What is told with a code, in English sentences. `status` is the HTTP status when a whole request is refused with
    it (RFC 9110 section 15; the answer has the form of RFC 9457), 200 where it is said of one set.
    """

    status: int
    cause: str
    cure: str


REQUESTS: Final[dict[str, Entry]] = {
    "bad_request": Entry(
        400, "The request does not have the shape this call takes.", "Compare it with /api/docs."
    ),
    "bad_id": Entry(
        400, "An id is not 32 lower-case hex digits.", "Send the id as the server gave it."
    ),
    "bad_mapping": Entry(
        400, "The column mapping is not usable.", "Map known fields to columns that the file has."
    ),
    "bad_message": Entry(
        400,
        "The body is not the MessagePack map this call takes.",
        "See SPEC EX for its keys and types.",
    ),
    "bad_policy": Entry(
        400, "Fields of the policy are at fault.", "Correct those that `fields` names."
    ),
    "bad_zone": Entry(
        400, "Fields of the zone are at fault.", "Correct those that `fields` names."
    ),
    "begins_in_the_past": Entry(
        409,
        "It would begin in the past, and change what was judged already.",
        "Let it begin now or later.",
    ),
    "same_beginning": Entry(
        409,
        "Another version for the same begins at that moment.",
        "Let it begin at another moment, or take the other one back.",
    ),
    "has_begun": Entry(
        409, "The version has begun and cannot be taken back.", "Add one that follows it."
    ),
    "two_without_borders": Entry(
        409,
        "The station has a zone without borders already; with two, neither would apply.",
        "Give this one borders, or end the other one.",
    ),
    "too_many_versions": Entry(
        409, "There are as many versions as can be.", "Take back some that have not begun."
    ),
    "unspoken_version": Entry(
        400,
        "The app speaks a version of the exchange that this server does not.",
        "Update the older of the two; what the app holds stays on it and is sent then.",
    ),
    "bad_compression": Entry(
        400, "The body is not the gzip stream it claims to be.", "Send it again, or uncompressed."
    ),
    "not_signed_in": Entry(
        401, "There is no valid session or device token.", "Sign in, or enrol this device."
    ),
    "wrong_login": Entry(
        401,
        "Login name and password do not belong together.",
        "Try again, or ask for a new password.",
    ),
    "wrong_code": Entry(
        401, "The enrolment code is unknown, used or expired.", "Ask the desk for a new code."
    ),
    "csrf": Entry(
        403,
        "The request did not carry this session's token.",
        "Fetch the session again and repeat.",
    ),
    "not_allowed": Entry(403, "This person may not do that.", "Ask someone whose role allows it."),
    "came_from_elsewhere": Entry(
        403, "The request came from another site.", "Use the product's own pages."
    ),
    "device_revoked": Entry(
        403,
        "This device was revoked; it may still upload.",
        "Upload what is left, then enrol again.",
    ),
    "bad_rotation": Entry(
        400,
        "The set does not open a chain that continues the sender's.",
        "Send the first set of the new chain, signed and naming the old one.",
    ),
    "rotation_needs_login": Entry(
        403,
        "Another installation has taken this chain's place.",
        "Upload what is left, then enrol again with a one-time code.",
    ),
    "no_checkpoint": Entry(
        404, "Nothing has been signed yet.", "Ask again in a minute, or look at /api/health."
    ),
    "not_found": Entry(404, "There is nothing under this address.", "Check the id or the path."),
    "handed_over": Entry(
        410,
        "The incident was given to another station, and is no longer told here.",
        "Ask that station, or the centre.",
    ),
    "unknown_order": Entry(404, "The incident has no such order.", "Reload the incident."),
    "method_not_allowed": Entry(
        405, "This address does not take that method.", "Compare it with /api/docs."
    ),
    "login_taken": Entry(409, "Another person has this login name.", "Choose another name."),
    "centre_only": Entry(
        409,
        "This is a township station, and what was asked is decided at the centre alone.",
        "Ask at the centre, or here again once it has decided.",
    ),
    "not_ready": Entry(
        409, "The record is not in a state that allows this.", "Reload it and look what is open."
    ),
    "ladder_open": Entry(
        409,
        "A caller was not satisfied, and what follows from that is still open.",
        "See the open step through first: rectification, the second call, or the supervision.",
    ),
    "not_redactable": Entry(
        409,
        "A named record is not of this incident, or its words are gone or were never readable.",
        "Reload the incident and choose among the records it shows.",
    ),
    "bad_range": Entry(
        416, "The range of bytes cannot be served.", "Ask for one range within the size."
    ),
    "not_reviewable": Entry(
        409,
        "The set counts already, cannot be read, or lost its words.",
        "Reload the queue; dispute, withdraw or redact what counts.",
    ),
    "device_not_empty": Entry(
        409,
        "The device may hold sets that are not here: it said so, or it was not heard for some minutes.",
        "Wait until it was heard with nothing left, or say in `despite` why that cannot wait.",
    ),
    "request_too_large": Entry(
        413, "The body is larger than the limit.", "Send fewer or smaller items at a time."
    ),
    "file_too_large": Entry(
        413, "The file is larger than the limit.", "Split it and import the parts."
    ),
    "unsupported_media_type": Entry(
        415, "The body's content type is not taken here.", "Send the type the call names."
    ),
    "bad_move": Entry(
        422,
        "The move lacks something or does not fit this incident.",
        "Read the detail and correct it.",
    ),
    "weak_password": Entry(
        422,
        "The password is too short or too common.",
        "Choose at least 8 characters, better a few words that nobody would guess.",
    ),
    "bad_key": Entry(
        422, "The device key is not a valid public key.", "Enrol again with a newly made key."
    ),
    "bad_subscription": Entry(
        422,
        "This is no subscription of a push service that this server speaks to.",
        "Subscribe again in the browser; an administrator may name the service in the settings.",
    ),
    "no_push": Entry(
        404,
        "There is no Web Push here, or this device has not subscribed to it.",
        "Subscribe first. Every alarm goes its way without it.",
    ),
    "refused_lines": Entry(
        422,
        "Lines of the file were refused, so none was imported.",
        "Mend the lines, or import the good ones.",
    ),
    "too_many_requests": Entry(
        429, "Too many requests in a short time.", "Wait as long as Retry-After says."
    ),
    "too_many_attempts": Entry(
        429, "Too many wrong attempts.", "Wait as long as Retry-After says."
    ),
    "too_many_streams": Entry(
        429, "Too many open event streams.", "Close other windows, or poll instead."
    ),
    "internal": Entry(
        500,
        "The server made a mistake; nothing was half done.",
        "Try again; tell support if it stays.",
    ),
    "centre_away": Entry(
        503,
        "This is a township station, and its line to the centre is down.",
        "Ask again when the line is back, or where the centre is reached without the station.",
    ),
    "unknown_here": Entry(
        503,
        "This township station has not heard of the device yet.",
        "Keep everything and ask again: it is told of devices whenever it reaches the centre.",
    ),
    "queue_full": Entry(
        503,
        "More is arriving than can be written now.",
        "Wait as long as Retry-After says, then repeat.",
    ),
    "not_stored": Entry(
        503,
        "The store could not be reached or written; nothing was acknowledged.",
        "Repeat later; nothing is lost.",
    ),
    "stopping": Entry(503, "The server is shutting down.", "Repeat in a few seconds."),
}
"""Refusals of a whole request."""

SETS: Final[dict[str, Entry]] = {
    "not_canonical": Entry(
        200, "Bytes are not in the canonical form.", "Export the record and report it."
    ),
    "bad_shape": Entry(
        200, "Header, body or envelope lack their shape.", "Export the record and report it."
    ),
    "too_large": Entry(200, "A set or one of its ops is over its size limit.", "Split the text."),
    "bad_body": Entry(
        200, "The body does not match its hash.", "The author's app writes the record again."
    ),
    "bad_chain_open": Entry(
        200, "The first set does not open its chain.", "Enrol the device again."
    ),
    "bad_signature": Entry(
        200,
        "A signature does not fit the key of whoever should have made it.",
        "Of a record: its author's app writes it again. Of an answer: ask the centre for another.",
    ),
    "newer_version": Entry(
        200, "The set was written by a newer app.", "Kept as it is; upgrade the server to read it."
    ),
    "unenrolled": Entry(200, "No enrolled device has this chain.", "Kept; enrol the device."),
    "fork": Entry(
        200, "Another set stands at this place of the chain.", "Both are kept; a person decides."
    ),
    "no_authority": Entry(
        200,
        "The author's role may not give this command.",
        "Kept; ask someone whose role allows it.",
    ),
    "id_exists": Entry(
        200, "Another device created a record with this id.", "Kept; create it again with a new id."
    ),
    "bad_op": Entry(
        200,
        "A field is missing or has the wrong type or value.",
        "Kept; write it again with the field mended.",
    ),
    "unknown_entity_kind": Entry(
        200, "The set is about a kind of record unknown here.", "Kept; upgrade the server."
    ),
    "revoked": Entry(
        200,
        "It was written after its device was revoked.",
        "Kept, for people to decide; enrol again.",
    ),
    "dep_rejected": Entry(
        200,
        "It speaks of a record or an order that only rejected sets give.",
        "Kept; admit the other first, then this one.",
    ),
    "not_admitted": Entry(
        200, "A person looked at it and did not admit it.", "Kept; read their reason, or ask them."
    ),
    "revoked_straddle": Entry(
        200,
        "Its device was revoked, and it may have been written before or after that.",
        "Kept; a person decides.",
    ),
    "authority_straddles": Entry(
        200,
        "Its author had the right for only a part of the time in which it must have been made.",
        "Kept; a person decides.",
    ),
    "stale_lease": Entry(
        200,
        "Its device was out of touch for longer than commands are taken unasked.",
        "Kept; a person decides.",
    ),
    "no_body": Entry(
        200,
        "The set came without its body and is not known here.",
        "Send it as its author wrote it.",
    ),
}
"""Reasons given for one set; the others of its batch are untouched (EX1)."""

LINES: Final[dict[str, Entry]] = {
    "encoding": Entry(
        422,
        "Bytes are not text in the named encoding.",
        "Name the right encoding, or save as UTF-8.",
    ),
    "not_json": Entry(422, "The line is not one JSON object.", "Write one object per line."),
    "columns": Entry(
        422,
        "The row has more or fewer columns than the head.",
        "Quote fields that hold the separator.",
    ),
    "missing": Entry(422, "A required field is empty.", "Fill it in."),
    "type": Entry(422, "A field has the wrong type.", "Compare it with the import format."),
    "range": Entry(422, "A number is outside its range.", "Correct the number."),
    "time": Entry(422, "A time cannot be read.", "Use ISO 8601, or name the format and the zone."),
    "unknown_value": Entry(
        422, "A code or name is not known here.", "Add it first, or correct it."
    ),
    "too_long": Entry(422, "A line or a text is over its limit.", "Shorten it."),
    "control_character": Entry(422, "A text holds control characters.", "Remove them."),
}
"""Reasons given for one line of an imported file."""

FIELDS: Final[dict[str, Entry]] = {
    "unknown_field": Entry(422, "There is no such field.", "Leave it out, or correct its name."),
    "wrong_type": Entry(422, "The field holds the wrong kind of value.", "See SPEC PO for it."),
    "out_of_range": Entry(422, "The value is outside what is possible.", "See SPEC PO for it."),
    "too_many": Entry(422, "The list is longer than its bound.", "Shorten it."),
    "too_few": Entry(422, "The list is too short to mean anything.", "Add what is lacking."),
    "bad_key": Entry(422, "A name inside the field is none it can have.", "Correct the name."),
    "not_ascending": Entry(
        422, "The numbers do not ascend.", "Order them, each greater than the one before."
    ),
    "crosses_itself": Entry(
        422, "The borders cross or touch themselves.", "Give the corners in order around the zone."
    ),
    "unknown_row": Entry(422, "What it names is not in the organisation.", "Add it first."),
}
"""What is wrong with one field of a policy or a zone (PO1)."""

LOG: Final[dict[str, Entry]] = {
    "log_rolled_back": Entry(
        503,
        "The database holds fewer rulings than were signed: an older copy was restored.",
        "Restore the newest copy. If there is none: ortoo log declare-loss --why TEXT",
    ),
    "log_changed": Entry(
        503,
        "Rulings that were signed are no longer what they were.",
        "Restore an intact copy. If there is none: ortoo log declare-loss --why TEXT",
    ),
    "log_epoch_differs": Entry(
        503,
        "The checkpoint signed last belongs to another log or epoch than the database.",
        "Use the data directory that belongs to this database, or the newest copy of it.",
    ),
    "log_memory_missing": Entry(
        503,
        "The file that remembers the last signature is gone.",
        "Bring it back from the old disk. If it is lost: ortoo log declare-loss --why TEXT",
    ),
    "log_memory_damaged": Entry(
        503,
        "The file that remembers the last signature is not what was written.",
        "Bring back an intact copy. If there is none: ortoo log declare-loss --why TEXT",
    ),
    "log_key_differs": Entry(
        503,
        "This node does not hold the key that signs the log.",
        "Let the node that holds log.key sign, or bring its log.key into this data directory.",
    ),
    "log_not_kept": Entry(
        503,
        "The checkpoint could not be remembered outside the database.",
        "Make room and let the server write to the data directory.",
    ),
}
"""Why the centre does not sign its log (TL7)."""

_ANOTHER: Final = "It was left alone; ask the centre for another answer."
_ALARM: Final = "Nothing that rests on it was taken. Keep the file, and tell who runs the centre."

BUNDLES: Final[dict[str, Entry]] = {
    "not_a_bundle": Entry(
        422, "The file is no bundle.", "Choose the file that a phone, a station or the centre made."
    ),
    "truncated": Entry(
        200,
        "The file ends, or opens no further, before its end.",
        "What is whole was taken; copy it again for the rest.",
    ),
    "bad_length": Entry(
        200,
        "A record says that it is longer than any may be.",
        "What came before it was taken; copy the file again for the rest.",
    ),
    "damaged": Entry(
        200, "The bytes of a record changed on the way.", "The others were taken; copy it again."
    ),
    "bundle_too_large": Entry(
        200,
        "The file is larger than 2 GiB.",
        "What came before was taken; export again what is left.",
    ),
    "bad_seal_header": Entry(
        422, "The file is sealed, and its beginning is damaged.", "Copy the file again."
    ),
    "sealed_to_others": Entry(
        422,
        "The file is sealed to a key that is not here.",
        "Take it to the centre or station it was made for: to the machine that holds log.key or desk.key.",
    ),
    "bad_reply_key": Entry(
        422,
        "The key that the answer is to be sealed to is none. What the file holds was taken in.",
        "Write the answer in the clear: ortoo bundle export",
    ),
    "trailing": Entry(200, "Bytes follow the end.", "They were left alone; all else was taken."),
    "bad_record": Entry(
        200, "A record is not what its kind is.", "The others were taken; report it."
    ),
    "bad_manifest": Entry(
        200,
        "What the file says of its maker does not hold.",
        "Its records were judged by themselves; ask who made it.",
    ),
    "bad_end": Entry(
        200,
        "The file is not all of what its maker put in.",
        "What is there was taken; copy it again for the rest.",
    ),
    "unknown_kind": Entry(
        200, "A record is of a kind unknown here.", "Upgrade the server and import it again."
    ),
    "out_of_place": Entry(200, "A second beginning stands in the file.", "It was left alone."),
    "log_unknown": Entry(
        409,
        "It is not known here which log the centre keeps.",
        "Have the station reach its centre once, then do this again.",
    ),
    "other_log": Entry(
        200,
        "The answer is of another log: of another centre, or of before or after this one was put back.",
        "It was left alone. Have the station reach its centre once, then ask for another answer.",
    ),
    "bad_note": Entry(200, "What the answer rests on cannot be read.", _ANOTHER),
    "bad_checkpoint": Entry(200, "What the answer rests on is no checkpoint of a log.", _ANOTHER),
    "bad_ruling": Entry(200, "A ruling cannot be read.", _ANOTHER),
    "not_in_log": Entry(200, "A ruling is not proved to be in the centre's log.", _ANOTHER),
    "split": Entry(200, "The centre's log is another than the one it signed before.", _ALARM),
    "inconsistent": Entry(
        200, "The centre's log did not only grow since it was last seen.", _ALARM
    ),
    "undeclared_epoch": Entry(
        200, "The centre began another log and did not say what became of the one before.", _ALARM
    ),
}
"""What may be wrong with a bundle, one of its records (BU5), or what an answer rests on (BU6); `not_canonical` as
above."""

STATIONS: Final[dict[str, Entry]] = {
    "not_mirrored": Entry(
        409,
        "What the centre said does not go with what it said before, or was not signed by its author.",
        "Look at the station's log for the place; if the centre was put back, have its loss declared there.",
    ),
    "no_centre": Entry(
        503,
        "At the centre's address a station answers, perhaps this one itself.",
        "From this machine the name must lead to the centre: give its address in /etc/hosts.",
    ),
    "not_trusted": Entry(
        503,
        "This machine does not trust the certificate that is shown at the centre's address.",
        "Give its authority in SSL_CERT_FILE, and see that the name leads to the centre from here (/etc/hosts).",
    ),
}
"""Why a station takes nothing more over from its centre (HB2), or does not reach it where no waiting helps."""

_ALL: Final = STATIONS | REQUESTS | SETS | LINES | FIELDS | LOG | BUNDLES


def lookup(code: str) -> Entry:
    """The entry of a code. Raises KeyError for a code that was never written down here: that is our own mistake."""
    return _ALL[code]
