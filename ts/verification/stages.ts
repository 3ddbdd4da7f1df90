/** The stages of a verification that are told: in the log, and to the other user in the direct message with them (VER-7). */
import type { Verification } from "../native/verification.ts";

export type Stage = "request" | "ready" | "start" | "compare" | "scanned" | "done" | "cancelled";

/** Where a verification is; undefined while nothing is to be told. */
export function stageOf({ phase, sas, qrScanned, confirmed }: Verification): Stage | undefined {
  switch (phase) {
    case "requested":
      return "request";
    case "ready":
      return "ready";
    case "started":
      if (sas) return "compare";
      if (qrScanned) return "scanned";
      return confirmed ? undefined : "start";
    default:
      return phase;
  }
}

/** What was written by others, on one line. */
function line(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 200);
}

/** The same without what Markdown reads. */
function plain(text: string): string {
  return line(text).replace(/[`*_[\]<>\\|~]/g, "");
}

/** A code of others for Markdown: its underscores are part of it. */
function code(text: string): string {
  return `\`${line(text).replaceAll("`", "")}\``;
}

function comparison({ sas }: Verification): string {
  if (!sas) return "";
  const pictures = sas.emoji.map(({ symbol, name }) => `${symbol} ${name}`).join(", ");
  return [pictures, sas.decimal.join(" ")].filter(Boolean).join(" · ");
}

function confirm({ id }: Verification, accountId: string): string {
  return `openclaw matrix verify confirm-sas ${id} --account ${accountId}`;
}

/** For the other user, as Markdown. */
export function noticeText(one: Verification, stage: Stage, accountId: string): string {
  switch (stage) {
    case "request":
      return one.initiatedByMe ? "🔐 Verification: I asked you to verify with me. Accept the request to go on." : "🔐 Verification: you asked me to verify with you; I accept.";
    case "ready":
      return "🔐 Verification: both sides are ready. Begin to compare emoji in your app.";
    case "start":
      return "🔐 Verification: the comparison begins.";
    case "compare":
      return `🔐 Verification: compare with what your app shows.\n\n${comparison(one)}\n\nMy side is confirmed by the person who runs me, with \`${confirm(one, accountId)}\`, never by itself.`;
    case "scanned":
      return `🔐 Verification: you scanned my code. My side is confirmed by the person who runs me, with \`${confirm(one, accountId)}\`.`;
    case "done":
      return "🔐 Verification: done. Both sides have confirmed.";
    case "cancelled":
      return `🔐 Verification: ended without a result: ${plain(one.cancellation?.reason ?? "cancelled")} (${code(one.cancellation?.code ?? "m.user")}).`;
  }
}

/** For the log: the same, with whom, and what the person has to run. */
export function logText(one: Verification, stage: Stage, accountId: string): string {
  const device = one.otherDeviceId === undefined ? "" : ` ${line(one.otherDeviceId)}`;
  const who = one.isSelfVerification ? `this account's own device${device}` : `${one.otherUserId}${device && `, device${device}`}`;
  const begin = `[${accountId}] ${one.id} with ${who}:`;
  switch (stage) {
    case "request":
      return `${begin} ${one.initiatedByMe ? "asked; it has to be accepted there" : "they ask to verify"}`;
    case "ready":
      return `${begin} both sides are ready; begin it there, or with \`openclaw matrix verify start ${one.id} --account ${accountId}\``;
    case "start":
      return `${begin} a comparison begins`;
    case "compare":
      return `${begin} compare ${comparison(one)}; if the other side shows the same, \`${confirm(one, accountId)}\` within a minute, else \`openclaw matrix verify mismatch-sas ${one.id} --account ${accountId}\``;
    case "scanned":
      return `${begin} the other side has scanned the code; if it says so itself, \`${confirm(one, accountId)}\``;
    case "done":
      return `${begin} done, both sides have confirmed`;
    case "cancelled":
      return `${begin} ended without a result: ${line(one.cancellation?.reason ?? "cancelled")} (${line(one.cancellation?.code ?? "m.user")})`;
  }
}
