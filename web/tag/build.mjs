// Builds the scripts that the collector serves: node tag/build.mjs, in web/.
// Each is one file without its settings, which the collector adds: the scripts end as a function that takes them, the
// module begins where a constant with them must stand. The scripts are ES5, so that every browser can read them.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import ts from 'typescript'
import { build, minifySync } from 'vite'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = fileURLToPath(new URL('../../src/watchbell/collector/static/', import.meta.url))

async function bundle(entry, format, target) {
  const [result] = [
    await build({
      configFile: false,
      root: here,
      logLevel: 'warn',
      build: {
        write: false,
        minify: false,
        target,
        lib: { entry: `${here}${entry}.entry.ts`, formats: [format], name: 'tag', fileName: entry },
      },
    }),
  ].flat()
  return result.output[0].code
}

function es5(code) {
  const compilerOptions = { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.None, removeComments: true }
  return ts.transpileModule(code, { compilerOptions }).outputText
}

function minified(name, code, module) {
  const compress = { target: module ? 'es2018' : 'es2015' }
  const { code: small, errors } = minifySync(name, code, { module, compress, mangle: { toplevel: true } })
  if (errors.length > 0) throw new Error(errors.map((error) => error.message).join('\n'))
  return small.trim()
}

function escaped(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

// The minifier quotes with backticks, which are not ES5.
function quoted(code) {
  const source = ts.createSourceFile('tag.js', code, ts.ScriptTarget.ES2015, true)
  const found = []
  const visit = (node) => {
    if (ts.isNoSubstitutionTemplateLiteral(node)) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)
  let text = code
  for (const node of found.reverse()) {
    const literal = JSON.stringify(node.text).replace(/[\u007f-\uffff]/g, escaped)
    text = text.slice(0, node.getStart()) + literal + text.slice(node.getEnd())
  }
  return text
}

async function script(name) {
  const code = es5(await bundle(name, 'iife', 'es2015'))
  // As an argument, because the minifier drops a function that nobody calls.
  const [, bare] = /^keep\((.*)\);?$/s.exec(minified(`${name}.js`, `keep(function(__TAG__){${code}})`, false))
  return quoted(`(${bare})`)
}

const built = {
  'divolte.js': await script('divolte'),
  'watchbell.js': await script('watchbell'),
  'watchbell.mjs': minified('watchbell.mjs', await bundle('module', 'es', 'es2018'), true),
}
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
for (const [name, code] of Object.entries(built)) {
  writeFileSync(`${out}/${name}`, code)
  console.log(`${name}: ${code.length} bytes, ${gzipSync(code, { level: 9 }).length} compressed`)
}
copyFileSync(`${here}api.d.ts`, `${out}/watchbell.d.mts`)
