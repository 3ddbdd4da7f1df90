import type { TimedPlugin } from "./commands.ts";
import type { Crossed } from "./faults.ts";
import type { Installed } from "./install.ts";
import type { Measured } from "./measure.ts";

/** What artifacts/bench.json holds. */
export interface Report {
  commit: string;
  date: string;
  machine: { cpu: string; cores: number; node: string; platform: string };
  /** How the addon was built: `release` is what is published. */
  profile: string;
  rooms: number;
  runs: { ours: Measured[]; theirs: Measured[] };
  installed: { ours: Installed; theirs: Installed; theirsName: string };
  crossed?: Crossed[];
  commands?: TimedPlugin[];
}

const MB = 1e6;

/** The middle one, of an even number the lower. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

/** How much a run's memory grew from the bare process: the middle one of its samples. */
const growth = (run: Measured) => median(run.rssSynced) - run.rssBare;
const growthAfterLoading = (run: Measured) => median(run.rssSynced) - run.rssLoaded;

const digits = (value: number) => (value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString("en"));

/** As Markdown, with one row a figure. */
export function table(report: Report): string {
  const { ours, theirs } = report.runs;
  const row = (what: string, a: number, b: number, unit: string) =>
    `| ${what} | ${digits(a)}${unit} | ${digits(b)}${unit} | ${a > 0 ? `${(b / a).toFixed(1)} ×` : ""} |`;
  const of = (figure: (run: Measured) => number) => [median(ours.map(figure)), median(theirs.map(figure))] as const;
  const [grownA, grownB] = of((run) => growth(run) / MB);
  const [loadedA, loadedB] = of((run) => growthAfterLoading(run) / MB);
  const [stallA, stallB] = of((run) => run.longestStall);
  const [readyA, readyB] = of((run) => run.ready / 1000);
  const { installed } = report;
  return [
    `| | ${ours[0]?.name ?? "openclaw-matrix-rs"} | ${theirs[0]?.name ?? "matrix-js-sdk"} | ratio |`,
    "|---|---:|---:|---:|",
    row(`Memory growth of the process, logged in and synced to ${report.rooms} rooms`, grownA, grownB, " MB"),
    row("… of which after its code was loaded", loadedA, loadedB, " MB"),
    row("Longest stall of the event loop meanwhile", stallA, stallB, " ms"),
    row("From login to the end of the first sync", readyA, readyB, " s"),
    row(`Installed, beside ${installed.theirsName}`, installed.ours.bytes / MB, installed.theirs.bytes / MB, " MB"),
    row("… files", installed.ours.files, installed.theirs.files, ""),
    row("… packages", installed.ours.packages, installed.theirs.packages, ""),
  ].join("\n");
}

/** How the figures were made, in one sentence. */
export function circumstances(report: Report): string {
  const { machine, profile, rooms, runs } = report;
  const build = profile === "release" ? "the release build" : "the everyday build, less optimised and larger than what is published";
  return (
    `Medians of ${runs.ours.length} run${runs.ours.length === 1 ? "" : "s"} each on ${machine.cores} cores (${machine.cpu}), Node ${machine.node}, ${rooms} rooms, half of them encrypted, on a Synapse on the same machine; ` +
    `${build}; memory is RSS after a garbage collection, less that of the bare Node process.`
  );
}

/** What stands between the marks of a table. */
const FIGURES = "figures of `npm run bench -- --readme`";
const COMMAND_FIGURES = "figures of `npm run bench -- --commands --readme`";

/** The README with new text between the marks. */
function replaced(readme: string, mark: string, text: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, "<!-- end of figures -->"];
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end, from);
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  return `${readme.slice(0, from + begin.length)}\n${text}\n${readme.slice(to)}`;
}

/** The README with the table between its marks. */
export function intoReadme(readme: string, report: Report): string {
  return replaced(readme, FIGURES, `${table(report)}\n\n${circumstances(report)}`);
}

/** The README with what the commands take. */
export function commandsIntoReadme(readme: string, text: string): string {
  return replaced(readme, COMMAND_FIGURES, text);
}
