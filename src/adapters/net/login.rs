//! How do we say who we are to a mail server? By a password, a token that something else fetches, or
//! one that we fetch.

use super::oauth::AccessTokens;
use crate::model::secret::Secret;
use crate::ports::PortError;
use std::sync::Arc;

/// Reads a secret at each use, so that one that was changed is taken up.
pub type SecretSource = Arc<dyn Fn() -> Result<Secret, PortError> + Send + Sync>;

/// How the login is proven; what secret it takes is read anew at each connect.
pub enum Means {
    Password(SecretSource),
    Token(SecretSource),
    Oauth(Box<AccessTokens>),
}

impl Means {
    /// Whether it is a password, and no token.
    pub fn is_password(&self) -> bool {
        matches!(self, Self::Password(_))
    }

    /// The password or the access token of this moment.
    pub async fn secret(&mut self) -> Result<Secret, PortError> {
        match self {
            Self::Password(source) | Self::Token(source) => source(),
            Self::Oauth(tokens) => tokens.token().await,
        }
    }

    /// What was held was refused: it may have been revoked before its time.
    pub fn forget(&mut self) {
        if let Self::Oauth(tokens) = self {
            tokens.forget();
        }
    }
}

/// A SASL mechanism that carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMechanism {
    /// Google's and Microsoft's, which is older than the standard.
    Xoauth2,
    /// RFC 7628.
    Oauthbearer,
}

impl TokenMechanism {
    /// As it stands in AUTHENTICATE and AUTH.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xoauth2 => "XOAUTH2",
            Self::Oauthbearer => "OAUTHBEARER",
        }
    }

    /// What the client says at once. `host` and `port` are those that were connected to.
    pub fn message(self, user: &str, token: &str, host: &str, port: u16) -> String {
        match self {
            Self::Xoauth2 => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
            Self::Oauthbearer => {
                // RFC 5801 section 4: a name is written without the two signs that end it.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01")
            }
        }
    }

    /// What the client answers where the server tells, in a challenge, why it will refuse (RFC 7628
    /// section 3.2.3); base64.
    pub fn acknowledgement(self) -> &'static str {
        match self {
            Self::Xoauth2 => "",
            Self::Oauthbearer => "AQ==",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_standard() {
        // RFC 7628 section 4.1.
        let message = TokenMechanism::Oauthbearer.message(
            "user@example.com",
            "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
            "server.example.com",
            143,
        );
        assert_eq!(
            message,
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer \
             vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        let odd = TokenMechanism::Oauthbearer.message("a=b,c", "t", "h", 1);
        assert!(odd.starts_with("n,a=a=3Db=2Cc,\x01"), "{odd}");
    }
}
