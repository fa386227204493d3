use std::fmt;

use crate::DatabaseError;

/// Where the database is. Printing it shows the side only: a PostgreSQL address may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The connection string as libpq reads it.
    Postgres(String),
    /// The path of the database's file.
    Sqlite(String),
}

impl DatabaseUrl {
    /// Reads `postgresql://…`, `postgres://…` or `sqlite://path` (`sqlite:///absolute/path`).
    pub fn parse(text: &str) -> Result<Self, DatabaseError> {
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        match text.strip_prefix("sqlite://") {
            // Each connection of the pool would have a database of its own.
            Some("" | ":memory:") | None => Err(DatabaseError::InvalidUrl),
            Some(path) => Ok(Self::Sqlite(path.to_owned())),
        }
    }

    /// The address with what it does not say itself of `parameters` (libpq's, `key=value`). Of SQLite: as it is.
    pub(crate) fn with_parameters(self, parameters: &[(&str, String)]) -> Self {
        let Self::Postgres(mut url) = self else {
            return self;
        };
        for (key, value) in parameters {
            let query = url.split_once('?').map(|(_, query)| query);
            let is_given = query.is_some_and(|query| {
                query
                    .split('&')
                    .any(|pair| pair.split_once('=').is_some_and(|(given, _)| given == *key))
            });
            if !is_given {
                let separator = if query.is_some() { '&' } else { '?' };
                url.push_str(&format!("{separator}{key}={value}"));
            }
        }
        Self::Postgres(url)
    }

    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Postgres(_) => "postgresql://…",
            Self::Sqlite(_) => "sqlite://…",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_read_and_nothing_else() {
        assert_eq!(
            DatabaseUrl::parse("sqlite:///var/norma.db").unwrap(),
            DatabaseUrl::Sqlite("/var/norma.db".to_owned())
        );
        assert_eq!(
            DatabaseUrl::parse("sqlite://norma.db").unwrap(),
            DatabaseUrl::Sqlite("norma.db".to_owned())
        );
        assert!(matches!(
            DatabaseUrl::parse("postgresql://h/d"),
            Ok(DatabaseUrl::Postgres(_))
        ));
        for text in [
            "",
            "sqlite://",
            "sqlite://:memory:",
            "mysql://h/d",
            "/var/norma.db",
        ] {
            assert!(
                matches!(DatabaseUrl::parse(text), Err(DatabaseError::InvalidUrl)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_address_says_itself_stays() {
        let with = |text: &str| {
            let url = DatabaseUrl::parse(text).unwrap();
            url.with_parameters(&[
                ("connect_timeout", "5".to_owned()),
                ("keepalives", "1".to_owned()),
            ])
        };
        let postgres = |text: &str| DatabaseUrl::Postgres(text.to_owned());
        assert_eq!(
            with("postgresql://h/d"),
            postgres("postgresql://h/d?connect_timeout=5&keepalives=1")
        );
        assert_eq!(
            with("postgresql://h/d?keepalives=0&sslmode=require"),
            postgres("postgresql://h/d?keepalives=0&sslmode=require&connect_timeout=5")
        );
        assert_eq!(with("sqlite://a.db"), DatabaseUrl::Sqlite("a.db".to_owned()));
    }

    #[test]
    fn the_password_is_not_printed() {
        let url = DatabaseUrl::parse("postgresql://norma:open-sesame@db/norma").unwrap();
        assert!(!format!("{url:?}").contains("open-sesame"));
    }
}
