use std::path::{Path, PathBuf};

use super::place::{Place, ServerPlace};
use crate::error::Kind;
use crate::project::SslMode;

fn read(text: &str) -> Place {
    Place::read(text, Path::new("/here")).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn server(text: &str) -> ServerPlace {
    match read(text) {
        Place::Server(place) => *place,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn names_and_folders_are_told_apart_by_how_they_are_written() {
    assert_eq!(read("staging"), Place::Own("staging".into()));
    assert_eq!(read("my db"), Place::Own("my db".into()));
    let project = |folder: &str, database: Option<&str>| Place::Project {
        folder: PathBuf::from(folder),
        database: database.map(str::to_owned),
    };
    assert_eq!(read("./staging"), project("/here/./staging", None));
    assert_eq!(read("../s#db"), project("/here/../s", Some("db")));
    assert_eq!(read("/srv/a#b#db"), project("/srv/a#b", Some("db")));
    assert_eq!(read("#db"), project("/here", Some("db")));
}

#[test]
fn a_url_is_read_as_libpq_reads_it() {
    let place =
        server("postgresql://o%40do:p%3Aw%2F@db.example:6000/my%20db?sslmode=verify-ca&sslrootcert=ca.pem");
    assert_eq!((place.role.as_str(), place.database.as_str()), ("o@do", "my db"));
    assert_eq!((place.endpoint.host.as_str(), place.endpoint.port), ("db.example", 6000));
    let tls = place.endpoint.tls.clone().unwrap();
    assert_eq!((tls.mode, tls.root), (SslMode::VerifyCa, Some(PathBuf::from("/here/ca.pem"))));
    assert_eq!(place.password.as_ref().unwrap().reveal(), "p:w/");
    let plain = server("postgres://odoo@[::1]/db");
    assert_eq!((plain.endpoint.host.as_str(), plain.endpoint.port), ("::1", 5432));
    assert_eq!(plain.endpoint.tls.unwrap().mode, SslMode::Prefer);
    assert_eq!(server("postgres://odoo@h/db?sslmode=disable").endpoint.tls, None);
    assert_eq!(server("postgres://odoo@h/db?sslrootcert=/c").endpoint.tls.unwrap().mode, SslMode::VerifyFull);
    let socket = server("postgres://odoo@/db?host=/run/pg&port=5433");
    assert_eq!((socket.endpoint.host.as_str(), socket.endpoint.port), ("/run/pg", 5433));
    assert_eq!(socket.endpoint.tls, None);
    let inside = server("docker://shop-db-1/prod?user=boss&password=x");
    assert_eq!(inside.endpoint.container.as_deref(), Some("shop-db-1"));
    assert_eq!((inside.role.as_str(), inside.endpoint.port), ("boss", 5432));
    assert_eq!(server("docker://c1/prod").role, "odoo");
}

#[test]
fn what_is_shown_has_no_password_and_is_the_same_place() {
    for url in [
        "postgres://odoo:s3cret@db.example/prod",
        "postgres://odoo:s3cret@[::1]:6000/a%2Fb?sslmode=require",
        "postgres://odoo@/db?host=/run/pg&port=5433&password=s3cret",
        "postgres://o%3Ao:s3cret@h/db?sslmode=disable",
        "docker://c1:5433/db?user=me&password=s3cret",
    ] {
        let place = server(url);
        assert_eq!(place.password.as_ref().unwrap().reveal(), "s3cret", "{url}");
        let shown = place.shown();
        assert!(!shown.contains("s3cret"), "{shown}");
        let mut want = ServerPlace { password: None, ..place };
        let again = server(&shown);
        if want.endpoint.tls.is_none()
            && want.endpoint.container.is_none()
            && !want.endpoint.host.starts_with('/')
        {
            // Without TLS on purpose: said, so that it is not tried.
            assert!(shown.contains("sslmode=disable"), "{shown}");
        }
        want.password = None;
        assert_eq!(again, want, "{shown}");
    }
}

#[test]
fn what_is_no_place_is_refused_without_a_word_of_its_secrets() {
    for text in [
        "",
        "mysql://odoo:s3cret@h/db",
        "postgres://odoo:s3cret@h/",
        "postgres://:s3cret@h/db",
        "postgres://odoo:s3cret@h:port/db",
        "postgres://odoo:s3cret@a,b/db",
        "postgres://odoo:s3cret@h/db?sslmode=perhaps",
        "postgres://odoo:s3cret@h/db?options=x",
        "postgres://odoo:s3cret%4@h/db",
        "docker:///db?password=s3cret",
        "docker://-it/db?password=s3cret",
        "docker://c1/?password=s3cret",
        "../a#",
    ] {
        let error = Place::read(text, Path::new("/here")).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{text}");
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{text}");
    }
}
