/** JSON Schema, read as a form sees it: which kind of input a field is. */
import type { Body, Json, Schema, SchemaField } from '../api/types'

export type InputKind = 'text' | 'moment' | 'secret' | 'number' | 'integer' | 'switch' | 'choice' | 'words' | 'pairs' | 'structs' | 'struct' | 'raw'

export interface Input {
  kind: InputKind
  choices: Json[]
  /** Of `structs` and `struct`: the fields within; of `pairs`: one, the schema of the values. */
  inner: SchemaField[]
  nullable: boolean
  minimum?: number
  maximum?: number
}

type Defs = Record<string, Schema>

function resolve(schema: Schema, defs: Defs): Schema {
  if (!schema.$ref) return schema
  const name = schema.$ref.split('/').pop() ?? ''
  const found = defs[name]
  return found ? resolve(found, defs) : {}
}

/** The one alternative that a form offers: null aside, a text rather than a list of texts. */
function alternative(schema: Schema, defs: Defs): { schema: Schema; nullable: boolean; several: boolean } {
  const options = (schema.anyOf ?? []).map((one) => resolve(one, defs))
  const real = options.filter((one) => one.type !== 'null')
  const nullable = real.length < options.length
  const first = real.find((one) => one.type === 'string') ?? real[0] ?? {}
  return { schema: first, nullable, several: real.length > 1 }
}

function typesOf(schema: Schema): string[] {
  return Array.isArray(schema.type) ? schema.type : schema.type ? [schema.type] : []
}

export function inputFor(field: Pick<SchemaField, 'schema' | 'secret'>): Input {
  const defs = field.schema.$defs ?? {}
  let schema = resolve(field.schema, defs)
  let nullable = false
  if (schema.anyOf) {
    const chosen = alternative(schema, defs)
    schema = chosen.schema
    nullable = chosen.nullable
  }
  const types = typesOf(schema)
  nullable ||= types.includes('null')
  const type = types.find((one) => one !== 'null')
  const input = (kind: InputKind, more: Partial<Input> = {}): Input => ({ kind, choices: [], inner: [], nullable, ...more })
  if (schema.enum) return input('choice', { choices: schema.enum })
  switch (type) {
    case 'boolean':
      return input('switch')
    case 'integer':
    case 'number':
      return input(type, {
        ...(schema.minimum === undefined ? {} : { minimum: schema.minimum }),
        ...(schema.maximum === undefined ? {} : { maximum: schema.maximum }),
      })
    case 'array':
      return arrayInput(schema, defs, input, field.schema['x-docs'] ?? {})
    case 'object':
      return objectInput(schema, defs, field.secret, input, field.schema['x-docs'] ?? {})
    case 'string':
      return input(field.secret || schema.format === 'password' ? 'secret' : schema.format === 'date-time' ? 'moment' : 'text')
    default:
      return input('raw')
  }
}

type Make = (kind: InputKind, more?: Partial<Input>) => Input

function arrayInput(schema: Schema, defs: Defs, input: Make, docs: Record<string, string>): Input {
  const items = typeof schema.items === 'object' ? resolve(schema.items, defs) : {}
  if (items.properties) return input('structs', { inner: innerFields(items, defs, docs) })
  const plain = typesOf(items)
  if (plain.includes('string') || items.enum) return input('words', { choices: items.enum ?? [] })
  return input('raw')
}

function objectInput(schema: Schema, defs: Defs, secret: boolean, input: Make, docs: Record<string, string>): Input {
  if (schema.properties && Object.keys(schema.properties).length) {
    return input('struct', { inner: innerFields(schema, defs, docs) })
  }
  const values = typeof schema.additionalProperties === 'object' ? resolve(schema.additionalProperties, defs) : {}
  const value: SchemaField = { name: '', doc: '', required: false, secret, default: null, schema: { ...values, $defs: defs } }
  return input('pairs', { inner: [value] })
}

function innerFields(schema: Schema, defs: Defs, docs: Record<string, string>): SchemaField[] {
  return Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    doc: one.description ?? docs[name] ?? '',
    required: schema.required?.includes(name) ?? false,
    secret: one.format === 'password',
    default: one.default ?? null,
    schema: { ...one, $defs: defs },
  }))
}

/** The names of fields at any depth: those that hold secrets, and those that do not. */
export interface Names {
  secret: ReadonlySet<string>
  open: ReadonlySet<string>
}

export function secretNames(fields: readonly SchemaField[]): Names {
  const secret = new Set<string>()
  const open = new Set<string>()
  for (const field of fields) {
    const { kind, inner } = inputFor(field)
    ;(field.secret || kind === 'secret' ? secret : open).add(field.name)
    if (kind !== 'struct' && kind !== 'structs') continue
    const within = secretNames(inner)
    for (const one of within.secret) secret.add(one)
    for (const one of within.open) open.add(one)
  }
  return { secret, open }
}

/** A copy of plain data; reactive wrappers, which structuredClone refuses, are taken off. */
export function copyOf<T extends Json>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

/** What an empty form holds: each field's default, or the emptiest value of its kind. */
export function emptyValue(field: SchemaField): Json {
  if (field.default !== null && field.default !== undefined) return copyOf(field.default)
  const input = inputFor(field)
  if (input.nullable) return null
  switch (input.kind) {
    case 'switch':
      return false
    case 'number':
    case 'integer':
      return field.required ? null : 0
    case 'words':
    case 'structs':
      return []
    case 'pairs':
      return {}
    case 'struct':
      return emptyBody(input.inner)
    case 'choice':
      return field.required ? (input.choices[0] ?? '') : ''
    default:
      return ''
  }
}

export function emptyBody(fields: readonly SchemaField[]): Body {
  const body: Body = {}
  for (const field of fields) if (field.name !== 'id') body[field.name] = emptyValue(field)
  return body
}

export function same(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}

/** `max_redirects` → `Max redirects`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .trim()
    .replace(/\b(url|tls|http|id|smtp|dns|ip)\b/gi, (word) => word.toUpperCase())
    .replace(/ s$/, '')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Numbers whose help begins with their unit show it behind the box. */
export function unitOf(field: Pick<SchemaField, 'doc' | 'name'>): string {
  return /^seconds\b|\bin seconds\b/i.test(field.doc) || /_s$|seconds$/.test(field.name) ? 's' : ''
}
