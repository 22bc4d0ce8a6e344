//! Does a mail server take what was answered? The desk's own adapter tries it; where the server's
//! certificate is not trusted, a CA is asked for.

use crate::cli::init::interview::Interview;
use crate::cli::init::plan::{Plan, Server, certificates_of_ca};
use anyhow::Result;

/// One of the two servers of mail.
#[derive(Clone, Copy)]
pub enum MailServer {
    Imap,
    Smtp,
}

impl MailServer {
    fn name(self) -> &'static str {
        match self {
            Self::Imap => "mailbox",
            Self::Smtp => "courier",
        }
    }

    async fn probe(self, plan: &Plan) -> Result<String> {
        match self {
            Self::Imap => plan.probe_mailbox().await,
            Self::Smtp => plan.probe_courier().await,
        }
    }

    fn of(self, plan: &mut Plan) -> Option<&mut Server> {
        match self {
            Self::Imap => plan.imap.as_mut(),
            Self::Smtp => plan.smtp.as_mut(),
        }
    }
}

/// Takes the answers about a server, and proves them; whether they are good. Where they are not and
/// somebody is there, the questions about it come again.
pub async fn prove(
    interview: &Interview,
    plan: &mut Plan,
    which: MailServer,
    answered: Result<Server>,
) -> Result<bool> {
    let server = match answered {
        Ok(server) => server,
        Err(why) => {
            interview.wrong(which.name(), &why)?;
            return Ok(false);
        }
    };
    match which {
        MailServer::Imap => plan.imap = Some(server),
        MailServer::Smtp => plan.smtp = Some(server),
    }
    let ca_before = plan.ca.clone();
    loop {
        let proof = which.probe(plan).await;
        let is_untrusted = proof.as_ref().err().is_some_and(is_untrusted);
        // The CA of the other server may be this one's too.
        if is_untrusted && plan.ca.is_some() && trust_own_ca(plan, which) {
            continue;
        }
        if interview.proven(which.name(), proof)? {
            return Ok(true);
        }
        // A CA that proved nothing is not trusted for anything.
        plan.ca.clone_from(&ca_before);
        let Some(ca) = (if is_untrusted {
            ask_ca(interview)?
        } else {
            None
        }) else {
            return Ok(false);
        };
        plan.ca = Some(joined(ca_before.as_deref(), &ca));
        trust_own_ca(plan, which);
    }
}

/// The CA certificates that were there, and those of another file.
fn joined(before: Option<&[u8]>, more: &[u8]) -> Vec<u8> {
    let before = before.map(|before| [before, b"\n"].concat());
    [before.unwrap_or_default().as_slice(), more].concat()
}

/// Has the server be proven by the CA that was named; whether it was not before.
fn trust_own_ca(plan: &mut Plan, which: MailServer) -> bool {
    which
        .of(plan)
        .is_some_and(|server| !std::mem::replace(&mut server.has_own_ca, true))
}

/// Whether a failure is that nobody here trusts who signed the server's certificate.
fn is_untrusted(why: &anyhow::Error) -> bool {
    format!("{why:#}").contains("UnknownIssuer")
}

/// The CA certificates of a file that is asked for; `None` where none is named.
fn ask_ca(interview: &Interview) -> Result<Option<Vec<u8>>> {
    let question = "File of the CA that signed its certificate (PEM; empty: another server)";
    while let Some(file) = interview.path_or_none(question)? {
        match certificates_of_ca(&file) {
            Ok(pem) => return Ok(Some(pem)),
            Err(why) => interview.wrong("CA", &why)?,
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn only_an_unknown_ca_is_a_reason_to_ask_for_one() {
        let tls = |text: &str| anyhow!("TLS with imap.example.org failed: {text}");
        let unknown = "its certificate is not by a CA that this machine trusts: set ca_file \
            (invalid peer certificate: UnknownIssuer)";
        assert!(is_untrusted(&tls(unknown)));
        assert!(is_untrusted(&tls(unknown).context("cannot log in")));
        assert!(!is_untrusted(&tls("its certificate has expired (Expired)")));
        assert!(!is_untrusted(&anyhow!("cannot reach imap.example.org:993")));
    }

    #[test]
    fn each_server_may_have_a_ca_of_its_own() {
        assert_eq!(joined(None, b"b"), b"b");
        assert_eq!(joined(Some(b"a"), b"b"), b"a\nb");
    }
}
