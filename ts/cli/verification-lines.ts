/** Verifications for people. */
import type { SasReport, VerificationReport } from "../operations/verification-report.ts";
import { inline, table } from "./text.ts";

/** With whom, in a few words. */
export function partner(one: VerificationReport): string {
  const device = one.otherDeviceId === undefined ? "" : `, device ${inline(one.otherDeviceId)}`;
  return one.isSelfVerification ? `another device of this account${device}` : `${inline(one.otherUserId)}${device}`;
}

export function sasLines({ emoji, decimal }: SasReport): string[] {
  const pictures = emoji.map(([symbol, name]) => `${symbol} ${name}`).join("  ");
  return [...(pictures === "" ? [] : [`Emoji:   ${pictures}`]), `Numbers: ${decimal.join(" ")}`];
}

function headLine(one: VerificationReport): string {
  return `${one.id} with ${partner(one)}: ${one.phaseName}${one.error === undefined ? "" : `, ${inline(one.error)}`}`;
}

/** One verification: where it is, and what comes next. */
export function verificationLines(one: VerificationReport): string[] {
  return [headLine(one), ...nextLines(one)];
}

/** The same once this side has confirmed: there is nothing to compare any more. */
export function confirmedLines(one: VerificationReport): string[] {
  return [headLine(one), ...(one.phaseName === "started" ? ["Next: the other side has to confirm as well; `openclaw matrix verify list` shows when it is done."] : [])];
}

function nextLines(one: VerificationReport): string[] {
  const command = (step: string) => `\`openclaw matrix verify ${step} ${one.id}\``;
  if (one.sas) {
    return [
      ...sasLines(one.sas),
      `Next: if the other side shows the same, ${command("confirm-sas")} within a minute; if not, ${command("mismatch-sas")}.`,
    ];
  }
  if (one.hasReciprocateQr) return [`Next: if the other device says that it has scanned the code, ${command("confirm-sas")}; if not, ${command("cancel")}.`];
  if (one.canAccept) return [`Next: ${command("accept")}, or ${command("cancel")}.`];
  if (one.phaseName === "requested") return ["Next: accept it on the other device; this one waits for ten minutes."];
  if (one.phaseName === "ready") return [`Next: ${command("start")}, or begin it on the other device.`];
  if (one.phaseName === "started") return [`Next: wait for the other side; ${command("sas")} shows what there is to compare.`];
  return [];
}

export function verificationTable(all: readonly VerificationReport[]): string[] {
  if (all.length === 0) return ["No verifications. `openclaw matrix verify self` begins one with another device of this account."];
  return table(
    ["Id", "With", "Device", "Where", "Phase", "Changed"],
    all.map((one) => [
      one.id,
      one.isSelfVerification ? "this account" : one.otherUserId,
      one.otherDeviceId ?? "?",
      one.roomId ?? "directly",
      one.error === undefined ? one.phaseName : `${one.phaseName}: ${one.error}`,
      one.updatedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC"),
    ]),
  );
}
