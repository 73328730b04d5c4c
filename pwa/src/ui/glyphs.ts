/**
 * State glyphs and posts of the timeline, 16 grid, mostly filled, so that a state never looks like an action.
 * Each is a few paths: `solid` is filled, `cutout` is drawn in the colour of the ground, the rest is a line.
 */
export interface Stroke {
  readonly d: string;
  readonly as?: "solid" | "cutout";
  readonly width?: number;
  readonly dash?: string;
}

/** A circle as a path, so that everything here is one kind of thing. */
const disc = (r: number): string => `M${8 - r} 8a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;

export const GLYPHS = {
  met: [
    { d: disc(8), as: "solid" },
    { d: "M4.2 8.3l2.6 2.6 5-5.2", as: "cutout" },
  ],
  missed: [
    { d: "M0 0h16v16H0z", as: "solid" },
    { d: "M4.5 4.5l7 7M11.5 4.5l-7 7", as: "cutout" },
  ],
  undetermined: [{ d: "M1 3.5v9M15 3.5v9M1 8h14" }, { d: "M8 1v14", dash: "2.4 2" }],
  overdue: [
    { d: "M8 .6L16 15.2H0z", as: "solid" },
    { d: "M8 5.4v5M8 11.6v2", as: "cutout" },
  ],
  undelivered: [{ d: "M0 8h5.2M10.8 8H16M10.6 2.4L5.4 13.6", width: 2.2 }],
  late: [{ d: "M1 1h14v14H1z" }, { d: "M11.5 4.5v4H5M7.5 5.8L4.8 8.5l2.7 2.7", width: 1.8 }],
  provisional: [{ d: disc(6.6), dash: "3.2 2" }],
  confirmed: [
    { d: disc(6.8), width: 1.8 },
    { d: disc(3.6), as: "solid" },
  ],
  running: [{ d: disc(6.6) }],
  conflict: [{ d: "M8 .8L15.2 8 8 15.2.8 8z" }, { d: "M8 1v14" }],
  // posts of the timeline's road
  post: [{ d: disc(6), as: "solid" }],
  speech: [{ d: "M2 2h12v8H7l-4 4v-4H2z" }],
  pencil: [{ d: "M2 14l1-4L11.5 1.6l2.9 2.9L6 13z", width: 1.8 }],
  bars: [{ d: "M1 3h14v4H1zM1 9.5h10v4H1z", as: "solid" }],
  broken: [{ d: "M8 0v3M8 6.5v3M8 13v3", width: 2.4 }],
} as const satisfies Record<string, readonly Stroke[]>;

export type GlyphName = keyof typeof GLYPHS;
