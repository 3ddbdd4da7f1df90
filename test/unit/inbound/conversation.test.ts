import { describe, expect, it } from "vitest";
import { classifyConversation, otherPeople, type RoomShape } from "../../../ts/inbound/conversation.ts";

const ALICE = "@alice:example.org";

function room(shape: Partial<RoomShape> = {}): RoomShape {
  return {
    altAliases: [],
    joinedMemberCount: 2,
    invitedMemberCount: 0,
    directTargets: [],
    memberIsDirect: false,
    otherMembers: [ALICE],
    serviceMembers: [],
    ...shape,
  };
}

describe("direct or room", () => {
  const cases: [string, RoomShape, boolean, string, string][] = [
    ["a room listed in groups, whatever m.direct says", room({ directTargets: [ALICE] }), true, "room", "listed_in_groups"],
    ["two people and m.direct", room({ directTargets: [ALICE], name: "Our room" }), false, "direct", "account_data"],
    ["two people and is_direct of a member event", room({ memberIsDirect: true, name: "Alice" }), false, "direct", "member_is_direct"],
    ["two people and no name", room(), false, "direct", "two_unnamed"],
    ["two people in a named room", room({ name: "Project" }), false, "room", "named_room"],
    ["two people in a room with an alias", room({ canonicalAlias: "#p:example.org" }), false, "room", "named_room"],
    ["three people that m.direct calls direct", room({ directTargets: [ALICE], joinedMemberCount: 3, otherMembers: [ALICE, "@c:example.org"] }), false, "room", "more_than_two"],
    ["one joined and two invited", room({ joinedMemberCount: 2, invitedMemberCount: 1, memberIsDirect: true }), false, "room", "more_than_two"],
    ["a named group that shrank to two", room({ name: "Old group" }), false, "room", "named_room"],
    ["a DM whose other side has left", room({ directTargets: [ALICE], joinedMemberCount: 1, otherMembers: [] }), false, "direct", "account_data"],
    [
      "a DM with a service member",
      room({ directTargets: [ALICE], joinedMemberCount: 3, otherMembers: [ALICE, "@bridge:example.org"], serviceMembers: ["@bridge:example.org"] }),
      false,
      "direct",
      "account_data",
    ],
    [
      "a DM of Mallory's who calls herself a service member, with Alice in it",
      room({ directTargets: ["@mallory:example.org"], memberIsDirect: true, joinedMemberCount: 3, otherMembers: [ALICE, "@mallory:example.org"], serviceMembers: ["@mallory:example.org"] }),
      false,
      "room",
      "more_than_two",
    ],
    ["an unnamed group that shrank to two", room(), false, "direct", "two_unnamed"],
    ["a tombstoned DM", room({ directTargets: [ALICE] }), false, "direct", "account_data"],
  ];

  for (const [title, shape, listed, kind, reason] of cases) {
    it(`[SES-5] ${title}: ${kind} (${reason})`, () => {
      expect(classifyConversation(shape, listed)).toEqual({ kind, reason });
    });
  }

  it("[SES-5] counts service members as nobody", () => {
    expect(otherPeople(room({ joinedMemberCount: 4, otherMembers: [ALICE, "@s:example.org"], serviceMembers: ["@s:example.org"] }))).toBe(2);
  });
});
