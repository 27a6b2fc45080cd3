//! Who wrote the rows that changed, as far as the database still knows.
