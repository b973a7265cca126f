// The checklist: every feature that the documents of the older SDKs name, by id. How many rows each subject has is fixed
// here, apart from the rows themselves, so that none can get lost.

export const SUBJECTS = {
  P: { title: "Package and entries", rows: 9 },
  A: { title: "Credentials", rows: 12 },
  SB: { title: "Sandbox", rows: 26 },
  PR: { title: "Process and streams", rows: 12 },
  SE: { title: "Session", rows: 9 },
  SD: { title: "Defaults", rows: 4 },
  CL: { title: "Cleaning up", rows: 6 },
  N: { title: "Network", rows: 4 },
  RF: { title: "Remote functions", rows: 9 },
  C: { title: "Constants", rows: 12 },
  E: { title: "Errors", rows: 13 },
  U: { title: "Module functions", rows: 3 },
};

/** All ids, in their order. */
export const IDS = Object.entries(SUBJECTS).flatMap(([subject, { rows }]) => Array.from({ length: rows }, (_, at) => `${subject}${at + 1}`));
