# What each target promises stands in docs/development.md; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO_HOME ?= $(HOME)/.cargo
export PATH := $(CARGO_HOME)/bin:$(PATH)

.PHONY: help run test check deb bench soak release-check deps-build deps-test deps-package

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

run: deps-build ## install what the build needs, then a whole working system on loopback
	cargo run --release --locked -- demo

test: deps-test ## install what the tests need, then all tests
	cargo test --locked --no-fail-fast

check: deps-build ## the quick loop: format, lints, unit tests
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib

deb: deps-package ## the Debian package, in target/debian
	@command -v cargo-deb >/dev/null || cargo install cargo-deb --locked
	cargo deb --locked

bench: deps-build ## the published figures, measured on this machine
	benches/run.sh

soak: deps-build ## hours of mixed load; MINUTES=60
	benches/soak.sh

release-check: check test deb ## what is too slow for every change
	packaging/release-check.sh

deps-build: ## apt packages and Rust for building
	@packaging/install-deps.sh build

deps-test: ## the same for testing
	@packaging/install-deps.sh test

deps-package: ## the same for packaging
	@packaging/install-deps.sh package
