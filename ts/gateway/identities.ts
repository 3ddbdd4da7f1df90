/** What a person is told of somebody whose identity changed (ENC-12). */
import type { Health } from "../native/account.ts";
import type { ChangedIdentity } from "../native/trust.ts";

/** People named one by one; the others are counted. */
const NAMED = 5;

function command(accountId: string, userId: string): string {
  return `openclaw matrix verify acknowledge ${userId} --account ${accountId}`;
}

const MEANING = "They reset it, or somebody else, their homeserver for one, pretends to be them";

/** The issue of `openclaw channels status`; undefined while nobody's identity has changed. */
export function changedIdentities(accountId: string, { changedIdentities: changed }: Health): { message: string; fix: string } | undefined {
  const [first] = changed;
  if (!first) return undefined;
  const names = changed.slice(0, NAMED).map(({ userId, wasVerified }) => (wasVerified ? `${userId} (whom this account had verified)` : userId));
  const more = changed.length > NAMED ? ` and ${changed.length - NAMED} more` : "";
  return {
    message: `The identity of ${names.join(", ")}${more} has changed.`,
    fix: `${MEANING}: ask them over another channel, then run \`${command(accountId, first.userId)}\`.`,
  };
}

/** Says each change once, when it is seen. */
export class IdentityLog {
  readonly #accountId: string;
  readonly #warn: (line: string) => void;
  #said = new Set<string>();

  constructor(accountId: string, warn: (line: string) => void) {
    this.#accountId = accountId;
    this.#warn = warn;
  }

  follow(changed: readonly ChangedIdentity[], blocks: boolean): void {
    for (const { userId, wasVerified } of changed) {
      if (this.#said.has(userId)) continue;
      const answered = blocks ? "they are not answered until it is accepted" : "they are answered all the same";
      this.#warn(
        `[${this.#accountId}] the identity of ${userId}${wasVerified ? ", which was verified," : ""} has changed; ${answered}. ${MEANING}: ask them, then accept it with \`${command(this.#accountId, userId)}\`.`,
      );
    }
    this.#said = new Set(changed.map(({ userId }) => userId));
  }
}
