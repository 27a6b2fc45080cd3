.PHONY: demo test bench check

# What odpm does, on this machine, in under two minutes after the build.
demo:
	scripts/setup.sh
	cargo build --release --locked
	scripts/demo.sh

# Every test; installs PostgreSQL where it is missing.
test:
	scripts/test.sh

# What was promised of speed, beside the predecessor.
bench:
	scripts/setup.sh
	cargo build --release --locked
	python3 scripts/bench.py

# Formatting, lints, documentation.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
