//! When is a PostgreSQL refused, and with which words?

use std::os::unix::fs::PermissionsExt as _;

use super::{
    cluster::{Cluster, PASSWORD, PASSWORD_IN_URL, USER, root},
    url,
};
use crate::{
    config::PostgresUrl,
    registry::Rules,
    store::{PostgresStore, Store as _},
};

/// The line that an operator sees. Never the password in either form, but always which server.
async fn refusal(url: &PostgresUrl) -> String {
    let error = match PostgresStore::open(url, Rules::default()).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    };
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(
            !shown.contains(PASSWORD) && !shown.contains(PASSWORD_IN_URL),
            "{shown}"
        );
    }
    let line = error.to_string();
    assert!(line.starts_with(&format!("{url}: ")), "{line}");
    line
}

#[tokio::test]
async fn postgresql_that_is_away_or_refuses_is_named_with_what_to_do() {
    let cluster = Cluster::shared();
    let port = cluster.port();
    let database = cluster.database();
    for (address, problem) in [
        (
            format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:1/x"),
            "nothing listens there",
        ),
        (
            format!("postgres://{USER}:{PASSWORD_IN_URL}@%2Fnowhere/x"),
            "nothing listens there",
        ),
        (
            format!("postgres://{USER}:{PASSWORD_IN_URL}x@127.0.0.1:{port}/{database}"),
            "refuses the user or its password",
        ),
        (
            format!("postgres://nobody:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}"),
            "refuses the user or its password",
        ),
        (cluster.url("no_such_database"), "make it with createdb"),
    ] {
        let line = refusal(&url(&address)).await;
        assert!(line.contains(problem), "{line}");
    }
}

// security.md 70
#[tokio::test]
async fn postgresql_without_synchronous_commit_is_refused_until_it_is_on() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let set = |value: &str| {
        let sql = format!("ALTER DATABASE {database} SET synchronous_commit = {value}");
        cluster.sql("postgres", &sql);
    };
    set("off");
    let line = refusal(&url(&cluster.url(&database))).await;
    assert!(
        line.contains("synchronous_commit = off")
            && line.contains(&format!(
                "ALTER DATABASE \"{database}\" SET synchronous_commit = on"
            )),
        "{line}"
    );
    assert_eq!(cluster.sql(&database, "\\dt"), "", "nothing was made");
    for value in ["local", "remote_write", "on", "remote_apply"] {
        set(value);
        let store = super::open(&database).await;
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn postgresql_that_is_read_only_is_refused() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    cluster.sql("postgres", &sql);
    let line = refusal(&url(&cluster.url(&database))).await;
    assert!(line.contains("is read-only for this user"), "{line}");
}

#[tokio::test]
async fn postgresql_that_is_a_standby_or_does_not_sync_is_refused() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let address = url(&cluster.url(&database));
    let store = PostgresStore::open(&address, Rules::default())
        .await
        .unwrap();
    store.close().await.unwrap();
    cluster.sql("postgres", "ALTER SYSTEM SET fsync = off");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    while cluster.sql("postgres", "SHOW fsync") == "on" {}
    let line = refusal(&address).await;
    assert!(line.contains("fsync = off"), "{line}");
    cluster.sql("postgres", "ALTER SYSTEM RESET fsync");
    cluster.become_standby();
    let line = refusal(&address).await;
    assert!(
        line.contains("is a standby") && line.contains("name the primary in store.url"),
        "{line}"
    );
}

#[tokio::test]
async fn postgresql_of_another_program_or_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let cluster = Cluster::shared();
    let foreign = cluster.database();
    cluster.sql(&foreign, "CREATE TABLE counter (x TEXT)");
    let line = refusal(&url(&cluster.url(&foreign))).await;
    assert!(line.contains("tables of another program"), "{line}");
    let tables =
        "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(cluster.sql(&foreign, tables), "counter");

    let newer = cluster.database();
    super::open(&newer).await.close().await.unwrap();
    cluster.sql(
        &newer,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (7, 'later', TRUE, '', 0)",
    );
    let line = refusal(&url(&cluster.url(&newer))).await;
    assert!(
        line.contains("newer countersign") && line.contains("version 7"),
        "{line}"
    );
}

#[tokio::test]
async fn postgresql_whose_user_may_not_make_tables_is_refused() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    cluster.sql(
        &database,
        "CREATE ROLE powerless LOGIN PASSWORD 'powerless'; REVOKE CREATE ON SCHEMA public FROM public",
    );
    let port = cluster.port();
    let address = format!("postgres://powerless:powerless@127.0.0.1:{port}/{database}");
    let line = refusal(&url(&address)).await;
    assert!(
        line.contains("the user powerless may not make tables in it"),
        "{line}"
    );
}

// security.md B28
#[tokio::test]
async fn postgresql_is_believed_by_its_certificate_and_its_name() {
    let cluster = Cluster::shared();
    let port = cluster.port();
    let database = cluster.database();
    let authority = root().join("testdata/authority/authority.pem");
    let authority = authority.display().to_string().replace('/', "%2F");
    let at = |host: &str, parameters: &str| {
        url(&format!(
            "postgres://{USER}:{PASSWORD_IN_URL}@{host}:{port}/{database}?{parameters}"
        ))
    };
    let verified = format!("sslmode=verify-full&sslrootcert={authority}");
    let store = PostgresStore::open(&at("127.0.0.1", &verified), Rules::default())
        .await
        .unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE datname = current_database() AND application_name = 'countersign'";
    assert_eq!(cluster.sql(&database, encrypted), "t");
    store.close().await.unwrap();
    for (address, problem) in [
        (at("127.0.0.1", "sslmode=verify-full"), "UnknownIssuer"),
        // Its certificate is for another address.
        (at("127.0.0.2", &verified), "not valid for name"),
    ] {
        let line = refusal(&address).await;
        assert!(
            line.contains("does not prove by TLS") && line.contains(problem),
            "{line}"
        );
    }
}

#[tokio::test]
async fn postgresql_is_reached_by_its_socket_with_a_password_from_a_file() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let socket = cluster.socket().display().to_string().replace('/', "%2F");
    let port = cluster.port();
    let address = url(&format!("postgres://{USER}@{socket}:{port}/{database}"));
    let with_file = address.clone().with_password_file(file.clone());
    let store = PostgresStore::open(&with_file, Rules::default())
        .await
        .unwrap();
    store.ping().await.unwrap();
    store.close().await.unwrap();

    std::fs::write(&file, "wrong\n").unwrap();
    let line = refusal(&with_file).await;
    assert!(line.contains("refuses the user or its password"), "{line}");
    let line = refusal(&address).await;
    assert!(line.contains("refuses the user or its password"), "{line}");
    std::fs::remove_file(&file).unwrap();
    let line = refusal(&with_file).await;
    assert!(line.contains("store.password_file"), "{line}");
}
