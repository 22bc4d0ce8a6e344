//! Does any statement cost more the larger the desk has grown? Every statement of this folder is
//! read from its sources, and SQLite is asked how it would carry it out: no large table may be
//! walked, unless it is named below with the reason.

use super::*;
use sqlx::Row;
use std::collections::BTreeSet;

/// Tables that grow with every letter. The others stay small.
const LARGE: [&str; 9] = [
    "letter",
    "cases",
    "effect",
    "journal",
    "saying",
    "answer",
    "participant",
    "place",
    "reply_token",
];

/// Indexes that hold a few rows of many: a walk of one is a walk of what is asked for.
const OF_FEW: [&str; 6] = [
    "cases_open",
    "cases_unanswered",
    "effect_failing",
    "effect_leased",
    "journal_doubled",
    "letter_caseless",
];

/// Statements that walk one, by how they begin, and why they may.
const MAY_WALK: &[(&str, &str)] = &[
    (
        "SELECT id, opened_at, standing, closed_at, closing, ack_state, ack_deadline, ack_alarmed, \
         ack_at, ack_signed, draft, advisory_id, advisory_url, perhaps_of, course FROM cases ORDER",
        "a list walks what it shows, and no further than its limit",
    ),
    (
        "SELECT count(*) FROM letter",
        "a backup is compared with what it should hold, once",
    ),
    (
        "SELECT blob FROM letter WHERE sealed IS NULL",
        "files of the spool are compared with rows once, at the start and in a backup",
    ),
    (
        "UPDATE effect SET in_doubt = 1",
        "a restored store is changed once",
    ),
    (
        "INSERT INTO letter",
        "the check of a foreign key, which SQLite skips where none is open",
    ),
];

/// The statements of this folder's sources: string literals that begin like one, joined as Rust
/// joins them.
fn statements() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/sqlite");
    let mut folders = vec![folder];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("plans.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.extend(literals(code).into_iter().filter(|text| is_statement(text)));
            }
        }
    }
    assert!(
        found.len() > 80,
        "only {} statements were found",
        found.len()
    );
    found
}

/// String literals without escapes but the one that joins lines.
fn literals(code: &str) -> Vec<String> {
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|literal| {
            let pieces = literal.split("\\\n").map(str::trim_start);
            pieces.collect::<String>()
        })
        .collect()
}

fn is_statement(text: &str) -> bool {
    let verbs = ["SELECT ", "UPDATE ", "DELETE ", "INSERT "];
    verbs.iter().any(|verb| text.starts_with(verb)) && text.len() > 14
}

async fn empty_store(folder: &Path) -> SqliteStore {
    let key = crate::openpgp::generate_storage("plans").unwrap();
    let certificates = crate::openpgp::certificates(key.public_armored.as_bytes()).unwrap();
    let seal = SealTo::new(&certificates).unwrap();
    SqliteStore::open(folder, seal).await.unwrap()
}

/// A store remembers the digest of each migration that made it, and a desk refuses one that was
/// made by others: not even a comment may change once a migration was given out.
#[test]
fn migrations_that_were_given_out_never_change() {
    const GIVEN_OUT: [&str; 11] = [
        "266fe7bd2cedd17d",
        "f1aa1b687ef89542",
        "6e704e861a6b5ca5",
        "f9d9a90f8323067b",
        "1a2d6b3f6c913f03",
        "2393bf2a97878604",
        "aefe3d3b52ca1037",
        "15011432b2214b24",
        "e9542154331ba109",
        "62594c2eeff278af",
        "c38d433337c4b48d",
    ];
    let digests = MIGRATIONS.iter().map(|migration| {
        let octets = migration.checksum.iter().take(8);
        octets
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>()
    });
    assert_eq!(digests.collect::<Vec<_>>(), GIVEN_OUT);
}

#[tokio::test]
async fn no_statement_walks_a_table_that_grows() {
    let folder = tempfile::tempdir().unwrap();
    let store = empty_store(folder.path()).await;
    let mut wrong = Vec::new();
    let (mut unfinished, mut walked) = (0, BTreeSet::<&(&str, &str)>::new());
    for statement in statements() {
        let explained = format!("EXPLAIN QUERY PLAN {statement}");
        let explained = sqlx::query(sqlx::AssertSqlSafe(explained));
        let Ok(plan) = explained.fetch_all(&store.pool).await else {
            // The beginning of one that is put together where it runs.
            unfinished += 1;
            continue;
        };
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let walks = steps.iter().any(|step| {
            let mut words = step.strip_prefix("SCAN ").unwrap_or_default().split(' ');
            let table = words.next().unwrap_or_default();
            let of_few = words
                .next_back()
                .is_some_and(|index| OF_FEW.contains(&index));
            LARGE.contains(&table) && !of_few
        });
        let may = MAY_WALK
            .iter()
            .find(|(start, _)| statement.starts_with(start));
        walked.extend(may.filter(|_| walks));
        if walks && may.is_none() {
            wrong.push(format!("{statement}\n    {}", steps.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let stale: Vec<_> = MAY_WALK
        .iter()
        .filter(|row| !walked.contains(row))
        .collect();
    assert!(stale.is_empty(), "these walk nothing: {stale:?}");
    // Rows that are inserted together, and places that are looked up together.
    assert!(
        unfinished <= 3,
        "{unfinished} statements could not be explained"
    );
}

/// What stands in `tally`, and what is counted for it.
const COUNTED: [(&str, &str); 5] = [
    (
        "SELECT name, state, number FROM tally WHERE kind = 'letter' AND number != 0",
        "SELECT role, state, count(*) FROM letter GROUP BY role, state",
    ),
    (
        "SELECT name, state, number FROM tally WHERE kind = 'case' AND number != 0",
        "SELECT standing, draft, count(*) FROM cases GROUP BY standing, draft",
    ),
    (
        "SELECT name, state, number FROM tally WHERE kind = 'effect' AND number != 0",
        "SELECT work, state, count(*) FROM effect GROUP BY work, state",
    ),
    (
        "SELECT name, state, number FROM tally WHERE kind = 'sealed-to' AND number != 0",
        "SELECT sealed_to, '', count(*) FROM letter WHERE sealed_to IS NOT NULL GROUP BY sealed_to",
    ),
    (
        "SELECT name, state, number FROM tally WHERE kind = 'caseless'",
        "SELECT '', '', count(*) FROM letter WHERE case_id IS NULL AND role = 'incoming' AND \
         state IN ('read', 'shut', 'set-aside')",
    ),
];

#[tokio::test]
async fn tallies_are_what_is_counted_whatever_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = empty_store(folder.path()).await;
    let letter = |n: u32| {
        format!(
            "INSERT INTO letter (mailbox, digest, octets, received_at, spooled_at, blob, state) \
             VALUES ('m', '{n}', 1, {n}, 1, '', 'unread')"
        )
    };
    let case = |n: u32| {
        format!(
            "INSERT INTO cases (id, opened_at, standing, ack_state, ack_alarmed, ack_signed, \
             draft) VALUES ('{n}', {n}, 'open', 'due', 0, 0, 'none')"
        )
    };
    let effect = |key: &str, work: &str| {
        format!(
            "INSERT INTO effect (key, work, due, state, attempts, in_doubt, created_at) VALUES \
             ('{key}', '{work}', 1, 'pending', 0, 0, 1) ON CONFLICT (key) DO UPDATE SET state = \
             'pending' WHERE state = 'failed'"
        )
    };
    let mut steps: Vec<String> = (1..=6).map(letter).collect();
    steps.extend((1..=3).map(case));
    steps.extend([
        effect("a", "ask"),
        effect("b", "reply"),
        effect("b", "reply"),
    ]);
    steps.extend(
        [
            "UPDATE letter SET state = 'read', sealed_to = 'K1' WHERE id <= 3",
            "UPDATE letter SET case_id = '1' WHERE id = 1",
            "UPDATE letter SET role = 'team-copy', state = 'copy' WHERE id = 2",
            "UPDATE letter SET sealed_to = 'K2' WHERE id IN (3, 4)",
            "UPDATE letter SET sealed_to = NULL WHERE id = 4",
            "UPDATE letter SET state = 'set-aside' WHERE id IN (4, 5)",
            "UPDATE letter SET case_id = '2', state = 'read' WHERE id = 5",
            "UPDATE letter SET state = 'purged', sealed_to = NULL WHERE id = 3",
            "UPDATE cases SET draft = 'filed' WHERE id != '3'",
            "UPDATE cases SET standing = 'closed', draft = 'filed' WHERE id = '2'",
            "UPDATE effect SET state = 'leased'",
            "UPDATE effect SET state = 'failed' WHERE key = 'a'",
        ]
        .map(str::to_owned),
    );
    steps.push(effect("a", "ask"));
    for step in steps {
        let ran = sqlx::query(sqlx::AssertSqlSafe(step.clone()));
        ran.execute(&store.pool).await.unwrap();
        for (kept, counted) in COUNTED {
            let [kept, counted] = [kept, counted].map(|text| {
                let text = format!("{text} ORDER BY 1, 2");
                sqlx::query_as::<_, (String, String, i64)>(sqlx::AssertSqlSafe(text))
                    .fetch_all(&store.pool)
            });
            assert_eq!(kept.await.unwrap(), counted.await.unwrap(), "after {step}");
        }
    }
}
