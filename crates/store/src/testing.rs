//! A database of its own for each test, on the server that `TEST_DATABASE_URL` names.

#![expect(clippy::expect_used, reason = "a helper that fails ends its test")]

use std::collections::BTreeMap;
use std::time::Duration;

use domain::analysis::{Analysis, AnalysisStatus, ConversationFigures, Coverage, Usage};
use domain::id::{SessionId, TenantId};
use domain::message::{AnalyzeMessage, StepMessage};
use domain::session::{Channel, Session, Visitor};
use serde::Serialize;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::analyses::NewAnalysis;
use crate::integration_log::{SyncKey, SyncStatus, of_sync};
use crate::row::row;
use crate::sessions::NotifiedSession;
use crate::sql::{int, text};
use crate::steps::{Claim, Claimed, Planned};
use crate::{Config, Error, Store};

/// The server is slow when all tests start at once.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const POOL_SIZE: usize = 8;
/// Longer than any test takes.
const LEASE: Duration = Duration::from_secs(60);

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A migrated, empty database. It stays when the test ends: the server is thrown away as a whole.
pub struct TestDatabase {
    pub store: Store,
    pub config: Config,
}

impl TestDatabase {
    /// # Panics
    /// If `TEST_DATABASE_URL` is not set or the server does not answer.
    pub async fn create() -> Self {
        let template = TEMPLATE.get_or_init(migrated_template).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        server(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let config = config(&name);
        let store = Store::new(&config).expect("the test database's configuration is valid");
        Self { store, config }
    }

    /// An empty database without any table.
    pub async fn create_empty() -> Config {
        let name = format!("test_{}", Uuid::now_v7().simple());
        server(&format!("CREATE DATABASE {name}")).await;
        config(&name)
    }

    /// A connection for what `Store` has no method for.
    pub async fn client(&self) -> tokio_postgres::Client {
        connect(&self.config.url).await
    }
}

/// A session of five minutes of the tenant `acme`, without a visitor.
pub fn session(id: &str) -> Session {
    let parsed = "the literals are valid";
    Session {
        tenant_id: "acme".parse().expect(parsed),
        session_id: id.parse().expect("a valid session id"),
        agent_id: "agent".parse().expect(parsed),
        channel: Channel::Text,
        started_at: "2026-11-22T10:00:00Z".parse().expect(parsed),
        ended_at: "2026-11-22T10:05:00Z".parse().expect(parsed),
        end_reason: None,
        visitor: Visitor::default(),
        metadata: serde_json::Map::new(),
    }
}

/// An analysis of a session in which nothing was said.
pub fn analysis() -> Analysis {
    Analysis {
        status: AnalysisStatus::InsufficientContent,
        code: Some("no_visitor_turns".into()),
        intent: None,
        summary: None,
        category: None,
        sentiment: None,
        topics: Vec::new(),
        insights: Vec::new(),
        action_items: Vec::new(),
        custom_metrics: Default::default(),
        conversation: ConversationFigures { duration_s: 300, ..ConversationFigures::default() },
        coverage: Coverage::default(),
        redactions: Default::default(),
        usage: Usage::default(),
    }
}

row! {
    /// A row of the log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Sync {
        pub status: SyncStatus,
        /// The visitor's id in the third party.
        pub contact_id: Option<String>,
        /// The id of the note or of the webhook message.
        pub record_id: Option<String>,
        /// The number of times that writing the record was begun.
        pub attempts: i32,
        /// The number of calls of the third party, by functions that lived to say so.
        pub tries: i32,
        /// Whether every attempt named the record by a key, so that repeating it cannot leave two.
        pub keyed: bool,
        pub code: Option<String>,
        /// The last error in words.
        pub error: Option<String>,
        /// Fields that were left out of a record that was written, for administrators.
        pub notice: Option<String>,
    }
}

const SYNC: &str = "-- sync()
SELECT status, contact_id, record_id, attempts, tries, keyed, code, error, notice FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4";
const ANALYSIS: &str = "-- analysis()
SELECT document FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3";

/// Reads what no function needs to read.
impl Store {
    pub async fn sync(&self, key: &SyncKey<'_>) -> Result<Option<Sync>, Error> {
        self.first(SYNC, &of_sync(key, [])).await
    }

    /// Returns an analysis with its placeholders.
    pub async fn analysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
    ) -> Result<Option<Analysis>, Error> {
        let row = self.row(ANALYSIS, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await?;
        row.map(|row| row.json("document")).transpose()
    }
}

/// The step that a message asks for, planned with it.
pub fn planned<M: StepMessage + Serialize>(message: &M) -> Planned {
    let text = serde_json::to_string(message).expect("a message can be written");
    Planned { step: message.step_key().step, message: text }
}

/// Accepts and analyses a session, from which these steps follow. The step of the analysis is still claimed.
pub async fn analysed(store: &Store, session: &Session, new: &NewAnalysis<'_>) -> Claimed {
    let (tenant_id, session_id) = (session.tenant_id.clone(), session.session_id.clone());
    let analyze = AnalyzeMessage::V1 { tenant_id, session_id };
    let Planned { message, .. } = planned(&analyze);
    let hash = session.session_id.as_ref().as_bytes();
    let notification = NotifiedSession { session, transcript: None, hash, message: &message };
    store.accept_session(&notification).await.expect("the session is accepted");
    let claim = store.claim_step(&analyze.step_key(), LEASE, false).await.expect("the store answers");
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    assert!(store.store_analysis(&claimed, new).await.expect("the store answers"), "the claim is ours");
    claimed
}

/// All statements of the crate by name, such as `claim_step()`. A test finds a module that is missing here.
pub fn statements() -> BTreeMap<&'static str, &'static str> {
    let modules = [
        crate::alerts::STATEMENTS,
        crate::analyses::STATEMENTS,
        crate::clock::STATEMENTS,
        crate::email_events::STATEMENTS,
        crate::email_log::STATEMENTS,
        crate::email_templates::STATEMENTS,
        crate::erasure::STATEMENTS,
        crate::failures::STATEMENTS,
        crate::gates::STATEMENTS,
        crate::integration_log::STATEMENTS,
        crate::integrations::STATEMENTS,
        crate::model_calls::STATEMENTS,
        crate::parts::STATEMENTS,
        crate::person_leases::STATEMENTS,
        crate::reanalysis::STATEMENTS,
        crate::replays::STATEMENTS,
        crate::retention::STATEMENTS,
        crate::sending::STATEMENTS,
        crate::sessions::STATEMENTS,
        crate::steps::STATEMENTS,
        crate::suppressions::STATEMENTS,
        crate::syncs::STATEMENTS,
        crate::tenants::STATEMENTS,
        crate::waiting::STATEMENTS,
        crate::webhook_attempts::STATEMENTS,
        crate::webhook_events::STATEMENTS,
    ];
    let named = modules.into_iter().flatten().map(|sql| {
        let named = sql.strip_prefix("\n-- ").and_then(|sql| sql.split_once('\n'));
        named.expect("a statement begins with its name")
    });
    named.collect()
}

async fn migrated_template() -> String {
    let name = format!("template_{}", Uuid::now_v7().simple());
    server(&format!("CREATE DATABASE {name}")).await;
    crate::migrate(&config(&name)).await.expect("the migrations apply to an empty database");
    name
}

#[expect(clippy::disallowed_methods, reason = "tests have no function configuration")]
fn server_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL is not set: run the tests through `cargo xtask test`")
}

fn config(database: &str) -> Config {
    let url = server_url();
    let (server, _) = url.rsplit_once('/').unwrap_or((&url, ""));
    let url = format!("{server}/{database}");
    Config { url, ca_file: None, statement_timeout: STATEMENT_TIMEOUT, pool_size: POOL_SIZE }
}

async fn server(sql: &str) {
    let client = connect(&server_url()).await;
    client.execute(sql, &[]).await.expect("the test server runs the statement");
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the test server answers");
    tokio::spawn(connection);
    client
}
