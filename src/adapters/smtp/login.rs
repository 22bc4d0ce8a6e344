//! How do we say who we are to an SMTP server?

use super::{COMMAND_S, SmtpCourier, chain};
use crate::adapters::net::login::{Means, TokenMechanism};
use crate::ports::PortError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;

/// The server goes on with AUTH: after a token, to tell why it will refuse (RFC 4954 section 6).
const AUTH_CHALLENGE: u16 = 334;

/// Who logs in, and how they prove it.
pub struct SmtpLogin {
    pub user: String,
    pub means: Means,
}

impl SmtpCourier {
    pub(super) async fn log_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        login: &mut SmtpLogin,
    ) -> Result<(), PortError> {
        let secret = login.means.secret().await?;
        let secret = secret
            .expose_text()
            .map_err(|_| PortError::lasting("the SMTP password or token is not text"))?;
        let user = login.user.as_str();
        let is_password = login.means.is_password();
        let done = self
            .within(COMMAND_S, async {
                let done = if is_password {
                    let credentials = Credentials::new(user.to_owned(), secret.to_owned());
                    let mechanisms = [Mechanism::Plain, Mechanism::Login];
                    connection.auth(&mechanisms, &credentials).await.map(drop)
                } else {
                    self.show_token(connection, user, secret).await
                };
                done.map_err(|e| self.login_fault(&e))
            })
            .await;
        if done.is_err() {
            login.means.forget();
        }
        done
    }

    /// AUTH with a token. XOAUTH2 where it is offered, else the standard's mechanism, which lettre
    /// does not know and whose offer it does not tell. A refusal begins with a challenge, for which
    /// lettre has no answer.
    async fn show_token(
        &self,
        connection: &mut AsyncSmtpConnection,
        user: &str,
        token: &str,
    ) -> Result<(), SmtpError> {
        let is_offered = connection
            .server_info()
            .supports_auth_mechanism(Mechanism::Xoauth2);
        let mechanism = if is_offered {
            TokenMechanism::Xoauth2
        } else {
            TokenMechanism::Oauthbearer
        };
        let message = STANDARD.encode(mechanism.message(user, token, &self.host, self.port));
        let command = format!("AUTH {} {message}\r\n", mechanism.name());
        let answer = connection.command(command).await?;
        if answer.has_code(AUTH_CHALLENGE) {
            let acknowledgement = format!("{}\r\n", mechanism.acknowledgement());
            connection.command(acknowledgement).await?;
        }
        Ok(())
    }

    fn login_fault(&self, err: &SmtpError) -> PortError {
        PortError::passing(format!(
            "{} refuses our login: {}; check courier.user and the password or token",
            self.whole(),
            chain(err)
        ))
    }
}
