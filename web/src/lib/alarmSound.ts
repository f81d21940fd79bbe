/** A sound when a new critical alert comes: only for who asked for it, and remembered. */
import { onScopeDispose, ref, watch } from 'vue'

import * as api from '../api/calls'
import type { Alert } from '../api/types'
import { onChanges } from '../live/stream'
import { waitingStatuses } from './alarms'
import { lookOf, severityNames } from './severity'
import { kept } from './store'

export const soundOn = kept('alert-sound', false)
/** Until somebody touches the page, the browser keeps it silent. */
export const soundWaits = ref(false)

const LOUD = new Set(['critical', 'security'])
const TONES = [880, 660, 880] // Hz
const TONE_S = 0.16

let audio: AudioContext | undefined

function context(): AudioContext | undefined {
  if (audio || typeof AudioContext === 'undefined') return audio
  audio = new AudioContext()
  return audio
}

/** Three short tones. Called by a click it also wakes the browser's sound. */
export async function ring(): Promise<void> {
  const out = context()
  if (!out) return
  // Without a touch it may never answer, so nobody waits for it.
  void out.resume()
  await Promise.resolve()
  soundWaits.value = out.state === 'suspended'
  TONES.forEach((frequency, index) => {
    const tone = out.createOscillator()
    const volume = out.createGain()
    const start = out.currentTime + index * TONE_S
    tone.frequency.value = frequency
    volume.gain.setValueAtTime(0.0001, start)
    volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.0001, start + TONE_S)
    tone.connect(volume).connect(out.destination)
    tone.start(start)
    tone.stop(start + TONE_S)
  })
}

/** Those that are new since `since`: first received, or become this severe, later. */
export function newSince(alerts: readonly Pick<Alert, 'receiveTime'>[], since: string): boolean {
  return alerts.some(({ receiveTime }) => receiveTime > since)
}

/** Listen while the calling component lives. */
export function useAlarmSound(now: () => string = () => new Date().toISOString()): void {
  let since = now()
  let asking = false

  async function look(): Promise<void> {
    const severity = severityNames().filter((one) => LOUD.has(lookOf(one)))
    if (asking || !severity.length) return
    asking = true
    try {
      const answer = await api.alerts.list({ severity, status: waitingStatuses(), 'sort-by': 'receiveTime', 'page-size': 20 })
      if (newSince(answer.alerts, since)) await ring()
      // By the server's clock, which need not be ours.
      const newest = answer.alerts[0]?.receiveTime
      if (newest && newest > since) since = newest
    } catch {
      // The next change asks again; the page itself says that the connection is lost.
    } finally {
      asking = false
    }
  }

  async function begin(): Promise<void> {
    const answer = await api.alerts.list({ 'sort-by': 'receiveTime', 'page-size': 1 }).catch(() => undefined)
    since = answer?.alerts[0]?.receiveTime ?? since
  }

  watch(soundOn, (on) => on && void begin(), { immediate: true })
  const stop = onChanges((changes) => {
    if (soundOn.value && changes.has('alert')) void look()
  })
  const wake = (): void => {
    if (soundOn.value && audio?.state === 'suspended') void audio.resume().then(() => (soundWaits.value = false))
  }
  window.addEventListener('pointerdown', wake)
  window.addEventListener('keydown', wake)
  onScopeDispose(() => {
    stop()
    window.removeEventListener('pointerdown', wake)
    window.removeEventListener('keydown', wake)
  })
}
