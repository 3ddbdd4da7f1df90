import type { JsSdkHuman } from "./js-sdk.ts";

/**
 * Gives a person an identity that signs their device, as a client does when it is set up.
 *
 * @param options.reset another identity in the place of the one there is
 */
export async function crossSign(human: JsSdkHuman, options: { reset?: boolean } = {}): Promise<void> {
  const { userId, credentials } = human;
  await human.sdk.getCrypto()?.bootstrapCrossSigning({
    setupNewCrossSigning: options.reset ?? false,
    authUploadDeviceSigningKeys: async (upload) => {
      await upload({ type: "m.login.password", identifier: { type: "m.id.user", user: userId }, password: credentials.password });
    },
  });
}
