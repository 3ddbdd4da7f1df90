import type { MatrixClient } from "matrix-js-sdk";
import type { CryptoApi, CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api/index.js";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/recovery-key.js";
import type { UIAuthCallback } from "matrix-js-sdk/lib/interactive-auth.js";
import type { Credentials } from "../../homeserver/users.ts";

/** The recovery key in the client's hands: what the person has typed in, or what the client has just made. */
export class SecretStorageKeyInHand {
  #key: Uint8Array<ArrayBuffer> | undefined;

  readonly callbacks: CryptoCallbacks = {
    getSecretStorageKey: async ({ keys }) => {
      const [id] = Object.keys(keys);
      return id && this.#key ? [id, this.#key] : null;
    },
    cacheSecretStorageKey: (_id, _info, key) => void (this.#key = key),
  };

  take(recoveryKey: string): void {
    this.#key = decodeRecoveryKey(recoveryKey);
  }
}

/** What a person does with their account's encryption in a client like Element: cross-signing, secret storage, backup. */
export class JsSdkEncryption {
  readonly #sdk: MatrixClient;
  readonly #credentials: Credentials;
  readonly #inHand: SecretStorageKeyInHand;

  constructor(sdk: MatrixClient, credentials: Credentials, inHand: SecretStorageKeyInHand) {
    this.#sdk = sdk;
    this.#credentials = credentials;
    this.#inHand = inHand;
  }

  get crypto(): CryptoApi {
    const crypto = this.#sdk.getCrypto();
    if (!crypto) throw new Error("this client does not encrypt");
    return crypto;
  }

  /** Without a proof, then with the account's password. */
  readonly #prove: UIAuthCallback<void> = async (makeRequest) => {
    try {
      await makeRequest(null);
    } catch (error) {
      const session = (error as { data?: { session?: string } }).data?.session;
      if (!session) throw error;
      const { userId, password } = this.#credentials;
      await makeRequest({ type: "m.login.password", identifier: { type: "m.id.user", user: userId }, password, session });
    }
  };

  /** An identity, secret storage and a backup, as a new account gets them; the recovery key. */
  async setUp(): Promise<string> {
    await this.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: this.#prove });
    const key = await this.#newStorage({ setupNewKeyBackup: true });
    await this.crypto.checkKeyBackupAndEnable();
    return key;
  }

  /** A new recovery key for what is there; the former one opens nothing of it any more. */
  rotateRecoveryKey(): Promise<string> {
    return this.#newStorage({ setupNewSecretStorage: true });
  }

  async #newStorage(options: { setupNewKeyBackup?: boolean; setupNewSecretStorage?: boolean }): Promise<string> {
    const key = await this.crypto.createRecoveryKeyFromPassphrase();
    await this.crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => key, ...options });
    if (!key.encodedPrivateKey) throw new Error("matrix-js-sdk made a recovery key that cannot be shown");
    return key.encodedPrivateKey;
  }

  /**
   * In with the recovery key, on a device that was not verified: identity and backup out of secret storage.
   * @throws what matrix-js-sdk says to a key that opens nothing
   */
  async open(recoveryKey: string): Promise<void> {
    this.#inHand.take(recoveryKey);
    // Private keys are taken only where the public ones are known.
    await this.crypto.userHasCrossSigningKeys(this.#credentials.userId, true);
    await this.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: this.#prove });
    await this.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    await this.crypto.checkKeyBackupAndEnable();
  }

  /** A new backup in the place of the one there is. */
  newBackup(): Promise<void> {
    return this.crypto.resetKeyBackup();
  }

  /** Whether a device of this user is signed by the user's identity, as this client sees it. */
  async verified(deviceId = this.#credentials.deviceId): Promise<boolean> {
    await this.crypto.getUserDeviceInfo([this.#credentials.userId], true);
    return (await this.crypto.getDeviceVerificationStatus(this.#credentials.userId, deviceId))?.crossSigningVerified ?? false;
  }

  /** The backup that this client's keys go to. */
  backupVersion(): Promise<string | null> {
    return this.crypto.getActiveSessionBackupVersion();
  }
}
