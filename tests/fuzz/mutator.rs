//! How are letters bent so that they stay letters? Parts, header fields and boundaries are moved,
//! doubled and swapped.

/// What real letters and real attacks are made of.
const WORDS: &[&[u8]] = &[
    b"Content-Type: multipart/mixed; boundary=\"b1\"\n",
    b"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b1\"\n",
    b"Content-Type: multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\"; \
        boundary=\"s1\"\n",
    b"Content-Type: multipart/alternative; boundary=\"b1\"\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: application/pgp-encrypted\n",
    b"Content-Type: application/pgp-signature\n",
    b"Content-Type: application/octet-stream; name=\"encrypted.asc\"\n",
    b"Content-Type: text/plain; charset=utf-8; format=flowed; protected-headers=\"v1\"\n",
    b"Content-Type: text/html; charset=utf-16; hp=\"cipher\"; hp-legacy-display=\"1\"\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Disposition: attachment; filename*=utf-8''..%2F..%2Fx\n",
    b"From: Ada <ada@reporter.example>\n",
    b"Return-Path: <>\n",
    b"Auto-Submitted: auto-replied\n",
    b"Autocrypt: addr=ada@reporter.example; keydata=",
    b"Subject: =?utf-8?q?=E2=80=AE?=\n",
    b"\n--b1\n",
    b"\n--b1--\n",
    b"\n\n",
    b"-----BEGIN PGP MESSAGE-----\n\n",
    b"-----END PGP MESSAGE-----\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n",
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
];

/// A small generator of its own: libFuzzer gives the seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if limit == 0 {
            0
        } else {
            (self.0 % limit as u64) as usize
        }
    }
}

/// Bends the letter in `data[..size]` and returns its new size, at most `max`.
pub fn bend(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    let mut lines: Vec<Vec<u8>> = data[..size]
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len() + 1);
        match dice.below(6) {
            0 => lines.insert(at, WORDS[dice.below(WORDS.len())].to_vec()),
            1 if at < lines.len() => drop(lines.remove(at)),
            2 => {
                let (from, to) = range(&lines, &mut dice);
                let part: Vec<Vec<u8>> = lines[from..to].to_vec();
                lines.splice(at..at, part);
            }
            3 => {
                let (from, to) = range(&lines, &mut dice);
                lines.drain(from..to);
            }
            4 if at < lines.len() => lines[at] = WORDS[dice.below(WORDS.len())].to_vec(),
            _ => {
                let other = dice.below(lines.len() + 1);
                if at < lines.len() && other < lines.len() {
                    lines.swap(at, other);
                }
            }
        }
    }
    let bent = lines.concat();
    let size = bent.len().min(max);
    data[..size].copy_from_slice(&bent[..size]);
    size
}

/// From one boundary or empty line to a later one.
fn range(lines: &[Vec<u8>], dice: &mut Dice) -> (usize, usize) {
    let joints: Vec<usize> = (0..lines.len())
        .filter(|n| lines[*n].starts_with(b"--") || lines[*n].len() <= 2)
        .collect();
    let (a, b) = (dice.below(joints.len()), dice.below(joints.len()));
    match (joints.get(a.min(b)), joints.get(a.max(b))) {
        (Some(from), Some(to)) => (*from, *to),
        _ => (0, 0),
    }
}
