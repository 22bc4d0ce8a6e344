// Validates exports against the official schemas of their formats: node validate.mjs < FILE
//
// FILE is a list of {"format": "osv" | "cve" | "csaf" | "cwe" | "ghsa", "document": …}: one process for all, since BSI's
// validator takes a quarter of a minute to load.
//
// OSV's schema comes from the package osv, CVE's from cvelib (see requirements.txt), GitHub's from its OpenAPI
// description, and CSAF's, with the standard's mandatory tests, from BSI's validator.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));

/** Calls a function once, and gives what it returned from then on. */
function once(make) {
  let made;
  return () => (made ??= make());
}

function compiled(Validator, compile) {
  return once(() => {
    const ajv = new Validator({ strict: false, allErrors: true, logger: false });
    addFormats(ajv);
    return compile(ajv);
  });
}

const schemas = {
  osv: compiled(Ajv2020, (ajv) => ajv.compile(read("packages/osv/osv-schema/validation/schema.json"))),
  cve: compiled(Ajv, (ajv) => ajv.compile(read("packages/cvelib/schemas/CVE_JSON_cnaPublishedContainer_5.1.1.json"))),
  ghsa: compiled(Ajv, (ajv) => {
    const spec = createRequire(new URL("../github/", import.meta.url))("@octokit/openapi/generated/api.github.com.json");
    return ajv.addSchema(spec, "gh").compile({ $ref: "gh#/components/schemas/repository-advisory-create" });
  }),
};

const bySchema = (format) => (document) => {
  const validate = schemas[format]();
  return validate(document) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`);
};

const csafLibrary = (file) => import(`@secvisogram/csaf-validator-lib/${file}`);

async function csaf(document) {
  const { default: validateStrict } = await csafLibrary("validateStrict.js");
  const { csaf_2_0_strict } = await csafLibrary("schemaTests.js");
  const mandatory = await csafLibrary("mandatoryTests.js");
  const result = await validateStrict([csaf_2_0_strict, ...Object.values(mandatory)], document);
  return result.tests.flatMap((test) => test.errors.map((e) => `${test.name} ${e.instancePath} ${e.message}`));
}

/** {"CWE-79": "its name", …}: each is what CWE says. */
async function cwe(document) {
  const { weaknesses } = await csafLibrary("cwe.js");
  const known = new Map(weaknesses.map((w) => [w.id, w.name]));
  return Object.entries(document).filter(([id, name]) => known.get(id) !== name).map(([id, name]) => `${id} is ${known.get(id)}, not ${name}`);
}

const checks = { osv: bySchema("osv"), cve: bySchema("cve"), ghsa: bySchema("ghsa"), csaf, cwe };
let failed = false;
for (const { format, document } of JSON.parse(readFileSync(0))) {
  for (const error of await checks[format](document)) {
    console.error(`${format}: ${error}\n${JSON.stringify(document)}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
