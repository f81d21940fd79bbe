/** The recorded vectors that the collector's own tests read, too. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export interface TagRun {
  name: string
  input: {
    page_url: string
    referrer: string | null
    script_src: string
    cookies_before: Record<string, string>
    client_now_ms: number
    device_pixel_ratio: number
  }
  signal_return_values: (string | null)[] | null
  set_cookie_strings_via_document_cookie: string[]
  module_state: Record<string, string | boolean>
  requests: { url: string; expected: { eventType: string; eventParameters: unknown } }[]
}

interface Vectors {
  tag_runs: TagRun[]
  murmur3_32: { input_utf8: string; signed: number; base36: string }[]
  mincode_encode: { json?: unknown; js?: string | null; mincode: string }[]
  mincode_encode_selenium: { rendered_json: unknown }
  identifier_format: { tag_regex: string; page_view_id_regex: string }
  browser_requests: { path_and_query: string; correct_checksum?: string }[]
}

// Vitest runs in web/.
const file = resolve('../tests/data/divolte_vectors.json')

export const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
