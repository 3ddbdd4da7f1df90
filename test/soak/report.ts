import type { SoakResult } from "./run.ts";

/** What artifacts/soak-<plugin>.json holds beside the result. */
export interface SoakReport {
  plugin: string;
  rounds: number;
  seed: number;
  /** ISO 8601. */
  date: string;
  machine: string;
  result: SoakResult;
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

/** What makes a run fail, one sentence each. */
export function failures({ tally, tombstones }: SoakResult): string[] {
  const found: string[] = [];
  const name = (question: { conversation: { name: string }; index: number; marker: string }) => `${question.conversation.name} #${question.index} (${question.marker})`;
  for (const question of tally.lost) found.push(`lost: ${name(question)}, struck ${question.blows} times`);
  for (const { question, said } of tally.duplicates) found.push(`answered in ${said.length} messages: ${name(question)}: ${said.map((message) => `${message.eventId} ${JSON.stringify(message.text.slice(-60))}`).join(", ")}`);
  for (const event of tally.undecryptable) found.push(`undecryptable: ${event.eventId} of ${event.sender} in ${event.roomId} (${event.reason})`);
  for (const { question, behind } of tally.disorder) found.push(`out of order: ${name(question)} was answered after #${behind.index} (${behind.marker})`);
  for (const line of tombstones) found.push(`the host gave a session up: ${line}`);
  return found;
}

const HEAD = [
  "| | rounds (seed) | sent | answered | lost | duplicates | undecryptable | out of order | sessions given up | host's notices | slowest answer |",
  "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
];

export function row({ plugin, rounds, seed, date, result }: SoakReport): string {
  const { tally, tombstones } = result;
  const cells = [
    `${plugin}, ${date.slice(0, 10)}`,
    `${rounds} (${seed})`,
    tally.sent,
    tally.answered,
    tally.lost.length,
    tally.duplicates.length,
    tally.undecryptable.length,
    tally.disorder.length,
    tombstones.length,
    tally.notices.resumed + tally.notices.other.length,
    seconds(tally.slowestMs),
  ];
  return `| ${cells.join(" | ")} |`;
}

export function table(report: SoakReport): string {
  return [...HEAD, row(report)].join("\n");
}

/** What stands beside the table: neither loss nor repetition, and worth knowing. */
export function remarks({ result }: SoakReport): string[] {
  const { tally, rounds, slowStops } = result;
  const lines = [`${rounds.length} rounds in ${seconds(result.tookMs)}.`];
  if (tally.drafts.length) lines.push(`${tally.drafts.length} unfinished drafts were left standing.`);
  if (slowStops) lines.push(`${slowStops} times the gateway did not end on SIGTERM and was killed.`);
  const missed = rounds.filter((struck) => !struck.reached).length;
  if (missed) lines.push(`${missed} blows fell before their moment was reached.`);
  for (const [text, number] of Object.entries(Object.groupBy(tally.notices.other, (text) => text.slice(0, 160)))) lines.push(`${number?.length} × ${JSON.stringify(text)}`);
  return lines;
}

const BEGIN = "<!-- figures of `npm run soak -- --readme` -->";
const END = "<!-- end of soak figures -->";

/** The README with this plugin's line between the marks in place of its older one; the other plugin's line stays. */
export function intoReadme(readme: string, report: SoakReport): string {
  const from = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  const name = report.plugin.split(" ")[0] as string;
  const others = readme
    .slice(from + BEGIN.length, to)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !HEAD.includes(line) && !line.startsWith(`| ${name} `));
  // Ours first.
  const rows = name.startsWith("@") ? [...others, row(report)] : [row(report), ...others];
  return `${readme.slice(0, from + BEGIN.length)}\n${[...HEAD, ...rows].join("\n")}\n${readme.slice(to)}`;
}
