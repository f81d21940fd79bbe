/** The lines of an alert's history as a timeline shows them, the newest first. */
import type { HistoryEntry } from '../api/types'
import type { Moment } from '../components/TimelineList.vue'

export function momentsOf(history: readonly HistoryEntry[]): Moment[] {
  return history.toReversed().map((entry) => ({
    id: `${entry.id}-${entry.type}-${entry.updateTime}`,
    at: entry.updateTime,
    kind: entry.type,
    text: entry.text,
    // A reason that only repeats the kind says nothing.
    reason: entry.reason && entry.reason !== entry.type ? entry.reason : '',
    by: entry.user ?? '',
    severity: entry.severity,
    status: entry.status,
  }))
}
