import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HeldToDevice } from "../../support/fault-proxy/index.ts";
import { crossSign } from "../../support/humans/cross-signing.ts";
import type { JsSdkHuman } from "../../support/humans/js-sdk.ts";
import { until } from "../../support/process.ts";
import { type Ours, say, World } from "./world.ts";

describe("what was said before the account came (MSC4268)", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** A person whose client shares history, and a room of theirs in which something was said. */
  async function teller(): Promise<{ person: JsSdkHuman; room: string; before: string; text: string }> {
    const person = await world.browser();
    await crossSign(person);
    const room = await person.createRoom({ encrypted: true });
    const text = say("before");
    return { person, room, text, before: await person.send(room, text) };
  }

  async function invited(ours: Ours, person: JsSdkHuman, room: string): Promise<void> {
    // Not the plain request: the client's own invite shares the history.
    await person.sdk.invite(room, ours.userId);
    await until("the invite", 30_000, () => ours.seen.some((event) => event.type === "invite" && event.roomId === room));
  }

  async function ours(shareHistoryOnInvite: boolean): Promise<Ours> {
    const account = world.account(await world.user(), undefined, { shareHistoryOnInvite });
    await account.start();
    // Clients share history with devices alone that their owner has signed.
    await account.account.bootstrapEncryption({ forceResetCrossSigning: false });
    return account;
  }

  const fileDownloads = (account: Ours): number => world.proxy.count({ path: /^media\/download\//, userId: account.userId });

  it("[ENC-10] with shareHistoryOnInvite: who invites shares, and it is readable after the join and a restart", async () => {
    const account = await ours(true);
    const { person, room, before, text } = await teller();
    await invited(account, person, room);
    await account.join(room);
    await until("the message before the join to be readable", 30_000, async () => (await account.account.fetchMessage(room, before))?.text === text);
    expect(fileDownloads(account)).toBe(1);
    await account.restart();
    expect((await account.account.fetchMessage(room, before))?.text).toBe(text);
    // It is history all the same: nothing of it is handed out as if it were new.
    const after = say("after");
    await person.send(room, after);
    await account.waitFor(after);
    expect(account.messages(text)).toEqual([]);
  });

  it("[ENC-10] without it: nothing is fetched and nothing imported, also when it is switched on after the join", async () => {
    const account = await ours(false);
    const { person, room, before } = await teller();
    await invited(account, person, room);
    await account.join(room);
    await person.waitForMember(room, account.userId);
    const after = say("after");
    await person.send(room, after);
    await account.waitFor(after);
    expect(await account.account.fetchMessage(room, before)).toMatchObject({ text: "", unavailable: "undecryptable" });
    await account.close();
    account.change({ shareHistoryOnInvite: true });
    await account.start();
    await account.waitFor(after);
    expect(await account.account.fetchMessage(room, before)).toMatchObject({ unavailable: "undecryptable" });
    expect(fileDownloads(account)).toBe(0);
  });

  it("[ENC-10][ENC-6] what was said between invite and join and cannot be read is named as that", async () => {
    const account = await ours(false);
    const person = await world.browser();
    const held = new HeldToDevice(world.proxy, account.userId, (event) => event.type === "m.room.encrypted");
    const room = await person.createRoom({ encrypted: true });
    await invited(account, person, room);
    await person.send(room, say("between"));
    await account.join(room);
    await until("the cause", 30_000, async () => (await account.account.health()).undecryptable.causes.length > 0);
    expect((await account.account.health()).undecryptable.causes).toEqual([{ cause: "sent-before-join", count: 1 }]);
    held.release();
    await until("it to be read in the end", 30_000, async () => (await account.account.health()).undecryptable.waiting === 0);
  });
});
