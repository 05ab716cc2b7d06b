//! Tenants' own templates: versions are added, never overwritten.

use domain::id::TenantId;

use crate::row::row;
use crate::sql::{statements, text, texts};
use crate::{Error, Store};

statements! {
TEMPLATE = "
-- template()
SELECT locale, version, subject, text, html FROM email_templates
WHERE tenant_id = $1 AND name = $2 AND locale = ANY ($3::text[])
ORDER BY array_position($3::text[], locale), version DESC LIMIT 1";

TEMPLATES = "
-- templates()
SELECT DISTINCT ON (locale) locale, version, subject, text, html FROM email_templates
WHERE tenant_id = $1 AND name = $2 ORDER BY locale, version DESC";

SAVE_TEMPLATE = "
-- save_template()
INSERT INTO email_templates (tenant_id, name, locale, version, subject, text, html)
SELECT tenant_id, $2, $3,
       1 + coalesce((SELECT max(version) FROM email_templates WHERE tenant_id = $1 AND name = $2 AND locale = $3), 0),
       $4, $5, $6
FROM tenants WHERE tenant_id = $1
ON CONFLICT (tenant_id, name, locale, version) DO NOTHING
RETURNING version";

TENANT_EXISTS = "
-- tenant_exists()
SELECT FROM tenants WHERE tenant_id = $1";
}

row! {
    /// A saved template.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StoredTemplate {
        pub locale: String,
        pub version: i32,
        pub subject: String,
        pub text: String,
        pub html: String,
    }
}

/// A template to save; its three parts were checked.
#[derive(Clone, Copy)]
pub struct NewTemplate<'a> {
    pub tenant_id: &'a TenantId,
    pub name: &'a str,
    pub locale: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
}

impl Store {
    /// Returns the newest version of the template in the first of the locales that it is saved in.
    pub async fn template(
        &self,
        tenant: &TenantId,
        name: &str,
        locales: &[&str],
    ) -> Result<Option<StoredTemplate>, Error> {
        self.first(TEMPLATE, &[text(tenant.as_ref()), text(name), texts(locales.iter().copied())]).await
    }

    /// Returns the newest version of the template in each locale that it is saved in.
    pub async fn templates(&self, tenant: &TenantId, name: &str) -> Result<Vec<StoredTemplate>, Error> {
        self.all(TEMPLATES, &[text(tenant.as_ref()), text(name)]).await
    }

    /// Saves a template as the next version, which is returned. `None` for an unknown tenant.
    pub async fn save_template(&self, new: &NewTemplate<'_>) -> Result<Option<i32>, Error> {
        let NewTemplate { tenant_id, name, locale, subject, text: body, html } = *new;
        loop {
            let params = [text(tenant_id.as_ref()), text(name), text(locale), text(subject), text(body), text(html)];
            if let Some(row) = self.row(SAVE_TEMPLATE, &params).await? {
                return row.get("version").map(Some);
            }
            // Another one was saved as this version: what is left is the next.
            if self.row(TENANT_EXISTS, &[text(tenant_id.as_ref())]).await?.is_none() {
                return Ok(None);
            }
        }
    }
}
