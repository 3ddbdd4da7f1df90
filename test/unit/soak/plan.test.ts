import { describe, expect, it } from "vitest";
import { plan, shares } from "../../soak/plan.ts";

describe("the plan of a soak", () => {
  it("[SES-11] is the same from the same seed, and another from another", () => {
    expect(plan(7, 50, 4)).toEqual(plan(7, 50, 4));
    expect(plan(8, 50, 4)).not.toEqual(plan(7, 50, 4));
  });

  it("[SES-11] shares its rounds out: kills first, then restarts, homeserver, freezes", () => {
    expect(shares(50)).toEqual({ kill: 30, restart: 10, homeserver: 5, freeze: 5 });
    expect(shares(10)).toEqual({ kill: 6, restart: 2, homeserver: 1, freeze: 1 });
    expect(shares(4)).toEqual({ kill: 2, restart: 1, homeserver: 1, freeze: 0 });
    expect(shares(1)).toEqual({ kill: 1, restart: 0, homeserver: 0, freeze: 0 });
    for (let rounds = 1; rounds <= 60; rounds++) {
      expect(Object.values(shares(rounds)).reduce((sum, share) => sum + share)).toBe(rounds);
      expect(plan(3, rounds, 4)).toHaveLength(rounds);
    }
  });

  it("[SES-11] speaks in every conversation, strikes at every moment, and always has something in flight", () => {
    const rounds = plan(1, 50, 4);
    expect(rounds.every((round) => round.before.length > 0)).toBe(true);
    const askings = rounds.flatMap(({ before, during, after }) => [...before, ...during, ...after]);
    expect(new Set(askings.map((asking) => asking.conversation))).toEqual(new Set([0, 1, 2, 3]));
    expect(new Set(rounds.map((round) => round.moment))).toEqual(new Set(["arriving", "asked", "streaming", "written", "answered"]));
    expect(new Set(rounds.filter(({ blow }) => blow === "freeze").map(({ victim }) => victim)).size).toBe(2);
  });
});
