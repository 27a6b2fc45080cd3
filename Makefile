.PHONY: demo test test-setup bench crash fuzz check

# local or docker.
ENGINE ?= local

# What odpm does, on this machine, in under two minutes after the build.
demo:
	scripts/setup.sh
	cargo build --release --locked
	scripts/demo.sh $(ENGINE)

# Every test; installs PostgreSQL where it is missing.
test:
	scripts/test.sh

# Docker engine and Compose for the tests that want them, from Debian's packages.
test-setup:
	scripts/setup.sh
	scripts/engine.sh install

# What was promised of speed, beside the predecessor.
bench:
	scripts/setup.sh
	-scripts/pgbackrest.sh
	cargo build --release --locked
	python3 scripts/bench.py
	python3 scripts/bench_databases.py
	python3 scripts/bench_rows.py
	python3 scripts/bench_cluster.py
	python3 scripts/bench_migrate.py

# Ten minutes of damaged input for each thing that is read from files.
fuzz:
	ODPM_FUZZ_SECONDS=$${ODPM_FUZZ_SECONDS:-600} cargo test --locked --release --test fuzz -- --nocapture --test-threads 2

# Kills odpm before and after each journal record of each kind of plan, on real PostgreSQL, and prints how it went on.
crash:
	scripts/setup.sh
	cargo build --locked --features crash-points --target-dir target/crash
	python3 scripts/crash.py

# Formatting, lints, documentation.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
