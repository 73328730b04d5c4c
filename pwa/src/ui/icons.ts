/**
 * Action icons, own drawings: 24 grid, 2 px stroke, mitred joins, butt ends, one path each. An icon never stands
 * without its word, except in the phone bars, where it has a label.
 */
const ring = (x: number, y: number, r: number): string =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;

export const ICONS = {
  // bars
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4 7 7 0 0 0 20 14.5z",
  sun: `${ring(12, 12, 4)}M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2`,
  lock: "M5 11h14v9H5zM8 11V7.5a4 4 0 0 1 8 0V11",
  clock: `${ring(12, 12, 9)}M12 6.5V12l4 2.5`,
  back: "M21 12H5M11 6l-6 6 6 6",
  forward: "M3 12h16M13 6l6 6-6 6",
  close: "M5 5l14 14M19 5L5 19",
  // acting on an order
  check: "M4 12.5l5.5 5.5L20 7",
  flag: "M6 22V3M6 4h12l-3 4 3 4H6",
  depart: "M4 20L9.5 4M20 20L14.5 4M12 4v3M12 10.5v3M12 17v3",
  blocked: "M3 20h18M6 20L9.5 5h5L18 20M8 13h8",
  backup: `${ring(8, 8, 3.2)}M2 20c0-4 2.5-6 6-6s6 2 6 6M18 7v8M14 11h8`,
  handOver: "M3 8h17l-4-4M21 16H4l4 4",
  leave: "M14 4H5v16h9M9 12h11M16 8l4 4-4 4",
  up: "M12 20V5M6 11l6-6 6 6",
  courier: "M3 9h18v11H3zM8 9V5h8v4M3 14h18M12 12v4",
  plus: "M12 4v16M4 12h16",
  list: "M4 6h16M4 12h16M4 18h16",
  undo: "M4 9h11a5 5 0 0 1 0 10H8M8 5L4 9l4 4",
  // reaching people and places
  pin: `M12 21s7-6.2 7-11.6A7 7 0 0 0 5 9.4C5 14.8 12 21 12 21z${ring(12, 9.5, 2.3)}`,
  map: "M3 6l6-2 6 2 6-2v14l-6 2-6-2-6 2zM9 4v14M15 6v14",
  phone: "M5 4h4l2 5-2.6 1.6a12 12 0 0 0 5 5L15 13l5 2v4l-1 1A15.5 15.5 0 0 1 4 5z",
  radio: "M7 8h10v13H7zM15 8V2M10 12h4M10 15h4",
  bell: "M6 17V11a6 6 0 0 1 12 0v6M3 17h18M10 20h4",
  // recording
  camera: `M3 8h5l1.5-3h5L16 8h5v12H3z${ring(12, 13.5, 3.5)}`,
  microphone: "M9 4h6v9H9zM5 11c0 4 3 6 7 6s7-2 7-6M12 17v4",
  note: "M5 3h10l4 4v14H5zM9 11h6M9 15h6",
  // desks
  search: `${ring(10.5, 10.5, 6.5)}M15.5 15.5L21 21`,
  print: "M7 8V3h10v5M7 17H3V8h18v9h-4M7 14h10v7H7z",
  download: "M12 3v13M6 10l6 6 6-6M4 20h16",
  device: "M7 2h10v20H7zM11 18.5h2",
  station: "M3 11l9-7 9 7v9H3zM10 20v-6h4v6",
  hourglass: "M6 3h12M6 21h12M7 3c0 6 10 6 10 9s-10 3-10 9M17 3c0 6-10 6-10 9",
  battery: "M2 8h17v9H2zM22 11v3M6 11.5h8M6 13.5h8",
  key: `${ring(8, 16, 4.5)}M11.5 12.5L20 4M16 8l3.5 3.5`,
  // kinds of incident
  dispute: "M3 4h11v8H9l-3 3v-3H3zM17 9h4v8h-2v3l-3-3h-6v-2",
  missing: `${ring(10, 7, 3.2)}M3.5 20c0-4.5 2.5-7 6.5-7 2 0 3.5.6 4.6 1.7M18 20v-1M16 13.5c.3-1.6 4.3-1.6 4 .6-.2 1.2-2 1.4-2 3`,
  fire: "M12 2.5c1 4.5 5.5 6 5.5 11.5a5.5 5.5 0 0 1-11 0c0-2.2 1-3.6 2.2-4.8.3 1.6.9 2.3 1.8 2.6C10.2 8.5 10.6 5 12 2.5z",
  theft: "M4 10h16v10H4zM8 10V7a4 4 0 0 1 8 0v3M9 15h6",
  noise: "M3 9h4l6-5v16l-6-5H3zM17 8.5a5 5 0 0 1 0 7",
  injury: "M9.5 3.5h5v6h6v5h-6v6h-5v-6h-6v-5h6z",
  traffic: `M3 16v-4l2.5-6h13L21 12v4zM3 12h18${ring(7.5, 17.5, 2)}${ring(16.5, 17.5, 2)}`,
  help: `${ring(12, 12, 9)}${ring(12, 12, 3.5)}M5.6 5.6l4 4M14.4 14.4l4 4M18.4 5.6l-4 4M9.6 14.4l-4 4`,
  livestock: "M8 9C5 9 3 7 3 4M16 9c3 0 5-2 5-5M8 9c0 6 .5 11 4 11s4-5 4-11c-1.5-2-6.5-2-8 0zM10 16.5h4",
  fraud: "M7 2h10v20H7zM9 7l3 4 3-4M12 11v6M9.5 13.5h5",
  other: "M4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4z",
} as const;

export type IconName = keyof typeof ICONS;
