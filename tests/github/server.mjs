// GitHub's repository security advisories, as the published OpenAPI description says: every request and
// every answer is validated against it, state is kept, and faults can be ordered.
//
//   node server.mjs            prints its port, serves until its standard input closes
//   POST /_app   {"id","installation","key"}  a GitHub App, with its public key in PEM
//   POST /_file  {"path","text"}             a file of every repository
//   POST /_fault {"method","mode","times"}   mode: 500-after, drop-after, 503, 403, 429
//   POST /_comment {"id", "login", "body"}  what somebody says below an advisory
//   POST /_comments {"open"}                whether this server has comments at all
//   POST /_report {"repository", "login", …}  a private vulnerability report by somebody, in state triage
//   GET  /_state               {"advisories": […], "violations": […], "requests": […]}

import { createHash, createPublicKey, verify } from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const require = createRequire(import.meta.url);
const spec = require("@octokit/openapi/generated/api.github.com.json");
// OpenAPI 3.0 allows `nullable` beside a schema without `type`; JSON Schema says it with a second choice.
for (const name of Object.keys(spec.components.schemas)) spec.components.schemas[name] = plain(spec.components.schemas[name]);
function plain(node) {
  if (Array.isArray(node)) return node.map(plain);
  if (node === null || typeof node !== "object") return node;
  const { nullable, ...rest } = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === "example" ? value : plain(value)]));
  if (typeof nullable !== "boolean") return nullable === undefined ? rest : { nullable, ...rest };
  if (!nullable) return rest;
  return rest.type ? { ...rest, nullable } : { anyOf: [rest, { type: "null" }] };
}
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(spec, "gh");
const TOKEN = "test-token";
const LOGIN = "sealdesk-bot";
const APP_SLUG = "sealdesk-app";
const APP_TOKEN = "ghs_installation";
const ACCESS = "/app/installations/{installation_id}/access_tokens";
const LIST = "/repos/{owner}/{repo}/security-advisories";
const ONE = `${LIST}/{ghsa_id}`;
const DEEDS = { cve: `${ONE}/cve`, forks: `${ONE}/forks` };

const state = { advisories: [], violations: [], requests: [], faults: [], unchanged: 0, comments: true, files: {}, app: undefined };

/** The validator of a request body, by path template and method. */
function bodyValidator(template, method) {
  const body = spec.paths[template][method].requestBody;
  if (!body) return undefined;
  const pointer = `#/paths/${template.replaceAll("~", "~0").replaceAll("/", "~1")}/${method}/requestBody/content/application~1json/schema`;
  return ajv.compile({ $ref: `gh${encodeURI(pointer)}` });
}
const validators = {
  [`post ${LIST}`]: bodyValidator(LIST, "post"),
  [`patch ${ONE}`]: bodyValidator(ONE, "patch"),
};
const validToken = ajv.compile({ $ref: "gh#/components/schemas/installation-token" });
const validAnswer = ajv.compile({ $ref: "gh#/components/schemas/repository-advisory" });

/** Query parameters must be declared, and of their schema. */
function checkQuery(template, method, query) {
  const declared = (spec.paths[template][method].parameters ?? []).map((p) =>
    p.$ref ? p.$ref.split("/").slice(1).reduce((node, key) => node[key], spec) : p);
  for (const [name, text] of query) {
    const parameter = declared.find((p) => p.in === "query" && p.name === name);
    if (!parameter) return `query parameter ${name} is not declared`;
    const value = parameter.schema.type === "integer" ? Number(text) : text;
    if (!ajv.validate(parameter.schema, value)) return `query parameter ${name}: ${ajv.errorsText()}`;
  }
  return undefined;
}

/** Whether this is a JSON Web Token that the app signed: RS256, issued a moment ago, for ten minutes at most. */
function fromApp(token) {
  const [head, claims, signature] = token.split(".");
  if (!state.app || !signature) return false;
  const said = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  const now = Date.now() / 1000;
  return said(head).alg === "RS256" && String(said(claims).iss) === String(state.app.id) && said(claims).iat <= now && said(claims).exp > now && said(claims).exp - said(claims).iat <= 660
    && verify("sha256", Buffer.from(`${head}.${claims}`), createPublicKey(state.app.key), Buffer.from(signature, "base64url"));
}

/** What only the app itself may ask. */
function handleApp(method, path) {
  if (method === "get" && path === "/app") return [200, { slug: APP_SLUG }];
  if (method !== "post" || !spec.paths[ACCESS].post || !/^\/app\/installations\/\d+\/access_tokens$/.test(path)) return [404, { message: "Not Found" }];
  if (path.split("/")[3] !== String(state.app.installation)) return [404, { message: "Not Found" }];
  const answer = { token: APP_TOKEN, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: { repository_advisories: "write" }, repository_selection: "selected" };
  return validToken(answer) ? [201, answer] : violation(`our own answer: ${ajv.errorsText(validToken.errors)}`);
}

function advisory(owner, repo, login, body) {
  const letters = "23456789cfghjmpqrvwx";
  const group = () => Array.from({ length: 4 }, () => letters[Math.floor(Math.random() * letters.length)]).join("");
  const id = `GHSA-${group()}-${group()}-${group()}`;
  const now = new Date().toISOString();
  const base = "https://api.github.com";
  const author = {
    login, id: 1, node_id: "U_1", avatar_url: "https://github.com/a.png", gravatar_id: "", type: "Bot", site_admin: false,
    url: `${base}/users/${encodeURIComponent(login)}`, html_url: `https://github.com/${encodeURIComponent(login)}`,
    ...Object.fromEntries(["followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events"]
      .map((k) => [`${k}_url`, `${base}/users/${encodeURIComponent(login)}/${k}`])),
  };
  return {
    ghsa_id: id, cve_id: body.cve_id ?? null, url: `${base}/repos/${owner}/${repo}/security-advisories/${id}`,
    html_url: `https://github.com/${owner}/${repo}/security/advisories/${id}`,
    summary: body.summary, description: body.description, severity: body.severity ?? "high", author, publisher: null,
    identifiers: [{ type: "GHSA", value: id }], state: "draft", created_at: now, updated_at: now, published_at: null, closed_at: null,
    withdrawn_at: null, submission: null,
    vulnerabilities: body.vulnerabilities.map((v) => ({ package: v.package, vulnerable_version_range: v.vulnerable_version_range ?? null, patched_versions: v.patched_versions ?? null, vulnerable_functions: v.vulnerable_functions ?? [] })),
    cvss: body.cvss_vector_string ? { vector_string: body.cvss_vector_string, score: null } : null,
    cwes: (body.cwe_ids ?? []).map((cwe_id) => ({ cwe_id, name: cwe_id })), cwe_ids: body.cwe_ids ?? [],
    credits: null, credits_detailed: null, collaborating_users: null, collaborating_teams: null,
    private_fork: null, _repository: `${owner}/${repo}`, _fork_wanted: body.start_private_fork === true,
  };
}

const shown = (a) => Object.fromEntries(Object.entries(a).filter(([key]) => !key.startsWith("_")));

function route(method, path) {
  const [, root, owner, repo, kind, id, deed] = path.split("/");
  if (root !== "repos" || kind !== "security-advisories") return undefined;
  return { owner, repo, id, deed, template: deed ? DEEDS[deed] : id ? ONE : LIST, method };
}

const validComment = ajv.compile({ type: "object", required: ["body"], additionalProperties: false, properties: { body: { type: "string", minLength: 1, maxLength: 65536 } } });

/** What people say below an advisory: a preview since October 2026, which the published description does not have yet. So this
 * contract is our own, after GitHub's announcement and octocrab's types. */
function handleComments(request, found, login, url, text) {
  if (!state.comments) return [404, { message: "Not Found" }];
  const said = (found._comments ??= []);
  if (request.method === "GET") {
    const unknown = [...url.searchParams.keys()].find((name) => !["per_page", "page", "since"].includes(name));
    return unknown ? violation(`query parameter ${unknown} of comments`) : unlessUnchanged(request, [200, said]);
  }
  if (request.method !== "POST") return [404, { message: "Not Found" }];
  const body = JSON.parse(text);
  if (!validComment(body)) return violation(ajv.errorsText(validComment.errors));
  return [201, comment(found, login, body.body)];
}

function comment(found, login, body) {
  const at = new Date().toISOString();
  const id = 1000 + state.advisories.reduce((sum, a) => sum + (a._comments ?? []).length, 0);
  const made = { id, node_id: `C_${id}`, url: `${found.url}/comments/${id}`, html_url: `${found.html_url}#advisory-comment-${id}`, body, user: { login }, created_at: at, updated_at: at, author_association: "MEMBER" };
  (found._comments ??= []).push(made);
  return made;
}

function handle(request, url, text) {
  const method = request.method.toLowerCase();
  const token = request.headers.authorization?.replace(/^bearer /i, "") ?? "";
  if (fromApp(token)) return handleApp(method, url.pathname);
  const login = { [TOKEN]: LOGIN, [APP_TOKEN]: `${APP_SLUG}[bot]` }[token];
  if (!login) return [401, { message: "Bad credentials" }];
  if (!request.headers["user-agent"]) return [403, { message: "Request forbidden by administrative rules" }];
  if (method === "get" && url.pathname === "/user") return [200, { login }];
  const contents = /^\/repos\/[^/]+\/[^/]+\/contents\/(.+)$/.exec(url.pathname);
  if (contents && method === "get") {
    const text = state.files[decodeURIComponent(contents[1])];
    if (text === undefined) return [404, { message: "Not Found" }];
    return [200, { type: "file", encoding: "base64", size: text.length, name: "CODEOWNERS", path: contents[1], content: Buffer.from(text).toString("base64").replace(/(.{60})/g, "$1\n") }];
  }
  const at = route(method, url.pathname);
  if (at?.deed === "comments") {
    const found = state.advisories.find((a) => a._repository === `${at.owner}/${at.repo}` && a.ghsa_id === at.id);
    return found ? handleComments(request, found, login, url, text) : [404, { message: "Not Found" }];
  }
  if (!at || !spec.paths[at.template]?.[method]) return [404, { message: "Not Found" }];
  const wrongQuery = checkQuery(at.template, method, url.searchParams);
  if (wrongQuery) return violation(wrongQuery);
  let body;
  if (method !== "get" && !at.deed) {
    try { body = JSON.parse(text); } catch { return violation("the body is not JSON"); }
    const validate = validators[`${method} ${at.template}`];
    if (!validate(body)) return violation(ajv.errorsText(validate.errors));
  }
  const here = state.advisories.filter((a) => a._repository === `${at.owner}/${at.repo}`);
  if (at.template === LIST && method === "get") return unlessUnchanged(request, list(url, here));
  if (at.template === LIST) {
    // What the real API answers with an empty body.
    if (!body.vulnerabilities?.length || Boolean(body.severity) === Boolean(body.cvss_vector_string)) return [500, undefined];
    const made = advisory(at.owner, at.repo, login, body);
    if (!validAnswer(shown(made))) return violation(`our own answer: ${ajv.errorsText(validAnswer.errors)}`);
    state.advisories.push(made);
    return [201, shown(made)];
  }
  const found = here.find((a) => a.ghsa_id === at.id);
  if (!found) return [404, { message: "Not Found" }];
  // Each of them is asked for once; the answer says that it is under way.
  if (at.deed) {
    (found._deeds ??= []).push(at.deed);
    return [202, {}];
  }
  if (method === "patch") {
    const named = (names, field) => names?.map((name) => ({ [field]: name }));
    const people = { collaborating_users: named(body.collaborating_users, "login"), collaborating_teams: named(body.collaborating_teams, "slug") };
    const changed = Object.fromEntries(Object.entries({ ...body, ...people }).filter(([, value]) => value !== undefined));
    Object.assign(found, changed, { updated_at: new Date().toISOString() });
  }
  return [200, shown(found)];
}

/** Weak validators, as GitHub gives them: a list that has not changed answers 304. */
function unlessUnchanged(request, [status, body, headers = {}]) {
  const etag = `W/"${createHash("sha256").update(JSON.stringify(body)).digest("hex")}"`;
  if (request.headers["if-none-match"] !== etag) return [status, body, { ...headers, etag }];
  state.unchanged += 1;
  return [304, undefined, { etag }];
}

function list(url, here) {
  const perPage = Number(url.searchParams.get("per_page") ?? 30);
  const from = Number(url.searchParams.get("after") ?? 0);
  const wanted = url.searchParams.get("state");
  const newest = here.filter((a) => !wanted || a.state === wanted).reverse();
  const headers = {};
  if (from + perPage < newest.length) {
    const next = new URL(url);
    next.searchParams.set("after", String(from + perPage));
    headers.link = `<${next}>; rel="next"`;
  }
  return [200, newest.slice(from, from + perPage).map(shown), headers];
}

function violation(why) {
  state.violations.push(why);
  return [422, { message: "Validation Failed", errors: [why] }];
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const text = Buffer.concat(pieces).toString("utf8");
    const url = new URL(request.url, `http://127.0.0.1:${server.address().port}`);
    const answer = ([status, body, headers = {}]) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? "" : JSON.stringify(body));
    };
    if (url.pathname === "/_state") return answer([200, { ...state, advisories: state.advisories }]);
    if (url.pathname === "/_app") {
      state.app = JSON.parse(text);
      return answer([200, {}]);
    }
    if (url.pathname === "/_file") {
      const { path, text: words } = JSON.parse(text);
      state.files[path] = words;
      return answer([200, {}]);
    }
    if (url.pathname === "/_fault") {
      state.faults.push(JSON.parse(text));
      return answer([200, {}]);
    }
    if (url.pathname === "/_report") {
      const { repository, login, ...body } = JSON.parse(text);
      const [owner, repo] = repository.split("/");
      const made = { ...advisory(owner, repo, login, body), state: "triage", submission: { accepted: false } };
      if (!validAnswer(shown(made))) return answer(violation(`our own answer: ${ajv.errorsText(validAnswer.errors)}`));
      state.advisories.push(made);
      return answer([200, { ghsa_id: made.ghsa_id }]);
    }
    if (url.pathname === "/_comment") {
      const { id, login, body, edited } = JSON.parse(text);
      const made = comment(state.advisories.find((a) => a.ghsa_id === id), login, body);
      if (edited) made.updated_at = new Date(Date.now() + 1000).toISOString();
      return answer([200, made]);
    }
    if (url.pathname === "/_comments") {
      state.comments = JSON.parse(text).open;
      return answer([200, {}]);
    }
    if (url.pathname === "/_edit") {
      const { id, ...fields } = JSON.parse(text);
      Object.assign(state.advisories.find((a) => a.ghsa_id === id), fields);
      return answer([200, {}]);
    }
    state.requests.push(`${request.method} ${url.pathname}`);
    const fault = state.faults.find((f) => f.times > 0 && f.method === request.method);
    if (fault) fault.times -= 1;
    switch (fault?.mode) {
      case "503": return answer([503, undefined]);
      case "403": return answer([403, { message: "Resource not accessible by personal access token" }]);
      case "429": return answer([429, { message: "You have exceeded a secondary rate limit" }, { "retry-after": "1" }]);
      case "slow": return setTimeout(() => answer(handle(request, url, text)), 2000);
      case "500-after": handle(request, url, text); return answer([500, undefined]);
      case "drop-after": handle(request, url, text); return request.socket.destroy();
      default: return answer(handle(request, url, text));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
