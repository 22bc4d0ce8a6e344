// Chromium goes through the page: sign in, read, command, reply, sign out; in light and dark, at a
// desk and on a phone, by keys alone and without JavaScript. axe-core looks at each screen. Each
// request elsewhere, each violation of the policy and each script of a letter is an error.
//
// It is told where letters' links are by the test that runs it: it writes `LETTER n` and reads a line.
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [base, chromiumPath, pictures, plainCase, hostileCase] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
mkdirSync(pictures, { recursive: true });

const faults = [];
process.on("uncaughtException", (error) => {
  for (const text of faults) console.log(`FAULT ${text}`);
  console.log(`FAULT the story broke off: ${String(error.stack).replaceAll("\n", " ")}`);
  process.exit(1);
});
const fault = (text) => faults.push(text);

const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

// A page of which every stray step is noted.
async function watched(context) {
  const page = await context.newPage();
  page.on("dialog", (dialog) => { fault(`a script of a letter ran: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) fault(`a request elsewhere: ${request.url()}`);
  });
  page.on("pageerror", (error) => fault(`our script failed at ${page.url()}: ${error}`));
  page.on("console", (message) => {
    const text = message.text();
    const isStatus = text.includes("the server responded with a status of");
    if (message.type() === "error" && !isStatus) fault(`console at ${page.url()}: ${text}`);
  });
  return page;
}

let seen = 0;
// axe-core, and whether the screen fits a narrow phone.
async function look(page, name) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
      const { violations } = await globalThis.axe.run(document, { runOnly: tags });
      return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(" | ")}`);
    });
    for (const violation of found) fault(`${name}, ${scheme}: ${violation}`);
  }
  const size = page.viewportSize();
  for (const width of [320, 360]) {
    await page.setViewportSize({ width, height: 700 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) fault(`${name} is ${wide} px too wide for ${width} px`);
    const small = await page.evaluate(() => [...document.querySelectorAll("button, select, summary, input:not([type=hidden]):not([type=checkbox]), a.button, nav a")]
      .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5)
      .map((e) => e.outerHTML.slice(0, 100)));
    for (const target of small) fault(`${name}: a target below 44 px: ${target}`);
  }
  await page.screenshot({ path: `${pictures}/${name}-phone-dark.png`, fullPage: true });
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light" });
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  seen += 1;
}

async function expect(what, is) {
  if (!(await is)) fault(`not so: ${what}`);
}

async function letter(n) {
  console.log(`LETTER ${n}`);
  return (await lines.next()).value;
}

async function signIn(page, n, looks) {
  await page.goto(`${base}/`);
  if (looks) await look(page, "sign-in");
  await page.getByLabel("Your mail address").fill("rita@desk.example");
  await page.getByRole("button", { name: "Send me a letter" }).click();
  await page.waitForURL("**/sign-in/asked");
  if (looks) await look(page, "asked");
  await page.goto(base + await letter(n));
  if (looks) await look(page, "link");
  await page.getByRole("button", { name: "Sign in in this browser" }).click();
  await page.waitForURL(`${base}/`);
}

const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: "Europe/Berlin" });
const page = await watched(context);
await signIn(page, 1, true);
await look(page, "queue");
await page.locator("summary", { hasText: "Filter" }).click();
await page.getByLabel("Whose").selectOption("nobodys");
await page.getByRole("button", { name: "Show" }).click();
await page.waitForURL("**/?whose=nobodys*");
await look(page, "filtered");
await page.getByRole("link", { name: "Everything open" }).click();
await page.waitForURL(`${base}/`);
await expect("times are in the reader's zone too", page.locator("time").first().textContent().then((t) => /\(.*UTC\)/.test(t)));

// By keys alone: down the queue, into a case, to its note, up again, to the reply.
await page.keyboard.press("j");
await page.keyboard.press("j");
await page.keyboard.press("k");
await expect("j and k move through the queue", page.evaluate(() => document.activeElement.classList.contains("open")));
await page.keyboard.press("Enter");
await page.waitForURL("**/case/SD-*");
await page.keyboard.press("n");
await expect("n goes to the note", page.evaluate(() => document.activeElement.id === "note"));
await page.keyboard.type("gq?u");
await expect("keys are silent in fields", page.locator("#note").inputValue().then((v) => v === "gq?u"));
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("?");
await expect("? shows the keys", page.locator("#keys").isVisible());
await page.getByRole("button", { name: "Switch keys off" }).click();
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("u");
await expect("keys can be switched off", page.url().includes("/case/"));
await page.getByRole("button", { name: "Switch keys on" }).click();
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("g");
await page.keyboard.press("q");
await page.waitForURL(`${base}/`);

// A letter that attacks is text.
await page.goto(`${base}/case/${hostileCase}`);
await look(page, "hostile");
await page.getByRole("link", { name: /^Letter \d+ with its files/ }).first().waitFor();
await expect("nothing of it is an element", page.evaluate(() => document.querySelectorAll("svg, img, iframe, object, embed, main script").length === 0));
const number = await page.locator("article.letter").first().getAttribute("id");
await page.goto(`${base}/case/${hostileCase}/letter/${number.replace("letter-", "")}`);
await look(page, "letter");
await page.locator("summary", { hasText: "as it is" }).first().click();
const download = page.waitForEvent("download");
await page.getByRole("button", { name: "Download as it is" }).click();
await expect("a file is downloaded", download.then((d) => d.suggestedFilename().startsWith("a")));

// A case, a command, a refusal, and somebody else's act.
await page.goto(`${base}/case/${plainCase}`);
await look(page, "case");
const other = await watched(context);
await other.goto(`${base}/case/${plainCase}`);
await other.getByRole("button", { name: "I take care of it" }).click();
await other.getByRole("heading", { name: "Done" }).waitFor();
await look(other, "done");
await page.getByRole("button", { name: "The fix team is formed" }).click();
await page.getByRole("heading", { name: "Something happened meanwhile" }).waitFor();
await look(page, "changed");
await page.getByRole("button", { name: "Do it all the same" }).click();
await page.getByRole("heading", { name: "Done" }).waitFor();
await page.getByRole("link", { name: "Back to the case" }).click();
await page.locator("#line").fill("frobnicate");
await page.getByRole("button", { name: "Do it", exact: true }).click();
await page.getByRole("heading", { name: "Nothing was changed" }).waitFor();
await look(page, "refused");

// A reply, seen before it leaves.
await page.goto(`${base}/case/${plainCase}/reply`);
await look(page, "reply");
await page.locator("#text").fill("Thank you.\n<b>We</b> look into it.");
await page.getByRole("button", { name: "Show what would leave" }).click();
await page.getByRole("heading", { name: "This would leave" }).waitFor();
await look(page, "preview");
await page.getByRole("button", { name: "Change it" }).click();
await expect("what was typed is there", page.locator("#text").inputValue().then((v) => v === "Thank you.\n<b>We</b> look into it."));
await page.getByRole("button", { name: "Show what would leave" }).click();
await page.getByRole("button", { name: "Send it in clear" }).click();
await page.getByRole("heading", { name: "Done" }).waitFor();

await page.goto(`${base}/health`);
await look(page, "health");
await page.goto(`${base}/case/nonsense`);
await look(page, "message");

// Another site can frame nothing and send nothing.
const evil = await (await browser.newContext()).newPage();
await evil.setContent(`<iframe src="${base}/sign-in"></iframe>`);
await evil.waitForTimeout(500);
await expect("no frame shows the page", Promise.all(evil.frames().slice(1).map((f) => f.content())).then((all) => all.every((text) => !text.includes("Your mail address"))));

// Without JavaScript, with the same session.
const bare = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
await bare.addCookies(await context.cookies());
const plain = await watched(bare);
await plain.goto(`${base}/case/${plainCase}`);
await plain.locator("#note").fill("without a script");
await plain.getByRole("button", { name: "Write the note" }).click();
await plain.getByRole("heading", { name: "Done" }).waitFor();
await plain.getByRole("link", { name: "Back to the case" }).click();
await expect("the note is there", plain.getByText("without a script").isVisible());
await plain.getByRole("button", { name: "Sign out" }).click();
await plain.waitForURL("**/sign-in");

// What was signed out there is signed out everywhere, and the Back button shows nothing.
await page.goBack();
await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
await look(page, "signed-out");

await browser.close();
for (const text of faults) console.log(`FAULT ${text}`);
console.log(`SEEN ${seen}`);
// Standard input is open still, and would keep it alive.
process.exit(0);
