import type { Credentials } from "../../homeserver/users.ts";
import type { Human, HumanClient } from "./human.ts";
import { JsSdkHuman } from "./js-sdk.ts";
import { NioHuman } from "./nio.ts";

export { HUMAN_CLIENTS, isLive, type Human, type HumanClient, type SeenEvent, type Undecryptable } from "./human.ts";
export { JsSdkHuman } from "./js-sdk.ts";
export type { JsSdkVerification, Shown } from "./js-sdk-verification.ts";
export { NioHuman } from "./nio.ts";

/** A person at a client of the given make, synced and ready. */
export function startHuman(client: HumanClient, credentials: Credentials): Promise<Human> {
  return client === "matrix-nio" ? NioHuman.start(credentials) : JsSdkHuman.start(credentials);
}
