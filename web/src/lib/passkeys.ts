/** Passkeys in the browser: what the server asks the device, and what the device answers, bytes as base64url text. */

type Json = Record<string, unknown>

/** Whether this browser can use passkeys on this page at all. */
export function canUsePasskeys(): boolean {
  return typeof window.PublicKeyCredential === 'function' && typeof navigator.credentials?.get === 'function'
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}

export function textOf(bytes: ArrayBuffer | null): string {
  const plain = Array.from(new Uint8Array(bytes ?? new ArrayBuffer(0)), (byte) => String.fromCharCode(byte)).join('')
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** Have a device make a passkey. Rejects when its owner does not want to. */
export async function makePasskey(asked: unknown): Promise<Json> {
  const options = asked as PublicKeyCredentialCreationOptionsJSON
  const made = await navigator.credentials.create({
    publicKey: {
      ...(options as unknown as PublicKeyCredentialCreationOptions),
      challenge: bytesOf(options.challenge),
      user: { ...options.user, id: bytesOf(options.user.id) },
      excludeCredentials: (options.excludeCredentials ?? []).map(descriptor),
    },
  })
  const { response, ...rest } = parts(made)
  const told = response as AuthenticatorAttestationResponse
  return {
    ...rest,
    response: {
      clientDataJSON: textOf(told.clientDataJSON),
      attestationObject: textOf(told.attestationObject),
      transports: told.getTransports?.() ?? [],
    },
  }
}

/** Have a device sign with whichever passkey its owner chooses. Rejects when they choose none. */
export async function usePasskey(asked: unknown): Promise<Json> {
  const options = asked as PublicKeyCredentialRequestOptionsJSON
  const used = await navigator.credentials.get({
    publicKey: {
      ...(options as unknown as PublicKeyCredentialRequestOptions),
      challenge: bytesOf(options.challenge),
      allowCredentials: (options.allowCredentials ?? []).map(descriptor),
    },
  })
  const { response, ...rest } = parts(used)
  const told = response as AuthenticatorAssertionResponse
  return {
    ...rest,
    response: {
      clientDataJSON: textOf(told.clientDataJSON),
      authenticatorData: textOf(told.authenticatorData),
      signature: textOf(told.signature),
      userHandle: textOf(told.userHandle),
    },
  }
}

/** Whether a device has the passkey already that it is asked to make. */
export function isKnownHere(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'InvalidStateError'
}

function descriptor(told: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return { ...told, id: bytesOf(told.id) } as PublicKeyCredentialDescriptor
}

function parts(given: Credential | null): { id: string; rawId: string; type: string; response: AuthenticatorResponse } {
  const { rawId, type, response } = given as PublicKeyCredential
  return { id: textOf(rawId), rawId: textOf(rawId), type, response }
}
