/** Heartbeats of origins and those of jobs that ping an address, as one list. */
import type { Alert, OriginHeartbeat, Pulse } from '../api/types'

/** From the worst to those that nobody looks after. */
export const STATES = ['expired', 'failed', 'slow', 'waiting', 'ok', 'off'] as const
export type BeatState = (typeof STATES)[number]

/** The severity whose look a state has. */
export const LOOK: Record<BeatState, string> = { expired: 'major', failed: 'major', slow: 'warning', waiting: 'unknown', ok: 'ok', off: 'unknown' }

export interface Beat {
  /** Unlike any other's, also of the other kind. */
  id: string
  kind: 'origin' | 'ping'
  name: string
  state: BeatState
  last: string | null
  /** Milliseconds; only origins say when they sent it. */
  latency: number | null
  origin?: OriginHeartbeat
  pulse?: Pulse
}

function originState(one: OriginHeartbeat, now: number): BeatState {
  // What was read a moment ago may have run out since.
  if (one.timeout && now > Date.parse(one.receiveTime) + one.timeout * 1000) return 'expired'
  return one.latency > one.maxLatency ? 'slow' : 'ok'
}

function pulseState({ enabled, failing, lastExit, lastPing }: Pulse): BeatState {
  if (!enabled) return 'off'
  if (failing) return lastExit ? 'failed' : 'expired'
  return lastPing ? 'ok' : 'waiting'
}

export function beatsOf(origins: readonly OriginHeartbeat[], pulses: readonly Pulse[], now: number): Beat[] {
  const all: Beat[] = [
    ...origins.map((origin): Beat => ({ id: `origin-${origin.id}`, kind: 'origin', name: origin.origin, state: originState(origin, now), last: origin.receiveTime, latency: origin.latency, origin })),
    ...pulses.map((pulse): Beat => ({ id: `ping-${pulse.id}`, kind: 'ping', name: pulse.name, state: pulseState(pulse), last: pulse.lastPing, latency: null, pulse })),
  ]
  return all.toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.name.localeCompare(b.name))
}

/** When the next is due, in ms; undefined when never, or when that is not known before the first. */
export function dueAt({ last, origin, pulse }: Beat): number | undefined {
  const seconds = origin ? origin.timeout : pulse ? pulse.every + pulse.grace : 0
  return last && seconds ? Date.parse(last) + seconds * 1000 : undefined
}

/** The alert that its silence raised, among those that stand for heartbeats. */
export function alertOf(beat: Beat, alerts: readonly Alert[]): Alert | undefined {
  return alerts.find(
    (alert) =>
      alert.resource === beat.name &&
      (beat.origin ? alert.event !== 'Heartbeat' && (alert.customer ?? '') === (beat.origin.customer ?? '') : alert.event === 'Heartbeat'),
  )
}
