// A reporter's web mailer: `key` makes a key, `write` seals and signs a report, `open` shows a letter of the desk.
import { readFileSync } from "node:fs";
import * as openpgp from "openpgp";
import PostalMime from "postal-mime";

const [verb, ...files] = process.argv.slice(2);
const read = (path) => readFileSync(path, "utf8");
const input = () => readFileSync(0, "utf8");

async function parsed(octets) {
  const mail = await PostalMime.parse(octets);
  const text = (content) => (typeof content === "string" ? content : new TextDecoder().decode(content));
  return { ...mail, parts: mail.attachments.map((a) => ({ type: a.mimeType, text: text(a.content) })) };
}

async function verified(signatures) {
  for (const signature of signatures) await signature.verified; // throws where it does not hold
  return signatures.length > 0;
}

if (verb === "key") {
  const { privateKey } = await openpgp.generateKey({ userIDs: [{ email: files[0] }], format: "armored" });
  process.stdout.write(privateKey);
} else if (verb === "public") {
  const key = await openpgp.readPrivateKey({ armoredKey: read(files[0]) });
  process.stdout.write(Buffer.from(key.toPublic().write()).toString("base64"));
} else if (verb === "write") {
  const key = await openpgp.readPrivateKey({ armoredKey: read(files[0]) });
  const desk = await openpgp.readKey({ armoredKey: read(files[1]) });
  const message = await openpgp.createMessage({ text: input() });
  process.stdout.write(await openpgp.encrypt({ message, encryptionKeys: [desk, key.toPublic()], signingKeys: key }));
} else if (verb === "open") {
  const key = await openpgp.readPrivateKey({ armoredKey: read(files[0]) });
  const desk = await openpgp.readKey({ armoredKey: read(files[1]) });
  const letter = input();
  const outer = await parsed(letter);
  const armored = [...outer.parts.map((p) => p.text), outer.text ?? ""].find((t) => t.includes("-----BEGIN PGP MESSAGE-----"));
  const opened = await openpgp.decrypt({
    message: await openpgp.readMessage({ armoredMessage: armored }),
    decryptionKeys: key,
    verificationKeys: desk,
  });
  const inner = await parsed(opened.data);
  console.log(JSON.stringify({
    subject: inner.subject ?? outer.subject,
    text: inner.text,
    in_reply_to: outer.inReplyTo,
    references: outer.references,
    signed_by_desk: await verified(opened.signatures),
  }));
} else {
  console.error("webmail: key ADDRESS | public KEY | write KEY DESK | open KEY DESK");
  process.exit(2);
}
