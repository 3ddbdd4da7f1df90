import { afterAll, describe, expect, it } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { HUMAN_CLIENTS, question, Scenario } from "../scenario.ts";

describe("a gateway that ends", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  it("[AUT-2] three restarts with a password make one device", { timeout: 600_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("restarts");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const devices = await scenario.devicesOf(bot);
    expect(devices).toHaveLength(1);
    for (let restart = 0; restart < 3; restart++) {
      await rig.gateway.stop();
      await rig.gateway.start();
      await scenario.ask(person, room, bot);
    }
    expect(await scenario.devicesOf(bot)).toEqual(devices);
  });

  it.each(HUMAN_CLIENTS)(
    "[AUT-2][ENC-1] kill -9 in mid-conversation: same device, and the message sent meanwhile and the next one are answered once (%s)",
    { timeout: 480_000 },
    async (client) => {
      const person = await scenario.person(client);
      const bot = await scenario.addBot("killed");
      const room = await scenario.openDm(person, bot, { encrypted: true });
      await scenario.ask(person, room, bot);
      const devices = await scenario.devicesOf(bot);

      const interrupted = question("SLOW: 40 250");
      await person.send(room, interrupted.text);
      for (;;) {
        if ((await rig.model.prompts(interrupted.marker)).length > 0) break;
        await pause(50);
      }
      await rig.gateway.kill();
      const missed = question("Sent while you were down.");
      await person.send(room, missed.text);
      await rig.gateway.start();
      await scenario.answer(person, bot, missed);
      const next = question("Sent when you were back.");
      await person.send(room, next.text);
      await scenario.answer(person, bot, next);
      await scenario.answer(person, bot, interrupted);

      expect(await scenario.devicesOf(bot)).toEqual(devices);
      // A second answer would have come by now: the lane keeps order.
      for (const asked of [missed, next]) expect(scenario.answersOf(person, bot, asked)).toHaveLength(1);
    },
  );
});
