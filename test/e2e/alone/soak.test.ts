import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { remoteGround } from "../../soak/ground.ts";
import { failures } from "../../soak/report.ts";
import { soak } from "../../soak/run.ts";
import { agentSettings } from "../../soak/settings.ts";
import { Scenario } from "../scenario.ts";

/** `npm run soak` in short, with the same seed every time: two kills, one SIGTERM, one homeserver that goes away. */
const ROUNDS = 4;
const SEED = 4;

describe("a short soak", () => {
  const scenario = new Scenario();
  const cleanups: (() => unknown)[] = [];
  afterAll(async () => {
    for (const undo of cleanups.toReversed()) await undo();
    await scenario.end();
  });

  it("[ENC-4][SES-11][INS-11] nothing is lost, doubled, unreadable or out of order over kill -9, SIGTERM and a homeserver that goes away", { timeout: 1_200_000 }, async () => {
    const bot = await scenario.addBot(`soak-${randomBytes(2).toString("hex")}`, agentSettings(scenario.rig.homeserver.baseUrl));
    const result = await soak({
      rounds: ROUNDS,
      seed: SEED,
      ground: remoteGround(scenario.rig),
      botUserId: bot.userId,
      undo: (step) => cleanups.push(step),
      tell: (line) => console.log(line),
    });
    expect(failures(result)).toEqual([]);
    expect(result.slowStops).toBe(0);
    expect(result.tally.answered).toBe(result.tally.sent);
    expect(result.rounds.map(({ round }) => round.blow)).toEqual(["kill", "kill", "restart", "homeserver"]);
  });
});
