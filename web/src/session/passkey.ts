import { ApiError } from '@/api/errors';

type Json = Record<string, never>;

/** Whether this browser makes passkeys of what the gateway says, here: only over TLS, or on this machine. */
export const knowsPasskeys = (): boolean =>
  typeof PublicKeyCredential === 'function' && typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function';

/** The reader let the browser's question be, or took too long: browsers do not tell which. */
export const PASSKEY_NOT_GIVEN = 'passkey_not_given';
/** The authenticator holds a passkey of the account already. */
const PASSKEY_HELD = 'passkey_held';

async function ask(question: Promise<Credential | null>): Promise<Json> {
  const answer = await question.catch((reason: unknown) => {
    const name = reason instanceof Error ? reason.name : '';
    throw new ApiError(0, name === 'InvalidStateError' ? PASSKEY_HELD : PASSKEY_NOT_GIVEN, name);
  });
  if (!(answer instanceof PublicKeyCredential)) {
    throw new ApiError(0, PASSKEY_NOT_GIVEN, '');
  }
  return answer.toJSON() as Json;
}

/** Has an authenticator make a passkey. */
export const makePasskey = (options: unknown): Promise<Json> =>
  ask(
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON),
    }),
  );

/** Has an authenticator answer with a passkey. */
export const answerChallenge = (options: unknown): Promise<Json> =>
  ask(
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON),
    }),
  );
