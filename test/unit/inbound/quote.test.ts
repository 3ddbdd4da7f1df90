import { describe, expect, it } from "vitest";
import { Quotes } from "../../../ts/inbound/quote.ts";
import type { FetchedMessage } from "../../../ts/native/account.ts";

const message = (changes: Partial<FetchedMessage>): FetchedMessage => ({ eventId: "$one", sender: "@alice:example.org", kind: "text", text: "said", media: [], originServerTs: 1, ...changes }) as FetchedMessage;

/** Answers one after the other, the last for ever. */
function fetching(...answers: (FetchedMessage | Error)[]) {
  const account = {
    fetches: 0,
    fetchMessage: async () => {
      const answer = answers[Math.min(account.fetches++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return account;
}

describe("what a message answers", () => {
  it("[BKP-5][THR-6] is fetched again while its key is on the way from the backup, and then kept", async () => {
    const account = fetching(message({ text: "", unavailable: "undecryptable" }), message({ text: "", unavailable: "undecryptable" }), message({}));
    const quotes = new Quotes(account, [1, 1, 1]);
    expect(await quotes.find("!room:example.org", "$one")).toMatchObject({ text: "said" });
    expect(account.fetches).toBe(3);
    await quotes.find("!room:example.org", "$one");
    expect(account.fetches).toBe(3);
  });

  it("[THR-6] is named as unreadable after that, and looked for once the next time, without the wait", async () => {
    const account = fetching(message({ text: "", unavailable: "undecryptable" }));
    const quotes = new Quotes(account, [1]);
    expect(await quotes.find("!room:example.org", "$one")).toMatchObject({ text: "[a message that could not be decrypted]" });
    await quotes.find("!room:example.org", "$one");
    expect(account.fetches).toBe(3);
  });

  it("[THR-6] is nothing where it cannot be fetched, without another try", async () => {
    const account = fetching(new Error("no such event"));
    expect(await new Quotes(account, [1]).find("!room:example.org", "$one")).toBeUndefined();
    expect(account.fetches).toBe(1);
  });
});
