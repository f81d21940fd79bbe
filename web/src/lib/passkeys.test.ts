import { afterEach, describe, expect, it, vi } from 'vitest'

import { bytesOf, canUsePasskeys, isKnownHere, makePasskey, textOf, usePasskey } from './passkeys'

const bytes = (...numbers: number[]): ArrayBuffer => Uint8Array.from(numbers).buffer

afterEach(() => vi.unstubAllGlobals())

describe('passkeys', () => {
  it('travel as base64url', () => {
    expect(textOf(bytes(255, 254, 253, 0))).toBe('__79AA')
    expect([...bytesOf('__79AA')]).toEqual([255, 254, 253, 0])
    expect(textOf(null)).toBe('')
  })

  it('are asked for with bytes, and answered with text', async () => {
    const create = vi.fn().mockResolvedValue({
      rawId: bytes(1),
      type: 'public-key',
      response: { clientDataJSON: bytes(2), attestationObject: bytes(3), getTransports: () => ['usb'] },
    })
    const get = vi.fn().mockResolvedValue({
      rawId: bytes(1),
      type: 'public-key',
      response: { clientDataJSON: bytes(2), authenticatorData: bytes(3), signature: bytes(4), userHandle: bytes(5) },
    })
    vi.stubGlobal('navigator', { credentials: { create, get } })
    const made = await makePasskey({ challenge: 'AQ', user: { id: 'Ag', name: 'ann' }, excludeCredentials: [{ id: 'Aw', type: 'public-key' }] })
    expect(made).toEqual({ id: 'AQ', rawId: 'AQ', type: 'public-key', response: { clientDataJSON: 'Ag', attestationObject: 'Aw', transports: ['usb'] } })
    const asked = create.mock.calls[0]?.[0].publicKey
    expect([[...asked.challenge], [...asked.user.id], [...asked.excludeCredentials[0].id]]).toEqual([[1], [2], [3]])
    const used = await usePasskey({ challenge: 'AQ' })
    expect(used.response).toEqual({ clientDataJSON: 'Ag', authenticatorData: 'Aw', signature: 'BA', userHandle: 'BQ' })
  })

  it('are not offered by browsers that have none', () => {
    vi.stubGlobal('PublicKeyCredential', undefined)
    expect(canUsePasskeys()).toBe(false)
  })

  it('say when a device has one already', () => {
    expect(isKnownHere(new DOMException('', 'InvalidStateError'))).toBe(true)
    expect(isKnownHere(new DOMException('', 'NotAllowedError'))).toBe(false)
  })
})
