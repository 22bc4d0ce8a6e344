// Validates an export against the official schema of its format: node validate.mjs osv|cve|csaf|ghsa < FILE
//
// OSV's schema comes from the package osv, CVE's from cvelib (see requirements.txt), GitHub's from its OpenAPI
// description, and CSAF's, with the standard's mandatory tests, from BSI's validator.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import validateStrict from "@secvisogram/csaf-validator-lib/validateStrict.js";
import * as mandatory from "@secvisogram/csaf-validator-lib/mandatoryTests.js";
import { csaf_2_0_strict } from "@secvisogram/csaf-validator-lib/schemaTests.js";
import { weaknesses } from "@secvisogram/csaf-validator-lib/cwe.js";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));
const [format] = process.argv.slice(2);
const document = JSON.parse(readFileSync(0));

function bySchema(Validator, schema) {
  const ajv = new Validator({ strict: false, allErrors: true, logger: false });
  addFormats(ajv);
  const validate = ajv.compile(schema);
  return validate(document) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`);
}

function ghsa() {
  const spec = createRequire(new URL("../github/", import.meta.url))("@octokit/openapi/generated/api.github.com.json");
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  addFormats(ajv);
  ajv.addSchema(spec, "gh");
  const validate = ajv.compile({ $ref: "gh#/components/schemas/repository-advisory-create" });
  return validate(document) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`);
}

async function csaf() {
  const result = await validateStrict([csaf_2_0_strict, ...Object.values(mandatory)], document);
  return result.tests.flatMap((test) => test.errors.map((e) => `${test.name} ${e.instancePath} ${e.message}`));
}

/** {"CWE-79": "its name", …}: each is what CWE says. */
function cwe() {
  const known = new Map(weaknesses.map((w) => [w.id, w.name]));
  return Object.entries(document).filter(([id, name]) => known.get(id) !== name).map(([id, name]) => `${id} is ${known.get(id)}, not ${name}`);
}

const checks = {
  osv: () => bySchema(Ajv2020, read("packages/osv/osv-schema/validation/schema.json")),
  cve: () => bySchema(Ajv, read("packages/cvelib/schemas/CVE_JSON_cnaPublishedContainer_5.1.1.json")),
  csaf,
  cwe,
  ghsa,
};
const errors = await checks[format]();
for (const error of errors) console.error(error);
process.exit(errors.length ? 1 : 0);
