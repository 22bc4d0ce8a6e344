// A person at a browser, who logs in where a page asks for it and grants what it asks for.
//   person.mjs PAGE NAME [CODE]
// Prints the address at which the browser would leave the provider, or nothing where it stays.
// With PERSON_FOLLOWS=1 the browser goes there, as on the machine that waits for it.
const [page, name, code] = process.argv.slice(2);
const provider = new URL(page).origin;
const cookies = new Map();

async function ask(url, form) {
  const response = await fetch(url, {
    method: form ? 'POST' : 'GET',
    body: form,
    redirect: 'manual',
    headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
  });
  for (const line of response.headers.getSetCookie()) {
    const [pair] = line.split(';');
    const at = pair.indexOf('=');
    cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return response;
}

const attribute = (tag, of) => new RegExp(`\\b${of}="([^"]*)"`).exec(tag)?.[1]?.replaceAll('&amp;', '&');

// The form of a page, filled in.
function filled(html, url) {
  const [, tag, inside] = /(<form[^>]*>)([\s\S]*?)<\/form>/.exec(html) ?? [];
  if (!tag) return undefined;
  const form = new URLSearchParams();
  // Inputs of a form may stand outside of it.
  for (const [input] of html.matchAll(/<input[^>]*>/g)) {
    const field = attribute(input, 'name');
    if (field) form.set(field, attribute(input, 'value') ?? '');
  }
  if (form.has('login')) form.set('login', name);
  if (form.has('password')) form.set('password', 'any');
  if (code && !/confirm/.test(tag + inside)) form.set('user_code', code);
  return [new URL(attribute(tag, 'action') ?? url, url), form];
}

let [url, form] = [new URL(page)];
for (let step = 0; step < 20; step += 1) {
  const response = await ask(url, form);
  form = undefined;
  if (response.status >= 300 && response.status < 400) {
    url = new URL(response.headers.get('location'), url);
    if (url.origin !== provider) {
      console.log(url.href);
      if (process.env.PERSON_FOLLOWS) console.log(await (await fetch(url)).text());
      process.exit(0);
    }
    continue;
  }
  const html = await response.text();
  const next = filled(html, url);
  if (process.env.PERSON_TELLS) console.error(response.status, url.href, html);
  if (!next) process.exit(response.ok ? 0 : 1);
  [url, form] = next;
}
process.exit(1);
