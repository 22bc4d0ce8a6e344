//! The advisory tracker both ways: reports that people file there, beside those that come by mail.

use super::people::{PROVEN, head};
use super::servers::wait_for;
use super::world::World;
use serde_json::json;

const STORY: &str = "The session cookie of acme-web 2.3.1 is sent without HttpOnly, so that any \
    script on the page reads it.\n\nSteps to reproduce:\n\n1. Log in as any user of the demo \
    installation.\n2. Open the console and type document.cookie there.";

#[test]
fn a_report_on_github_is_a_case_with_its_clocks_and_its_twin_by_mail_is_a_likely_duplicate() {
    let world = World::new();
    let mut config = world.config();
    config.tracker.push_str("reports_poll_s = 1\n");
    world.write_config(&config);
    let id = world.github.report(&json!({
        "repository": "example/project", "login": "octocat", "summary": "Session cookie leaks", "description": STORY, "severity": "high", "cwe_ids": ["CWE-1004"],
        "vulnerabilities": [{ "package": { "ecosystem": "npm", "name": "acme-web" }, "vulnerable_version_range": "<= \
            2.3.1" }],
    }));
    let (code, found, _) = world.command(&["check"]);
    assert!(
        code == 0 && found.contains("1 reports wait for triage in example/project"),
        "{found}"
    );

    let desk = world.open();
    world.settle(1);
    let cases = world.json(&["case", "list", "--json"]);
    let case = &cases[0];
    assert_eq!(
        (
            &case["draft"]["advisory"]["id"],
            &case["acknowledgement"]["state"],
            &case["severity"]
        ),
        (&json!(id), &json!("by-hand"), &json!("high")),
        "{case:#}"
    );
    assert_eq!(
        (&case["summary"], &case["next"]["what"]),
        (&json!("Session cookie leaks"), &json!("acknowledgement")),
        "{case:#}"
    );
    wait_for("Rita's call", || {
        !world.delivered("rita@desk.example").is_empty()
    });
    let name = case["id"].as_str().unwrap().to_owned();
    let words = world.path().join("words");
    std::fs::write(&words, "Thank you.").unwrap();
    let (code, _, why) = world.command(&[
        "case",
        "reply",
        &name,
        "--file",
        &words.display().to_string(),
    ]);
    assert!(
        code == 1 && why.contains("wrote in the tracker: answer them there"),
        "{why}"
    );
    let (code, said, _) = world.command(&["case", "answered", &name]);
    assert!(code == 0 && said.contains("acknowledged"), "{said}");

    // They write the same by mail, with a greeting and a signature: shown beside it, and filed no
    // second time.
    let twin = head(
        "Ada <ada@reporter.example>",
        "Cookie problem",
        "t1@reporter.example",
    ) + &format!("\nDear team,\n\n{STORY}\n\nKind regards,\nAda\n");
    world.submit("ada@reporter.example", &twin);
    world.settle(2);
    let cases = world.json(&["case", "list", "--json"]);
    let by_mail = cases
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["id"] != json!(name))
        .unwrap();
    assert_eq!(
        (&by_mail["likely_duplicates"], &by_mail["draft"]["state"]),
        (&json!([name]), &json!("awaits-word")),
        "{by_mail:#}"
    );
    assert_eq!(world.github.advisories().len(), 1);

    // Looked at again and again, and after a restart, it stays one case; what needs an answer goes
    // where they are.
    desk.stop();
    let desk = world.open();
    std::thread::sleep(std::time::Duration::from_secs(3));
    world.settle(2);
    let by_mail = by_mail["id"].as_str().unwrap();
    let (code, said, why) = world.command(&["case", "duplicate-of", by_mail, &name]);
    assert!(code == 0 && said.contains("is closed"), "{said}{why}");
    let (_, timeline, _) = world.command(&["case", "timeline", &name]);
    assert!(
        timeline.contains("is a duplicate of this case") && timeline.contains("fix team formed"),
        "{timeline}"
    );
    let (_, status, _) = world.command(&["status"]);
    assert!(
        status.contains("in the queue, none late") && status.contains(&name),
        "{status}"
    );
    desk.stop();
}

#[test]
fn what_the_team_finds_reaches_the_advisory_and_what_is_published_is_released() {
    let world = World::new();
    let mut config = world.config();
    config.tracker.push_str("reports_poll_s = 1\ncollaborators = { \"*\" = { teams = [\"security\"] }, acme-web = { users = [\"owner\"] } }\n");
    world.write_config(&config);
    let desk = world.open();
    world.submit(
        "ada@reporter.example",
        &(head(
            "Ada <ada@reporter.example>",
            "Session cookie leaks",
            "p1@reporter.example",
        ) + &format!("\n{STORY}\n")),
    );
    world.settle(1);
    let advisory = || world.github.advisories().swap_remove(0);
    wait_for("the collaborators of the config", || {
        advisory()["collaborating_users"][0]["login"] == json!("owner")
    });
    let cases = world.json(&["case", "list", "--json"]);
    let id = cases[0]["id"].as_str().unwrap().to_owned();
    let say = |arguments: &[&str]| {
        let (code, said, why) =
            world.command(&[&["case", arguments[0], &id], &arguments[1..]].concat());
        assert_eq!(code, 0, "{arguments:?}: {said}{why}");
    };
    let vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N";
    say(&[
        "set", "--vector", vector, "--fixed", "2.3.2", "--cwe", "cwe-1004",
    ]);
    // Code owners only, as CODEOWNERS says; others on a word that names them outsiders.
    world.github.file(
        ".github/CODEOWNERS",
        "# who owns what\n* @maintainer @example/security\n/docs @Writer # words\n",
    );
    let (code, _, why) = world.command(&["case", "collaborate", &id, "--user", "ada-on-github"]);
    assert!(
        code == 1 && why.contains("ada-on-github owns no code"),
        "{why}"
    );
    say(&["collaborate", "--user", "writer"]);
    say(&["collaborate", "--user", "ada-on-github", "--outsider"]);
    say(&["credit", "ada-on-github"]);
    say(&["request-cve"]);
    say(&["fork"]);
    say(&["fork"]);
    world.settle(1);
    let now = advisory();
    assert_eq!(
        (
            &now["cvss_vector_string"],
            &now["vulnerabilities"][0]["patched_versions"],
            &now["cwe_ids"],
            &now["credits"]
        ),
        (
            &json!(vector),
            &json!("2.3.2"),
            &json!(["CWE-1004"]),
            &json!([{ "login": "ada-on-github", "type": "reporter" }])
        ),
        "{now:#}"
    );
    assert_eq!(
        (&now["collaborating_teams"], &now["_deeds"]),
        (&json!([{ "slug": "security" }]), &json!(["cve", "forks"])),
        "{now:#}"
    );
    assert_eq!(
        now["collaborating_users"],
        json!([{ "login": "owner" }, { "login": "writer" }, { "login": "ada-on-github" }])
    );

    // Only a human publishes; the desk sees it, and the release is reached.
    world
        .github
        .edit(now["ghsa_id"].as_str().unwrap(), "state", "published");
    let shown = || world.json(&["case", "show", &id, "--json"]);
    wait_for("the release", || {
        shown()["course"]["reached"]["release"]["at"].is_string()
    });
    let view = shown();
    assert!(
        view["journal"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["detail"]
                .as_str()
                .unwrap()
                .contains("published in the tracker")),
        "{view:#}"
    );
    assert_eq!(view["clocks"][3]["step"], json!("retrospective"));
    desk.stop();
}

#[test]
fn what_a_responder_marks_below_an_advisory_goes_to_the_reporter_and_his_answers_come_back() {
    let world = World::new();
    let mut config = world.config();
    config
        .tracker
        .push_str("reports_poll_s = 1\ncomments = true\n");
    config.extra = "[[responder]]\nname = \"Otto\"\naddress = \
        \"otto@desk.example\"\ntracker_login = \"otto-on-github\"\ncertificate = \""
        .to_owned()
        + &world.path().join("rita/security.asc").display().to_string()
        + "\"\n";
    world.write_config(&config);
    let desk = world.open();
    world.submit(
        "ada@reporter.example",
        &(head(
            "Ada <ada@reporter.example>",
            "Session cookie leaks",
            "q1@reporter.example",
        ) + PROVEN
            + &format!("\n{STORY}\n")),
    );
    world.settle(1);
    let advisory = || world.github.advisories().swap_remove(0);
    let ghsa = advisory()["ghsa_id"].as_str().unwrap().to_owned();
    let id = world.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let journal = || world.json(&["case", "show", &id, "--json"])["journal"].to_string();
    let (code, found, _) = world.command(&["check"]);
    assert!(
        code == 0 && found.contains("comments are read, and relayed where a responder marks them"),
        "{found}"
    );

    // Only a responder's mark relays, and once.
    world
        .github
        .comment(&ghsa, "somebody", "/relay\nI am not of the team.");
    world.github.comment(
        &ghsa,
        "otto-on-github",
        "CANARY-INTERNAL: do we /relay this?",
    );
    world.github.edited(
        &ghsa,
        "otto-on-github",
        "/relay\nCANARY-EDITED by an outsider.",
    );
    world
        .github
        .comment(&ghsa, "otto-on-github", "/relay\nNo.\n> CANARY-QUOTED");
    world.github.comment(
        &ghsa,
        "Otto-On-GitHub",
        "/relay\r\n\r\nWhich version did you try?\r\n",
    );
    wait_for("the relayed words", || {
        world
            .delivered("ada@reporter.example")
            .iter()
            .any(|l| l.contains("Which version did you try?"))
    });
    std::thread::sleep(std::time::Duration::from_secs(3));
    let letters = world.delivered("ada@reporter.example");
    assert_eq!(
        letters.len(),
        2,
        "an acknowledgement and the relayed words: {letters:#?}"
    );
    assert!(
        !letters.iter().any(|l| l.contains("CANARY")
            || l.contains("not of the team")
            || l.contains("/relay")
            || l.contains("otto")),
        "{letters:#?}"
    );
    assert_eq!(
        (
            journal().matches("comment not relayed").count(),
            journal().matches("reply accepted").count()
        ),
        (3, 1),
        "{}",
        journal()
    );

    // Her answer comes back as a comment, and the next one too.
    let description = advisory()["description"].clone();
    let follow = |n: i64, words: &str| {
        let proven = format!("{PROVEN}In-Reply-To: <q1@reporter.example>\nSubject:");
        let answer = head(
            "Ada <ada@reporter.example>",
            "Re: your report",
            &format!("q{n}@reporter.example"),
        )
        .replace("Subject:", &proven);
        world.submit("ada@reporter.example", &format!("{answer}\n{words}\n"));
        world.settle(n);
    };
    follow(2, "It was 2.3.1.");
    follow(3, "And 2.3.0 too.");
    let said = || {
        advisory()["_comments"]
            .as_array()
            .map(|all| {
                all.iter()
                    .map(|c| c["body"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .unwrap_or_default()
    };
    wait_for("her answers as comments", || said().len() == 7);
    assert!(
        said()[5].contains("It was 2.3.1.") && said()[6].contains("And 2.3.0 too."),
        "{:#?}",
        said()
    );
    assert_eq!(advisory()["description"], description);

    // Where the preview ends, answers go into the description again; and what is public takes
    // nothing of a letter.
    world.github.comments(false);
    follow(4, "A third thing.");
    wait_for("her answer in the description", || {
        advisory()["description"]
            .as_str()
            .unwrap()
            .contains("A third thing.")
    });
    world.github.edit(&ghsa, "state", "published");
    follow(5, "CANARY-BYPASS of the fix.");
    wait_for("the word on it", || {
        journal().contains("follow-up kept out of a public advisory")
    });
    assert!(!advisory().to_string().contains("CANARY-BYPASS"));
    desk.stop();
}
