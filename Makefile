.PHONY: demo test test-setup bench check

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
	cargo build --release --locked
	python3 scripts/bench.py
	python3 scripts/bench_databases.py
	python3 scripts/bench_rows.py

# Formatting, lints, documentation.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
