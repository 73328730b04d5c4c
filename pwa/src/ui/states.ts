/**
 * The states that a screen can show, each with its glyph and its word. Colour, shape and word together: take any
 * one away and the state can still be told.
 */
import type { GlyphName } from "./glyphs";

export type StateName =
  | "met"
  | "missed"
  | "undetermined"
  | "overdue"
  | "undelivered"
  | "late"
  | "provisional"
  | "confirmed"
  | "running"
  | "conflict";

/** Every state's glyph has the state's own name; the type says so. */
export const glyphOf = (state: StateName): GlyphName => state;
