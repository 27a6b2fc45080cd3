//! PostgreSQL's conditions by the names that psycopg2 gives them, and, where only the message is left, by their words.

/// Conditions that an upgrade meets: the class of psycopg2, its SQLSTATE.
const CONDITIONS: [(&str, &str); 52] = [
    ("ActiveSqlTransaction", "25001"),
    ("AdminShutdown", "57P01"),
    ("AmbiguousColumn", "42702"),
    ("AmbiguousFunction", "42725"),
    ("CannotConnectNow", "57P03"),
    ("CannotCoerce", "42846"),
    ("CheckViolation", "23514"),
    ("CrashShutdown", "57P02"),
    ("DataCorrupted", "XX001"),
    ("DatatypeMismatch", "42804"),
    ("DeadlockDetected", "40P01"),
    ("DependentObjectsStillExist", "2BP01"),
    ("DiskFull", "53100"),
    ("DivisionByZero", "22012"),
    ("DuplicateColumn", "42701"),
    ("DuplicateDatabase", "42P04"),
    ("DuplicateObject", "42710"),
    ("DuplicateTable", "42P07"),
    ("ExclusionViolation", "23P01"),
    ("FeatureNotSupported", "0A000"),
    ("ForeignKeyViolation", "23503"),
    ("GroupingError", "42803"),
    ("InFailedSqlTransaction", "25P02"),
    ("IndeterminateDatatype", "42P18"),
    ("InsufficientPrivilege", "42501"),
    ("InternalError_", "XX000"),
    ("InvalidAuthorizationSpecification", "28000"),
    ("InvalidCatalogName", "3D000"),
    ("InvalidColumnReference", "42P10"),
    ("InvalidDatetimeFormat", "22007"),
    ("InvalidPassword", "28P01"),
    ("InvalidRowCountInLimitClause", "2201W"),
    ("InvalidTableDefinition", "42P16"),
    ("InvalidTextRepresentation", "22P02"),
    ("LockNotAvailable", "55P03"),
    ("NotNullViolation", "23502"),
    ("NumericValueOutOfRange", "22003"),
    ("ObjectInUse", "55006"),
    ("OutOfMemory", "53200"),
    ("ProgramLimitExceeded", "54000"),
    ("QueryCanceled", "57014"),
    ("RaiseException", "P0001"),
    ("ReadOnlySqlTransaction", "25006"),
    ("SerializationFailure", "40001"),
    ("StringDataRightTruncation", "22001"),
    ("SyntaxError", "42601"),
    ("TooManyConnections", "53300"),
    ("UndefinedColumn", "42703"),
    ("UndefinedFunction", "42883"),
    ("UndefinedObject", "42704"),
    ("UndefinedTable", "42P01"),
    ("UniqueViolation", "23505"),
];

/// The SQLSTATE of a class of psycopg2's.
pub fn sqlstate(class: &str) -> Option<&'static str> {
    let name = class.rsplit('.').next()?;
    let of_psycopg = class.starts_with("psycopg") || name != "SyntaxError" && name != "InternalError_";
    CONDITIONS.iter().find(|(known, _)| of_psycopg && *known == name).map(|(_, state)| *state)
}

/// Words by which a condition is known where its class is not told; those of other languages where they decide something.
const WORDS: [(&[&str], &str); 31] = [
    (&["transaction is aborted"], "25P02"),
    (&["aktuelle transaktion wurde abgebrochen"], "25P02"),
    (&["la transaction est annul"], "25P02"),
    (&["transacción abortada"], "25P02"),
    (&["transazione è interrotta"], "25P02"),
    (&["huidige transactie is afgebroken"], "25P02"),
    (&["password authentication failed"], "28P01"),
    (&["no password supplied"], "28P01"),
    (&["column", "does not exist"], "42703"),
    (&["relation", "already exists"], "42P07"),
    (&["relation", "does not exist"], "42P01"),
    (&["function", "does not exist"], "42883"),
    (&["type", "does not exist"], "42704"),
    (&["database", "does not exist"], "3D000"),
    (&["violates not-null constraint"], "23502"),
    (&["contains null values"], "23502"),
    (&["violates unique constraint"], "23505"),
    (&["could not create unique index"], "23505"),
    (&["violates foreign key constraint"], "23503"),
    (&["violates check constraint"], "23514"),
    (&["is violated by some row"], "23514"),
    (&["syntax error at"], "42601"),
    (&["lock timeout"], "55P03"),
    (&["could not obtain lock"], "55P03"),
    (&["deadlock detected"], "40P01"),
    (&["could not serialize access"], "40001"),
    (&["statement timeout"], "57014"),
    (&["no space left on device"], "53100"),
    (&["too many clients"], "53300"),
    (&["other objects depend on it"], "2BP01"),
    (&["invalid input syntax for"], "22P02"),
];

/// The SQLSTATE that the words of a message tell.
pub fn condition_of_message(message: &str) -> Option<&'static str> {
    let lower = message.lines().next()?.to_lowercase();
    let more = [("must be owner of", "42501"), ("permission denied", "42501"), ("cannot be cast", "42804")];
    let told = |words: &&(&[&str], &str)| words.0.iter().all(|word| lower.contains(word));
    WORDS
        .iter()
        .find(told)
        .map(|(_, state)| *state)
        .or_else(|| more.iter().find(|(word, _)| lower.contains(word)).map(|(_, state)| *state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_known_by_class_and_by_words() {
        assert_eq!(sqlstate("psycopg2.errors.UndefinedColumn"), Some("42703"));
        assert_eq!(sqlstate("psycopg2.errors.SyntaxError"), Some("42601"));
        assert_eq!(sqlstate("SyntaxError"), None);
        assert_eq!(
            condition_of_message("column \"a\" of relation \"b\" does not exist\nLINE 1"),
            Some("42703")
        );
        assert_eq!(
            condition_of_message("column \"a\" of relation \"b\" contains null values"),
            Some("23502")
        );
        assert_eq!(condition_of_message("la colonne « a » n'existe pas"), None);
    }
}
