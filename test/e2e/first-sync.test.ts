import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { registerWithoutDevice, request } from "../homeserver/users.ts";
import { type Bot, HUMAN_CLIENTS, question, Scenario } from "./scenario.ts";

describe("the first sync ever", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  it.each(HUMAN_CLIENTS)("[SES-11] brings invites and no history: an invite is accepted and what was said since then answered, older messages are not (%s)", async (client) => {
    const person = await scenario.person(client);
    const accountId = `first-${randomUUID().slice(0, 6)}`;
    const { userId, password } = await registerWithoutDevice(rig.homeserver.baseUrl, accountId);
    const bot: Bot = { accountId, userId, password };
    // A room the agent's user is in before the account is configured, by another client.
    const joined = await person.createRoom({ encrypted: false, invite: [userId] });
    const other = await rig.homeserver.login(userId, password, "another client");
    await request(other.homeserver, "POST", `v3/join/${encodeURIComponent(joined)}`, { token: other.accessToken, body: {} });
    const old = question("From before the account was there.");
    await person.mention(joined, userId, old.text);
    // A room it is invited to.
    const invited = await person.createRoom({ encrypted: false });
    const before = question("From before the invite.");
    await person.mention(invited, userId, before.text);
    await person.invite(invited, userId);
    const between = question("From between invite and join.");
    await person.mention(invited, userId, between.text);

    scenario.configure(accountId, scenario.settings({ userId, password }));
    await scenario.answer(person, bot, between);
    for (const room of [joined, invited]) {
      const now = question("Now that you are here.");
      await person.mention(room, userId, now.text);
      await scenario.answer(person, bot, now);
      scenario.expectOnceInOrder(person, bot, room, room === invited ? [between, now] : [now]);
    }
    await scenario.expectSilence(old, person);
    await scenario.expectSilence(before, person);
  });
});

describe("a later edit", () => {
  const scenario = new Scenario();
  afterAll(() => scenario.end());

  it.each(HUMAN_CLIENTS)("[SES-12] an edit of an answered message begins no second answer (%s)", async (client) => {
    const person = await scenario.person(client);
    const bot = await scenario.addBot("edits");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const first = await scenario.ask(person, room, bot);
    const edited = question("On second thought.");
    await person.edit(room, first.eventId, edited.text);
    const next = question("And then?");
    await person.send(room, next.text);
    await scenario.answer(person, bot, next);
    await scenario.expectSilence(edited, person);
    expect(scenario.saidIn(person, bot, room)).toHaveLength(2);
  });
});
