// What a person does in Thunderbird, by the buttons and commands that a person has. Setting up (accounts, keys of their own) is done
// by Thunderbird's modules. Each function takes one object; it throws with what it waited for.
"use strict";

const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { RNP } = ChromeUtils.importESModule("chrome://openpgp/content/modules/RNP.sys.mjs");
const { EnigmailKeyRing } = ChromeUtils.importESModule("chrome://openpgp/content/modules/keyRing.sys.mjs");
const { PgpSqliteDb2 } = ChromeUtils.importESModule("chrome://openpgp/content/modules/sqliteDb.sys.mjs");

const main = () => Services.wm.getMostRecentWindow("mail:3pane");
const panes = () => main().document.getElementById("tabmail").currentAbout3Pane;
const reader = () => panes().messageBrowser.contentWindow;
const identity = () => MailServices.accounts.defaultAccount.defaultIdentity;
const soon = (action) => setTimeout(action, 0);

/** What a check returns, once that is something. */
async function until(what, check, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let fault = "";
  for (;;) {
    try {
      const found = await check();
      if (found) return found;
    } catch (error) {
      fault = `: ${error}`;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}${fault}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const windowOf = (what, page) =>
  until(what, () => [...Services.wm.getEnumerator(null)].find((w) => w.location.href.endsWith(page) && w.document.readyState === "complete"));

// --- Setting up ---

async function settle({ user, password }) {
  await until("the main window", () => panes()?.folderTree && panes().document.readyState === "complete");
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init("imap://localhost", null, "imap://localhost", user, password, "", "");
  await Services.logins.addLoginAsync(login);
  main().resizeTo(1240, 860);
  main().moveTo(0, 0);
  return Services.appinfo.version;
}

async function ownKey(id) {
  EnigmailKeyRing.clearCache();
  const key = await until("the key", () => EnigmailKeyRing.getKeyById(id));
  await PgpSqliteDb2.acceptAsPersonalKey(key.fpr);
  identity().setUnicharAttribute("openpgp_key_id", key.keyId);
}

/** A new key, as Add Key makes it. */
async function makeKey({ user }) {
  await ownKey(await RNP.genKey(user, "ECC", 0, 1000, ""));
}

/** A secret key that was made elsewhere. */
async function takeKey({ armored }) {
  const result = await RNP.importSecKeyBlockImpl(main(), () => "", false, armored);
  if (result.exitCode !== 0 || !result.importedKeys.length) throw new Error(`the key is not imported: ${JSON.stringify(result)}`);
  await ownKey(result.importedKeys[0]);
}

/** Somebody else's certificate from a file, accepted. */
async function learnKey({ armored }) {
  const fault = {};
  const failed = await EnigmailKeyRing.importKeyAsync(main(), false, armored, false, "", fault, null, false, [], "unverified");
  if (failed) throw new Error(`the certificate is not imported: ${fault.value}`);
}

/** One's own certificate, armored. */
async function ownCertificate() {
  return RNP.getPublicKey(`0x${identity().getUnicharAttribute("openpgp_key_id")}`);
}

// --- Reading ---

/** A press on a button, as the mouse's. What opens a dialog does not come back before that is closed, so nobody waits for it. */
function press(button) {
  soon(() => (button.localName === "toolbarbutton" || button.localName === "menuitem" || !button.click ? button.doCommand() : button.click()));
}

const text = (element) => (element.hidden || element.collapsed ? "" : ((typeof element.value === "string" && element.value) || element.textContent).trim());

/** Fetches mail until the letter with this Message-ID is there, and selects it. */
async function openLetter({ id }) {
  const folder = await until("the inbox", () => MailServices.accounts.defaultAccount.incomingServer.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
  panes().displayFolder(folder);
  let asked = 0;
  const header = await until(`the letter ${id}`, () => {
    if (Date.now() - asked > 2000) {
      asked = Date.now();
      panes().goDoCommand("cmd_getNewMessages");
    }
    return [...folder.messages].find((message) => message.messageId === id);
  });
  // One that is open already is read anew.
  panes().threadTree.selectedIndex = -1;
  await until("no letter to be open", () => !reader()?.gMessage);
  await until("its row", () => {
    panes().threadTree.selectedIndex = panes().gDBView.findIndexOfMsgHdr(header, true);
    return panes().threadTree.selectedIndex >= 0;
  });
  await until("its text", () => reader()?.gMessage?.messageId === id && reader().msgLoaded);
  return shown();
}

/** What stands on the screen of the letter that is open: its subject, its text, and what the panel behind the button OpenPGP says. */
async function shown() {
  const { document } = reader();
  await until("the button OpenPGP, or none", () => reader().Enigmail.msg.messageDecryptDone || document.getElementById("cryptoBox").hidden, 20);
  const seen = {
    subject: text(document.getElementById("expandedsubjectBox")).replace(/^(Subject)?:\s*/, ""),
    text: reader().getMessagePaneBrowser().contentDocument.body.innerText,
    files: [...document.querySelectorAll("#attachmentList > richlistitem")].map((item) => item.getAttribute("name")),
    openpgp: !document.getElementById("cryptoBox").hidden,
  };
  if (seen.openpgp) {
    await openPanel();
    seen.signature = text(document.getElementById("signatureLabel"));
    seen.signatureMeans = text(document.getElementById("signatureExplanation"));
    seen.encryption = text(document.getElementById("encryptionLabel"));
    await closePanel();
  }
  return seen;
}

async function openPanel() {
  const { document } = reader();
  const panel = document.getElementById("messageSecurityPanel");
  press(document.getElementById("encryptionTechBtn"));
  await until("the panel of OpenPGP", () => panel.state === "open" && text(document.getElementById("signatureLabel")));
}

async function closePanel() {
  const panel = reader().document.getElementById("messageSecurityPanel");
  panel.hidePopup();
  await until("the panel to close", () => panel.state === "closed");
}

/** Waits until the letter that is open is shown like this. What is attached or signed is looked at after the text stands there. */
async function shownAs({ signature, encryption }) {
  let seen;
  const right = async () => (seen = await shown()).signature === signature && seen.encryption === encryption;
  await until("the letter to be as it should", right, 30).catch(() => {
    throw new Error(`the letter is not “${signature}” and “${encryption}”: ${JSON.stringify(seen)}`);
  });
  return seen;
}

/** In the letter that is open: OpenPGP, Import…, Accepted, OK. What the dialogs said. */
async function importKey() {
  await until("an offer to import the key", async () => {
    await openPanel();
    return !reader().document.getElementById("openpgpKeyBox").hidden;
  }, 30);
  press(reader().document.getElementById("openpgpImportButton"));
  const dialog = await windowOf("the dialog of the import", "/confirmPubkeyImport.xhtml");
  const accepted = await until("its choice", () => dialog.document.getElementById("acceptUnverified")?.label && dialog.document.getElementById("acceptUnverified"));
  const said = dialog.document.documentElement.textContent;
  accepted.click();
  return { said, choice: accepted.label };
}

async function acceptKey() {
  const dialog = await windowOf("the dialog of the import", "/confirmPubkeyImport.xhtml");
  press(dialog.document.querySelector("dialog").getButton("accept"));
  const done = await windowOf("the import's end", "/enigmailKeyImportInfo.xhtml");
  const said = await until("its words", () => done.document.documentElement.textContent.trim());
  press(done.document.querySelector("dialog").getButton("accept"));
  await until("the dialogs to close", () => dialog.closed && done.closed);
  return said;
}

// --- Writing ---

const composer = () => windowOf("a window for a new letter", "/messengercompose.xhtml");

/** What the window shows of a letter before it leaves. */
async function draft(composing) {
  await until("the window to be ready", () => composing.gMsgCompose?.editor && !composing.gWindowLocked && composing.document.getElementById("button-encryption"));
  return {
    to: [...composing.document.querySelectorAll("#addressRowTo mail-address-pill")].map((pill) => pill.fullAddress),
    subject: composing.document.getElementById("msgSubject").value,
    encrypt: composing.document.getElementById("button-encryption").hasAttribute("checked"),
    sign: composing.gSendSigned,
    text: composing.GetCurrentEditor().outputToString("text/plain", Ci.nsIDocumentEncoder.OutputRaw),
    bars: [...composing.document.querySelectorAll("notification-message")].map((note) => note.messageText?.textContent ?? ""),
  };
}

/** Write: a new letter in a window. */
async function write({ to, subject, text: words, file, encrypt }) {
  panes().goDoCommand("cmd_newMessage");
  const composing = await composer();
  await draft(composing);
  const { document } = composing;
  const field = document.getElementById("toAddrInput");
  field.focus();
  field.value = to;
  field.dispatchEvent(new composing.Event("input"));
  composing.recipientAddPills(field);
  const line = document.getElementById("msgSubject");
  line.focus();
  line.value = subject;
  line.dispatchEvent(new composing.Event("input"));
  composing.GetCurrentEditor().insertText(words);
  if (file) {
    const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
    const local = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    local.initWithPath(file);
    attachment.url = Services.io.newFileURI(local).spec;
    attachment.name = local.leafName;
    attachment.size = local.fileSize;
    await composing.AddAttachments([attachment]);
  }
  if (encrypt) press(document.getElementById("button-encryption"));
  await until("its recipient", async () => (await draft(composing)).to.length && (await draft(composing)).encrypt === Boolean(encrypt));
  return draft(composing);
}

/** Reply, in the letter that is open; Encrypt is pressed where it is not by itself. */
async function reply({ text: words, encrypt }) {
  const buttons = ["hdrReplyButton", "hdrReplyToSenderButton"].map((id) => reader().document.getElementById(id));
  press(buttons.find((button) => button && !button.hidden && button.getBoundingClientRect().width));
  const composing = await composer();
  await until("the quotation", async () => (await draft(composing)).text.length > 2);
  const editor = composing.GetCurrentEditor();
  editor.beginningOfDocument();
  editor.insertText(words);
  if (encrypt) {
    press(composing.document.getElementById("button-encryption"));
  }
  // Whether it will be encrypted is decided while the window already stands. What it is in the end is for the test to say.
  await until("its encryption", async () => (await draft(composing)).encrypt && (await draft(composing)).sign, 15).catch(() => null);
  return draft(composing);
}

/** Send, and wait until it has left. */
async function send() {
  const composing = await composer();
  press(composing.document.getElementById("button-send"));
  const asked = () => [...Services.wm.getEnumerator(null)].find((w) => w.location.href.endsWith("/commonDialog.xhtml"));
  await until("the letter to leave", () => asked()?.document.getElementById("infoBody")?.textContent || composing.closed);
  if (asked()) throw new Error(`Thunderbird asks: ${asked().document.getElementById("infoBody").textContent}`);
}

// --- Pictures ---

/** Gives a window a size that fits on a page; where it stands then. */
async function frame({ page, width, height }) {
  const shown = page ? await windowOf("the window", page) : main();
  if (width) {
    shown.moveTo(0, 0);
    shown.resizeTo(width, height);
    await until("its size", () => shown.outerWidth === width && shown.outerHeight === height);
  }
  // What is drawn is on the screen a frame later.
  for (let n = 0; n < 5; n++) await new Promise((resolve) => shown.requestAnimationFrame(resolve));
  return [shown.outerWidth, shown.outerHeight, shown.screenX, shown.screenY];
}

/** The menu behind the arrow beside OpenPGP, in the window of a new letter. */
async function openMenu() {
  const menu = (await composer()).document.getElementById("encryptionToolbarMenu");
  menu.openPopup(menu.parentNode, "after_start", 0, 0, false);
  await until("the menu", () => menu.state === "open");
}

async function closeMenu() {
  const menu = (await composer()).document.getElementById("encryptionToolbarMenu");
  menu.hidePopup();
  await until("the menu to close", () => menu.state === "closed");
}
