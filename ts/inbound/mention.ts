/**
 * Does this message name us, visibly? `m.mentions` alone proves nothing: it is
 * invisible to the people in the room, so a hidden mention could make the agent
 * answer what nobody saw addressed to it (MEN-3).
 */
import type { MentionsContent } from "../native/account.ts";

export interface MentionInput {
  /** The text as a person reads it, pills as names. */
  text: string;
  /** The plain body; the text without HTML, else the fallback beside it. */
  body: string;
  mentions?: MentionsContent;
  pills: readonly { userId: string; label: string }[];
}

export interface Self {
  userId: string;
  displayName?: string;
}

export interface Mention {
  /** We are named, and everybody can see it. */
  mentioned: boolean;
  how?: "pill" | "user_id" | "name" | "room";
  /** Anybody is named. */
  any: boolean;
}

/** Characters that take no room on a screen. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}|\u2800/gu;

export function visibleText(text: string): string {
  return text.replace(INVISIBLE, "");
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** `@bot` of `@bot:example.org`, without the sign. */
export function localpart(userId: string): string {
  return userId.replace(/^@/, "").split(":")[0] ?? "";
}

function names(self: Self): string[] {
  return [self.displayName?.trim(), localpart(self.userId)].filter((name): name is string => Boolean(name));
}

/** The whole user id, not as a part of a longer one. */
function userIdPattern(self: Self): string {
  return `(?<![\\w@])${escape(self.userId)}(?![\\w.:-]*\\w)`;
}

/** Ways of addressing somebody by name that a person recognises as such. */
function addressPatterns(self: Self): string[] {
  return names(self).flatMap((name) => {
    const quoted = escape(name);
    return [
      // FluffyChat's form.
      `(?<![\\w@])@\\[${quoted}\\]`,
      `(?<![\\w@])@${quoted}(?![\\w:])`,
      // Element's plain completion: the name at the beginning, then a colon or comma.
      `^\\s*${quoted}\\s*[:,](?=\\s|$)`,
    ];
  });
}

/** Finds the evidence; `m.mentions` only ever strengthens what can be seen. */
export function detectMention(input: MentionInput, self: Self): Mention {
  const seen = visibleText(input.text);
  const any = input.pills.length > 0 || (input.mentions?.userIds.length ?? 0) > 0 || Boolean(input.mentions?.room);

  const pilled = input.pills.some((pill) => pill.userId === self.userId && visibleText(pill.label).trim() !== "");
  if (pilled) return { mentioned: true, how: "pill", any: true };

  if (new RegExp(userIdPattern(self), "u").test(seen)) return { mentioned: true, how: "user_id", any: true };

  if (addressPatterns(self).some((pattern) => new RegExp(pattern, "iu").test(seen))) {
    return { mentioned: true, how: "name", any: true };
  }

  if (input.mentions?.userIds.includes(self.userId)) {
    const named = names(self).some((name) => new RegExp(`(?<!\\w)${escape(name)}(?!\\w)`, "iu").test(seen));
    if (named) return { mentioned: true, how: "name", any: true };
  }

  if (input.mentions?.room && /(?<![\w@])@room(?!\w)/i.test(seen)) return { mentioned: true, how: "room", any: true };

  return { mentioned: false, any };
}

/**
 * The text without the form of address at its beginning, so that
 * `@bot:example.org /status` is the command it looks like (MEN-6) and the agent
 * does not read its own name first (MEN-7). Mentions further in stay: they carry
 * meaning.
 */
export function stripAddress(text: string, self: Self, pills: readonly { userId: string; label: string }[] = []): string {
  const labels = pills.filter((pill) => pill.userId === self.userId).map((pill) => pill.label.trim());
  const forms = [
    escape(self.userId),
    ...labels.filter((label) => label !== "").map(escape),
    ...names(self).flatMap((name) => [`@\\[${escape(name)}\\]`, `@${escape(name)}`]),
  ];
  const bare = names(self).map((name) => `${escape(name)}\\s*[:,]`);
  const pattern = new RegExp(`^\\s*(?:(?:${forms.join("|")})(?![\\w.-])\\s*[:,]?|${bare.join("|")})\\s*`, "iu");
  const stripped = text.replace(pattern, "");
  return stripped.trim() === "" ? text.trim() : stripped;
}
