"""The one who signs checkpoints, and refuses to sign a log that did not only grow (TL7).

Responsible for the log's key, for looking at the stored tree beside what was signed before, and for the order of
things: the entries are read back and hashed, the new checkpoint is remembered outside the database, and only then does
anybody see it. Refuses to know when to sign; `keeper` does.

The tree is always compared with two witnesses: the file outside the database, which a restored backup does not bring
back, and the newest checkpoint inside it.

Example: `looked = signer.look(connection)`; `signer.sign(looked, now_ms)` gives the note.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from server import keys
from server.proof import memory
from server.proof.memory import DamagedError, Remembered
from server.proof.tree import BrokenEntryError, StoredTree, entries
from server.settings import Settings
from server.store import log, proofs
from server.store.log import Head
from server.store.proofs import FullTile, Signed
from sync import changeset, errors, note, rulings, witness
from sync.canon import CanonError
from sync.changeset import Refusal
from sync.note import Checkpoint

KEY_FILE = "log.key"
STEP_ENTRIES = 65_536  # covered by one checkpoint at most: bounds the memory of a long catching up


class RefusedError(Exception):
    """The centre will not sign: `code` is in `errors.LOG`, `detail` says what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    @property
    def cure(self) -> str:
        """What to do about it."""
        return errors.LOG[self.code].cure


class Looked(msgspec.Struct, frozen=True):
    """The log as it stands, found to have only grown: what may be signed now."""

    head: Head
    origin: str
    before: Remembered | None  # as the file outside says
    stored: Signed | None  # the newest checkpoint in the database
    size: int
    root: bytes
    tiles: list[FullTile]  # full and not stored yet


class Signer:
    """Holds the log's key."""

    def __init__(self, settings: Settings, entropy: Callable[[int], bytes]) -> None:
        """Nothing is read yet; the key is made when it is first needed and no node has one."""
        self.path = memory.path_of(settings)
        self._key_path = settings.data_dir / KEY_FILE
        self._entropy = entropy
        self._key: keys.SigningKey | None = None

    def own_key(self) -> keys.SigningKey | None:
        """The key in the data directory, None when this node has none."""
        if self._key is None:
            self._key = keys.load(self._key_path, keys.ED25519)
        return self._key

    def make_key(self) -> keys.SigningKey:
        """The key in the data directory, made when there is none."""
        self._key = keys.load_or_create(self._key_path, keys.ED25519, self._entropy)
        return self._key

    def look(
        self,
        connection: Connection,
        most: int = STEP_ENTRIES,
        meant: Mapping[int, bytes] | None = None,
    ) -> Looked:
        """Compare the stored tree with what was signed before, and hash at most `most` entries more; those must have
        the leaf hashes they were `meant` to have, where that is known.

        Raises RefusedError when the log may not be signed as it stands.
        """
        head = log.read(connection)
        origin = witness.origin_of(head.server_id, head.epoch)
        self._is_own(connection, head)
        before = self.recalled()
        stored = proofs.newest(connection, origin)
        if before is None and stored is not None:
            raise RefusedError("log_memory_missing", f"{stored.size} entries were signed before")
        if before is not None and before.checkpoint.origin != origin:
            raise RefusedError(
                "log_epoch_differs", f"{before.checkpoint.origin} was signed, {origin} is stored"
            )
        tree = StoredTree(connection)
        known = [] if before is None else [before.checkpoint]
        if stored is not None:
            known.append(Checkpoint(origin, stored.size, stored.root))
        longest = max((one.size for one in known), default=0)
        if longest > head.idx:
            raise RefusedError(
                "log_rolled_back",
                f"{longest} entries were signed, {head.idx} are stored:"
                f" entries {head.idx + 1} to {longest} are gone",
            )
        try:
            for one in known:
                if tree.root(one.size) != one.root:
                    raise RefusedError("log_changed", _where(tree, one.size))
            size = min(head.idx, max(longest, (stored.size if stored else 0) + most))
            root, tiles = tree.grown(size, meant or {})
        except BrokenEntryError as error:
            raise RefusedError("log_changed", str(error)) from error
        return Looked(head, origin, before, stored, size, root, tiles)

    def sign(self, looked: Looked, now_ms: int) -> Signed:
        """Remember a checkpoint outside the database and give it. Raises memory.MovedError when another process was
        faster, OSError when it cannot be remembered; then nothing was signed.
        """
        before = looked.before
        if before is not None and before.checkpoint.size == looked.size:
            # Whoever wrote it may have failed before its name was on the disk.
            memory.replace(self.path, before, before.note)
            return _as_stored(before)
        key = self.own_key()
        assert key is not None, "looked at by the holder of the key"
        text = note.checkpoint_text(
            Checkpoint(looked.origin, looked.size, looked.root, (f"time {now_ms}",))
        )
        whole = note.sign_note(text, looked.origin, key.public, key.sign)
        memory.replace(self.path, before, whole)
        return Signed(looked.origin, looked.size, looked.root, now_ms, whole)

    def audit(self, connection: Connection, size: int) -> int:
        """Hash every signed entry again, not trusting any tile, and look at every set that they rule. Gives how many
        sets there are. Raises RefusedError that names the first bad one.
        """
        tree = StoredTree(connection)
        try:
            differing = tree.differing_tile(size)
            ruled = {
                ruling.payload["set"]: ruling.idx
                for ruling, _raw, _leaf in entries(connection, 0, log.read(connection).idx)
                if ruling.kind == rulings.KIND_SET
            }
        except BrokenEntryError as error:
            raise RefusedError("log_changed", str(error)) from error
        if differing is not None:
            raise RefusedError("log_changed", f"entry {differing} is not what was signed")
        count = len(ruled)
        for set_id, raw in proofs.all_sets(connection):
            idx = ruled.pop(set_id, None)
            if idx is None:
                raise RefusedError("log_changed", f"set {set_id.hex()} has no ruling of its own")
            read = changeset.read(raw)
            if read.set_id != set_id or (
                isinstance(read, Refusal) and read.code != "newer_version"
            ):
                raise RefusedError("log_changed", f"the set of entry {idx} is not what was ruled")
        for idx in sorted(ruled.values())[:1]:
            raise RefusedError("log_changed", f"the set of entry {idx} is not there")
        return count

    def _is_own(self, connection: Connection, head: Head) -> None:
        row = named_log(connection, head)
        key = self.own_key()
        if row is None or key is None or row["pub"] != key.public:
            raise RefusedError(
                "log_key_differs", f"{self._key_path} is not the key that the organisation names"
            )

    def recalled(self) -> Remembered | None:
        """What the file outside the database says. Raises RefusedError when it cannot be believed."""
        try:
            before = memory.recall(self.path)
        except DamagedError as error:
            raise RefusedError("log_memory_damaged", f"{self.path}: {error}") from error
        if before is not None:
            key = self.own_key()
            read = note.read_note(before.note)
            origin = before.checkpoint.origin
            if key is None or not note.is_signed(read, origin, key.public, keys.verify):
                raise RefusedError("log_memory_damaged", f"{self.path} is not signed by this key")
        return before

    def forget(self) -> None:
        """Put the file aside after a declared loss: what it remembers stands in the declaration now."""
        aside = self.path.with_name(f"{self.path.name}.ended")
        if self.path.exists():
            os.replace(self.path, aside)  # noqa: PTH105  the same call as everywhere, and it may overwrite


def named_log(connection: Connection, head: Head) -> dict[str, Any] | None:
    """The row of the organisation that names this log, None before it was announced. Raises RefusedError."""
    try:
        return proofs.named_log(connection, head.server_id)
    except CanonError as error:
        raise RefusedError("log_changed", f"the row that names its key: {error}") from error


def _where(tree: StoredTree, size: int) -> str:
    found = tree.differing_tile(size)
    if found is None:
        return f"the first {size} entries no longer have the root that was signed"
    return f"entry {found} is not what was signed"


def _as_stored(known: Remembered) -> Signed:
    at = known.checkpoint
    return Signed(at.origin, at.size, at.root, signed_at_ms(at), known.note)


def signed_at_ms(checkpoint: Checkpoint) -> int:
    """When a checkpoint says that it was signed, 0 when it does not say."""
    for line in checkpoint.extensions:
        word, _, told = line.partition(" ")
        if word == "time" and told.isdecimal():
            return int(told)
    return 0
