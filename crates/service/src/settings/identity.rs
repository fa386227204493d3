//! The sections `identity` and `audit` of `config/base.yaml`, which documents each field.

use std::path::PathBuf;

use norma_domain::{Role, Roles};
use secrecy::SecretString;
use serde::Deserialize;

use super::value::{comma_separated, optional, roles};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    pub authentication: Authentication,
    pub sign_in_link_hours: u32,
    pub key_lifetime_days: u32,
    #[serde(deserialize_with = "roles")]
    pub confirmed_key_roles: Roles,
    pub second_factor: SecondFactorSettings,
    pub passkeys: PasskeySettings,
    pub session: SessionSettings,
    pub password: PasswordSettings,
    pub lockout: LockoutSettings,
    pub openid: OpenIdSettings,
}

/// Whether anybody is asked who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    On,
    Off,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorSettings {
    pub mode: SecondFactorMode,
    #[serde(deserialize_with = "roles")]
    pub required_for: Roles,
    pub issuer: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeySettings {
    pub mode: SecondFactorMode,
}

/// Whether local accounts may set a second factor up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorMode {
    Off,
    Optional,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    pub idle_minutes: u32,
    pub hours: u32,
    pub verified_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    pub minimum_length: usize,
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockoutSettings {
    pub free_failures: u32,
    pub first_pause_seconds: u32,
    pub longest_pause_seconds: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdSettings {
    #[serde(deserialize_with = "optional")]
    pub issuer: Option<String>,
    #[serde(deserialize_with = "optional")]
    pub client_id: Option<String>,
    #[serde(deserialize_with = "optional")]
    pub client_secret: Option<SecretString>,
    pub name: String,
    #[serde(deserialize_with = "comma_separated")]
    pub scopes: Vec<String>,
    pub sign_out_at_issuer: bool,
    pub roles_claim: String,
    pub role_values: RoleValues,
}

/// Values of the roles claim for each role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleValues {
    #[serde(deserialize_with = "comma_separated")]
    pub clinician: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub integrator: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub operator: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub administrator: Vec<String>,
}

impl IdentitySettings {
    /// Whether a key of these roles acts only once a second administrator has confirmed it.
    pub fn needs_confirmation(&self, roles: Roles) -> bool {
        !roles.intersection(self.confirmed_key_roles).is_empty()
    }

    /// Whether a local account of these roles needs a second factor.
    pub fn needs_second_factor(&self, roles: Roles) -> bool {
        !roles.intersection(self.second_factor.required_for).is_empty()
    }
}

impl RoleValues {
    /// The roles that the values of a claim give.
    pub fn roles_of(&self, values: &[&str]) -> Roles {
        let is_named = |known: &[String]| known.iter().any(|known| values.contains(&known.as_str()));
        Role::ALL
            .into_iter()
            .filter(|role| {
                is_named(match role {
                    Role::Clinician => &self.clinician,
                    Role::Integrator => &self.integrator,
                    Role::Operator => &self.operator,
                    Role::Administrator => &self.administrator,
                })
            })
            .collect()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    pub syslog: SyslogSettings,
    pub heads: HeadSettings,
    pub archive: ArchiveSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveSettings {
    #[serde(deserialize_with = "optional")]
    pub folder: Option<PathBuf>,
    pub keep_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadSettings {
    #[serde(deserialize_with = "optional")]
    pub path: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub key: Option<SecretString>,
    pub every_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    #[serde(deserialize_with = "optional")]
    pub address: Option<String>,
    #[serde(deserialize_with = "optional")]
    pub ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub certificate: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub key: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn a_claim_gives_the_roles_that_its_values_name() {
        let values = Settings::base().identity.openid.role_values;
        assert_eq!(
            values.roles_of(&["staff", "norma-clinician", "norma-operator"]),
            Roles::of(&[Role::Clinician, Role::Operator])
        );
        assert_eq!(values.roles_of(&["clinician", ""]), Roles::NONE);
    }
}
