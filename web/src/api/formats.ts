/** Webhooks: every one with its address, what came for one lately, and what a format of one's own makes of a message. */
import { get, post } from './client'
import type { MappingProblem } from './mappings'
import type { Body } from './types'

export interface WebhookFormat {
  name: string
  title: string
  doc: string
  own: boolean
  url: string
  signed: boolean
}

export interface ReceivedCall {
  id: string
  at: string
  contentType: string
  query: Record<string, string>
  body: string
  problem: string
}

export interface FormatAttempt {
  format: Body | null
  problems: MappingProblem[]
  alerts: Body[] | null
}

export interface Message {
  message: string | null
  contentType: string
  query: Record<string, string>
}

export const formats = {
  list: () => get<{ formats: WebhookFormat[] }>('/formats'),
  text: (id: string) => get<{ text: string; version: number; name: string; id: string }>(`/formats/${encodeURIComponent(id)}/text`),
  received: (name: string) => get<{ names: string[]; calls: ReceivedCall[] }>(`/formats/received${name ? `?name=${encodeURIComponent(name)}` : ''}`),
  attempt: (text: string, message: Message) => post<FormatAttempt>('/formats/try', { text, ...message }),
}
