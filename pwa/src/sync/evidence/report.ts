/**
 * What comes of judging an evidence file: what it says, and each thing that is wrong with it (SPEC XP5). Mirrors
 * `sync/evidence/report.py`.
 *
 *     report.find("forged", "set 3 of the file", "the signature does not hold");
 */
import type { Value } from "../canon";
import type { ChangeSet } from "../changeset";
import type { Checkpoint } from "../note";
import type { Ruling } from "../rulings";
import { ORG_ROW, originOf } from "../witness";
import type { Content } from "./file";

/** One thing that is wrong: a code of XP5, the place, and what was seen. */
export interface Finding {
  readonly code: string;
  readonly where: string;
  readonly detail: string;
}

/** One set of the incident as the file shows it: the set, the rulings that came first and that stand. */
export interface Shown {
  readonly change: ChangeSet;
  readonly first: Ruling;
  readonly standing: Ruling;
  readonly isRedacted: boolean;
}

export interface Proved {
  readonly ruling: Ruling;
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** A declared loss (TL8). */
export interface Loss {
  readonly epoch: Uint8Array;
  readonly kept: number;
  readonly why: string;
}

export interface LogRow {
  readonly pub: Uint8Array;
  readonly epoch: Uint8Array;
  readonly lost: readonly Loss[];
}

export class Report {
  readonly findings: Finding[] = [];
  content: Content | null = null;
  checkpoint: Checkpoint | null = null;
  /** By idx, in the order of the file. */
  readonly entries = new Map<number, Proved>();
  about: Ruling[] = [];
  readonly shown: Shown[] = [];
  /** How many sets about other matters lie between sets of a chain without being shown. */
  unseen = 0;

  find(code: string, where: string, detail = ""): void {
    this.findings.push({ code, where, detail });
  }

  /** The name of the log the file is from. */
  get origin(): string {
    return this.content ? originOf(this.content.server, this.content.epoch) : "";
  }

  /** Rows that rulings in the file give the organisation under one kind and id, in order. */
  rows(what: string, id: Uint8Array): Record<string, Value>[] {
    const found: Record<string, Value>[] = [];
    for (const { ruling } of this.entries.values()) {
      const { payload } = ruling;
      if (ruling.kind !== "org" || payload["what"] !== what || payload["row"] === null) continue;
      if (hexOf(payload["id"]) === hexOf(id)) found.push(payload["row"] as Record<string, Value>);
    }
    return found;
  }

  /** The newest row of the organisation that names this log. */
  logRow(): LogRow | null {
    const row = this.content && this.rows(ORG_ROW, this.content.server).at(-1);
    return row ? logRowOf(row) : null;
  }

  /** Names of the people whom rulings in the file name, the newest of each, by hex id. */
  people(): Map<string, string> {
    const names = new Map<string, string>();
    for (const { ruling } of this.entries.values()) {
      const { what, id, row } = ruling.payload;
      if (ruling.kind === "org" && what === "people" && row)
        names.set(hexOf(id), String((row as Record<string, Value>)["name"] ?? ""));
    }
    return names;
  }
}

export const hexOf = (value: unknown): string =>
  value instanceof Uint8Array ? Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") : "";

const isBytes = (value: unknown, size: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length === size;

function logRowOf(row: Record<string, Value>): LogRow | null {
  const { pub, epoch, lost = [] } = row;
  if (!isBytes(pub, 32) || !isBytes(epoch, 8) || !Array.isArray(lost)) return null;
  const losses: Loss[] = [];
  for (const one of lost) {
    if (typeof one !== "object" || one === null || Array.isArray(one) || one instanceof Uint8Array) return null;
    const { epoch: ended, kept = 0, why = "" } = one;
    if (!isBytes(ended, 8) || typeof kept !== "number" || typeof why !== "string") return null;
    losses.push({ epoch: ended, kept, why });
  }
  return { pub, epoch, lost: losses };
}
