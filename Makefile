.PHONY: test
test:
	cargo test --locked
