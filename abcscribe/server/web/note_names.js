// Notes in words, for labels that are read out, and in the order of the staff.

import { quarters } from "./timeline.js";

const VALUES = [
  ["double whole", 8], ["whole", 4], ["half", 2], ["quarter", 1], ["eighth", 1 / 2], ["sixteenth", 1 / 4],
  ["thirty-second", 1 / 8], ["sixty-fourth", 1 / 16],
];
const FACTORS = [["", 1], ["dotted ", 3 / 2], ["double dotted ", 7 / 4], ["triplet ", 2 / 3], ["quintuplet ", 4 / 5]];
const SIGNS = { "##": " double sharp ", "#": " sharp ", b: " flat ", bb: " double flat ", "": "" };

/** A length of quarters in words: "dotted quarter", "triplet eighth"; "5/2 quarters" where no value writes it. */
export function lengthName(duration) {
  const length = quarters(duration);
  for (const [prefix, factor] of FACTORS) {
    const value = VALUES.find(([, plain]) => Math.abs(plain * factor - length) < 1e-6);
    if (value) return prefix + value[0];
  }
  return `${duration} quarters`;
}

/** A pitch in words: "F sharp 4", "E5". */
export function pitchName(pitch) {
  const [, step, signs, octave] = /^([A-G])(#*|b*)(-?\d+)$/.exec(pitch) ?? [null, pitch, "", ""];
  return `${step}${SIGNS[signs] ?? ` ${signs} `}${octave}`;
}

/** Place of a pitch among the lines and spaces of a staff, whatever its sign: C4 is 28, D4 is 29. */
export function staffPlace(pitch) {
  const [, step, , octave] = /^([A-G])(#*|b*)(-?\d+)$/.exec(pitch);
  return "CDEFGAB".indexOf(step) + 7 * Number(octave);
}

/** What a note is, as a screen reader says it: "bar 3, E5, quarter, violin". */
export function noteLabel(score, note) {
  const words = [
    `bar ${score.bars[note.bar]?.number ?? note.bar + 1}`, pitchName(note.pitch), lengthName(note.duration),
    partName(score, note.part),
  ];
  if (note.tie) words.push("tied");
  if (note.doubtful) words.push("doubtful");
  return words.join(", ");
}

/** What a rest is: "bar 3, rest, quarter, violin". */
export function restLabel(score, rest) {
  const bar = score.bars[rest.bar]?.number ?? rest.bar + 1;
  return `bar ${bar}, rest, ${lengthName(rest.duration)}, ${partName(score, rest.part)}`;
}

function partName(score, index) {
  const part = score.parts[index];
  return (part?.name || part?.instrument || `part ${index + 1}`).toLowerCase();
}
