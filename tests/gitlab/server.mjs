// GitLab's issues, as its REST API documents them (docs: "Issues API", "Users API", "Projects API"). GitLab publishes its
// OpenAPI description in its own repository alone, so this contract is our own: it knows the parameters that the
// docs list, refuses others, keeps state, and can be ordered to fail.
//
//   node server.mjs            prints its port, serves until its standard input closes
//   POST /_fault {"method","mode","times"}   mode: 500-after, drop-after, 503, 403, 429, public (it forgets `confidential`)
//   POST /_edit  {"id", …}                   a human's hand; id as in "group/name#1"
//   GET  /_state                             {"advisories": […], "violations": […]}

import http from "node:http";

const TOKEN = "test-token";
const LOGIN = "sealdesk-bot";
const MAKE = new Set(["title", "description", "confidential", "labels", "assignee_ids", "milestone_id", "due_date", "issue_type"]);
const CHANGE = new Set(["title", "description", "confidential", "labels", "add_labels", "remove_labels", "assignee_ids", "state_event", "discussion_locked"]);
const QUERY = new Set(["author_username", "scope", "order_by", "sort", "per_page", "page", "state", "confidential", "search", "in", "labels"]);
const state = { advisories: [], violations: [], requests: [], faults: [] };

function violation(why) {
  state.violations.push(why);
  return [400, { message: why }];
}

const labelled = (text) => (text ?? "").split(",").map((l) => l.trim()).filter(Boolean);
const shown = (issue) => Object.fromEntries(Object.entries(issue).filter(([key]) => !key.startsWith("_")));
const known = (body, names) => Object.keys(body).find((name) => !names.has(name));

function handle(request, url, text, forgets) {
  const method = request.method.toLowerCase();
  if (request.headers["private-token"] !== TOKEN) return [401, { message: "401 Unauthorized" }];
  const [, , , root, project, kind, iid] = url.pathname.split("/").map(decodeURIComponent);
  if (root === "user") return [200, { id: 1, username: LOGIN }];
  if (root !== "projects") return [404, { error: "404 Not Found" }];
  if (!kind) return [200, { id: 7, path_with_namespace: project, issues_access_level: "private", permissions: { project_access: { access_level: 20 }, group_access: null } }];
  if (kind !== "issues") return [404, { error: "404 Not Found" }];
  const here = state.advisories.filter((issue) => issue._project === project);
  if (method === "get" && !iid) {
    const odd = [...url.searchParams.keys()].find((name) => !QUERY.has(name));
    if (odd) return violation(`query parameter ${odd} is not declared`);
    const all = here.filter((issue) => issue.author.username === (url.searchParams.get("author_username") ?? LOGIN));
    if (url.searchParams.get("sort") !== "asc") all.reverse();
    const [page, per] = [Number(url.searchParams.get("page") ?? 1), Number(url.searchParams.get("per_page") ?? 20)];
    if (per > 100) return violation("per_page is at most 100");
    const next = page * per < all.length ? String(page + 1) : "";
    return [200, all.slice((page - 1) * per, page * per).map(shown), { "x-next-page": next }];
  }
  let body = {};
  if (method !== "get") {
    try { body = JSON.parse(text); } catch { return violation("the body is not JSON"); }
  }
  if (method === "post" && !iid) {
    const odd = known(body, MAKE);
    if (odd) return violation(`parameter ${odd} is not declared`);
    if (!body.title) return violation("title is missing");
    const made = {
      id: state.advisories.length + 1000, iid: here.length + 1, project_id: 7, title: body.title, description: body.description ?? null, state: "opened",
      confidential: forgets ? false : body.confidential === true, labels: labelled(body.labels), author: { id: 1, username: LOGIN },
      web_url: `https://gitlab.example/${project}/-/issues/${here.length + 1}`, created_at: new Date().toISOString(), _project: project,
    };
    state.advisories.push(made);
    return [201, shown(made)];
  }
  const found = here.find((issue) => String(issue.iid) === iid);
  if (!found) return [404, { message: "404 Issue Not Found" }];
  if (method === "put") {
    const odd = known(body, CHANGE);
    if (odd) return violation(`parameter ${odd} is not declared`);
    const { add_labels, remove_labels, state_event, ...fields } = body;
    Object.assign(found, fields);
    // Without a paid tier a scoped label is a label like any other.
    found.labels = [...new Set([...found.labels.filter((label) => !labelled(remove_labels).includes(label)), ...labelled(add_labels)])];
    // As older versions do: only what stands in a fence of three backticks is no command.
    const bare = (fields.description ?? "").replace(/^```.+?\n```$/gms, "");
    if (/^\s*\/[a-z_]+/m.test(bare)) return violation("the description holds a quick action");
    if (state_event) found.state = state_event === "close" ? "closed" : "opened";
  }
  return [200, shown(found)];
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
    if (url.pathname === "/_state") return answer([200, state]);
    if (url.pathname === "/_fault") {
      state.faults.push(JSON.parse(text));
      return answer([200, {}]);
    }
    if (url.pathname === "/_edit") {
      const { id, ...fields } = JSON.parse(text);
      Object.assign(state.advisories.find((issue) => `${issue._project}#${issue.iid}` === id), fields);
      return answer([200, {}]);
    }
    state.requests.push(`${request.method} ${url.pathname}`);
    const fault = state.faults.find((f) => f.times > 0 && f.method === request.method);
    if (fault) fault.times -= 1;
    switch (fault?.mode) {
      case "503": return answer([503, undefined]);
      case "403": return answer([403, { message: "403 Forbidden" }]);
      case "429": return answer([429, { message: "Retry later" }, { "retry-after": "1" }]);
      case "500-after": handle(request, url, text); return answer([500, undefined]);
      case "drop-after": handle(request, url, text); return request.socket.destroy();
      default: return answer(handle(request, url, text, fault?.mode === "public"));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
