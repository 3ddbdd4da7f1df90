/** A whole run: the party is set up, the rounds fall, everything comes to rest, and what the people saw is counted. */
import { type Human, NioHuman } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
import { askAll, Conversation, Gate } from "./conversation.ts";
import type { Ground } from "./ground.ts";
import { plan, type Round } from "./plan.ts";
import { type Party, type Struck, Striker } from "./strike.ts";
import { type Tally, tally } from "./tally.ts";

/** How long an invitation may take, in milliseconds: the first start loads much of the host. */
const JOIN_MS = 300_000;
/** Nothing new for this long, and what is missing will not come, in milliseconds. */
const SILENCE_MS = 120_000;
/** After the last answer a second one could still come: the host resumes a few seconds after its start. */
const TAIL_MS = 25_000;

export interface SoakOptions {
  rounds: number;
  seed: number;
  ground: Ground;
  /** The agent's Matrix user, for whom a channel is configured and about to run. */
  botUserId: string;
  undo: (step: () => unknown) => void;
  tell: (line: string) => void;
}

export interface SoakResult {
  rounds: Struck[];
  tally: Tally;
  /** What the host's log says of sessions it gave up. */
  tombstones: string[];
  /** SIGTERMs after which the gateway had to be killed. */
  slowStops: number;
  tookMs: number;
}

/** How the host's log names a session that it will not resume any more. */
const TOMBSTONE = /^.*tombstoned main-session restart recovery.*$/gm;

async function gather(options: SoakOptions): Promise<Party> {
  const { ground, botUserId, undo } = options;
  const gate = new Gate();
  const people: Human[] = [];
  for (const name of ["alice", "bob"]) {
    const person = await NioHuman.start(await ground.homeserver.register(name));
    undo(() => person.close());
    people.push(person);
  }
  const conversations: Conversation[] = [];
  const add = (name: string, roomId: string, there: Human[]) => conversations.push(new Conversation({ name, roomId, people: there, botUserId, gate }));
  for (const person of people) add(`DM of ${person.userId}`, await person.createDm(botUserId, { encrypted: true }), [person]);
  for (const [number, owner] of people.entries()) {
    const guest = people[1 - number] as Human;
    const roomId = await owner.createRoom({ encrypted: true, invite: [botUserId, guest.userId], name: `Room ${number + 1}` });
    await guest.join(roomId);
    add(`Room ${number + 1}`, roomId, [owner, guest]);
  }
  for (const { roomId, people: there } of conversations) {
    for (const person of there) {
      await person.waitForMember(roomId, botUserId, { timeoutMs: JOIN_MS });
      for (const other of there) if (other !== person) await person.waitForMember(roomId, other.userId);
    }
  }
  return { ground, conversations, gate };
}

/** All is answered, or nothing has changed for long; then the tail. */
async function settle({ conversations, ground }: Party, botUserId: string): Promise<void> {
  const people = [...new Set(conversations.flatMap((conversation) => conversation.people))];
  const heard = () => people.reduce((sum, person) => sum + person.events.filter((event) => event.sender === botUserId).length, 0);
  const open = () => conversations.flatMap((conversation) => conversation.open()).length + people.flatMap((person) => person.undecryptable).length;
  let last = heard();
  let changedAt = Date.now();
  await until("everything to come to rest", 30 * 60_000, async () => {
    const now = heard();
    if (now !== last) {
      last = now;
      changedAt = Date.now();
    }
    const still = Date.now() - changedAt;
    return open() === 0 ? still > TAIL_MS : still > SILENCE_MS && (await healthy(ground));
  }, 500);
}

async function healthy({ home }: Ground): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${home.port}/healthz`)).ok;
}

function describe(round: Round): string {
  const what = {
    kill: round.againMs === undefined ? "kill -9" : "kill -9, and again while it starts",
    restart: "SIGTERM and start",
    homeserver: `the homeserver ${round.gently ? "stops" : "is killed"} for ${(round.awayMs / 1000).toFixed(0)} s`,
    freeze: `the ${round.victim} stands still for ${(round.awayMs / 1000).toFixed(0)} s`,
  }[round.blow];
  return `${what} (${round.moment})`;
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const started = Date.now();
  const { ground, tell } = options;
  const logBefore = (await ground.gateway.log()).length;
  const party = await gather(options);
  const { conversations } = party;
  const striker = new Striker(party);
  const probe = () => askAll(conversations, conversations.map((_, conversation) => ({ conversation, person: 0, pieces: 1, pieceMs: 50, afterMs: 0 })));
  // Everybody has talked to the agent once before anything is struck: what is shown is not the first contact.
  const first = await probe();
  await until("the first answers", JOIN_MS, () => first.every((question) => question.conversation.isAnswered(question)), 200);
  const rounds: Struck[] = [];
  const steps = plan(options.seed, options.rounds, conversations.length);
  for (const round of steps) {
    const struck = await striker.strike(round);
    rounds.push(struck);
    const { sent, answered } = tally(conversations);
    tell(`  ${round.number}/${steps.length} ${describe(round)}: ${struck.open} open${struck.reached ? "" : ", its moment was not reached"}; ${sent} sent, ${answered} answered, ${(struck.tookMs / 1000).toFixed(0)} s`);
  }
  // And in the end every conversation still hears.
  await probe();
  await settle(party, options.botUserId);
  const log = (await ground.gateway.log()).slice(logBefore);
  return {
    rounds,
    tally: tally(conversations),
    tombstones: log.match(TOMBSTONE) ?? [],
    slowStops: rounds.filter((struck) => struck.stopped === false).length,
    tookMs: Date.now() - started,
  };
}
