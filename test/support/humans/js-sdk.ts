import {
  ClientEvent,
  createClient,
  EventType,
  type ICreateClientOpts,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  SyncState,
} from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import type { Credentials } from "../../homeserver/users.ts";
import { until } from "../process.ts";
import { BaseHuman, seen } from "./base.ts";
import { JsSdkEncryption, SecretStorageKeyInHand } from "./js-sdk-encryption.ts";
import { JsSdkVerifications } from "./js-sdk-verification.ts";

/** Drops everything that is written to it. */
const silent: NonNullable<ICreateClientOpts["logger"]> = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
};
// Some of the SDK's modules write to its own one, whatever the client is given.
Object.assign(logger, silent, { log() {} });

/** A person with matrix-js-sdk, the SDK of Element Web. */
export class JsSdkHuman extends BaseHuman {
  readonly client = "matrix-js-sdk";
  /** The SDK's own client, for what the interface does not cover. */
  readonly sdk: MatrixClient;
  /** The account's cross-signing, secret storage and backup, as this client handles them. */
  readonly encryption: JsSdkEncryption;
  readonly verifications: JsSdkVerifications;

  private constructor(credentials: Credentials, sdk: MatrixClient, inHand: SecretStorageKeyInHand) {
    super(credentials);
    this.sdk = sdk;
    this.encryption = new JsSdkEncryption(sdk, credentials, inHand);
    this.verifications = new JsSdkVerifications(sdk);
  }

  static async start(credentials: Credentials): Promise<JsSdkHuman> {
    const inHand = new SecretStorageKeyInHand();
    const sdk = createClient({
      baseUrl: credentials.homeserver,
      userId: credentials.userId,
      deviceId: credentials.deviceId,
      accessToken: credentials.accessToken,
      logger: silent,
      cryptoCallbacks: inHand.callbacks,
    });
    const human = new JsSdkHuman(credentials, sdk, inHand);
    await sdk.initRustCrypto({ useIndexedDB: false });
    sdk.on(ClientEvent.Event, (event) => human.#take(event));
    sdk.on(MatrixEventEvent.Decrypted, (event) => human.#take(event));
    const prepared = new Promise<void>((resolve) => {
      const listen = (state: SyncState): void => {
        if (state !== SyncState.Prepared) return;
        sdk.off(ClientEvent.Sync, listen);
        resolve();
      };
      sdk.on(ClientEvent.Sync, listen);
    });
    await sdk.startClient({ initialSyncLimit: 500, threadSupport: true, pollTimeout: 10_000 });
    await prepared;
    return human;
  }

  #take(event: MatrixEvent): void {
    const roomId = event.getRoomId();
    const eventId = event.getId();
    const sender = event.getSender();
    if (!roomId || !eventId || !sender || event.isState()) return;
    if (event.isDecryptionFailure()) {
      this.addUndecryptable({ roomId, eventId, sender, reason: event.decryptionFailureReason ?? "unknown" });
      return;
    }
    // Decrypted is emitted when the attempt is over.
    if (event.isBeingDecrypted() || event.getType() === EventType.RoomMessageEncrypted) return;
    const effective = event.getEffectiveEvent();
    this.addEvent(
      seen({
        roomId,
        eventId,
        sender,
        type: effective.type,
        content: { ...effective.content, ...(event.getWireContent()["m.relates_to"] ? { "m.relates_to": event.getWireContent()["m.relates_to"] } : {}) },
        encrypted: event.isEncrypted(),
        originServerTs: event.getTs(),
      }),
    );
  }

  async sendContent(roomId: string, type: string, content: Record<string, unknown>): Promise<string> {
    // The typed signature knows each event type's content; tests also send ill-formed ones.
    const send = this.sdk.sendEvent.bind(this.sdk) as unknown as (roomId: string, type: string, content: object, txnId: string) => Promise<{ event_id: string }>;
    const txnId = this.sdk.makeTxnId();
    try {
      return (await send(roomId, type, content, txnId)).event_id;
    } catch (error) {
      // The event came back with a sync before its own request was answered, over which matrix-js-sdk trips. It is there.
      if (!String(error).includes("not a local echo")) throw error;
      return until("the event that overtook its answer", 10_000, () => {
        const room = this.sdk.getRoom(roomId);
        const events = [...(room?.getLiveTimeline().getEvents() ?? []), ...(room?.getThreads().flatMap((thread) => thread.events) ?? [])];
        return events.find((event) => event.getUnsigned().transaction_id === txnId)?.getId();
      });
    }
  }

  protected async waitForRoom(roomId: string, encrypted: boolean): Promise<void> {
    await until(`matrix-js-sdk to see room ${roomId}`, 30_000, async () => {
      const room = this.sdk.getRoom(roomId);
      if (room?.getMyMembership() !== "join") return false;
      return !encrypted || ((await this.sdk.getCrypto()?.isEncryptionEnabledInRoom(roomId)) ?? false);
    });
  }

  protected async knowsDevice(_roomId: string, userId: string): Promise<boolean> {
    const devices = await this.sdk.getCrypto()?.getUserDeviceInfo([userId], true);
    return (devices?.get(userId)?.size ?? 0) > 0;
  }

  async close(): Promise<void> {
    this.sdk.stopClient();
    this.sdk.removeAllListeners();
  }
}
