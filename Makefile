# Two commands do everything on a fresh Debian machine with Rust: `make demo` and `make test`.

SHELL := /bin/bash
CARGO := cargo
# One profile for demo and test, so that everything is built once.
FEATURES := --features failpoints

.PHONY: help demo test check setup setup-build setup-test install bench fuzz soak clean

help:
	@echo "make demo    build, and show the desk at work (no account, no network)"
	@echo "make test    every check and test, on real servers; wants root for Postfix"
	@echo "make install the binary, units and users of this machine (below DESTDIR); then run sealdesk init"
	@echo "make bench   measure, beside gpg on this machine"
	@echo "make fuzz    fuzz every parser for FUZZ_S seconds (600)"
	@echo "make soak    the long forms of the fault matrices: hours"
	@echo "make setup   install what the above need, and nothing else"

demo: setup-build
	$(CARGO) build --quiet --locked $(FEATURES)
	./target/debug/sealdesk demo --once

test: setup check
	$(CARGO) test --locked $(FEATURES) --lib --bins --test house --test jail --test demo --test open --test contracts --test outbox --test reports --test exports --test verbs --test loops --test publish --test course --test simulation --test disk
	$(CARGO) test --locked $(FEATURES) --test desk -- --test-threads=3
	$(CARGO) test --locked $(FEATURES) --test machine -- --nocapture
	FUZZ_RUNS=2000 scripts/fuzz

check: setup-build
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --locked --all-targets $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --locked --no-deps --document-private-items
	@scripts/deny

# Below DESTDIR nothing is started or made: a package does that.
install:
	$(CARGO) build --release --locked --bin sealdesk
	install -D -m 755 target/release/sealdesk $(DESTDIR)/usr/bin/sealdesk
	install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system systemd/sealdesk.service systemd/sealdesk-opener.service systemd/sealdesk-opener.socket
	install -D -m 644 systemd/sealdesk.sysusers $(DESTDIR)/usr/lib/sysusers.d/sealdesk.conf
	install -D -m 644 systemd/sealdesk.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/sealdesk.conf
	install -D -m 644 -t $(DESTDIR)/usr/share/doc/sealdesk config/sealdesk.example.toml README.md CHANGELOG.md
	[ -n "$(DESTDIR)" ] || { systemd-sysusers && systemd-tmpfiles --create sealdesk.conf && systemctl daemon-reload; }

bench: setup
	$(CARGO) build --release --locked --bin sealdesk --example opening
	scripts/bench

# FUZZ_S seconds for each target.
fuzz: setup
	scripts/fuzz

# Every octet, every write with every fault, 300,000 stories, 100,000 letters behind one.
soak: setup
	SEALDESK_SEEDS=0..300000 $(CARGO) test --locked $(FEATURES) --test simulation -- --nocapture
	SEALDESK_SOAK=1 $(CARGO) test --locked $(FEATURES) --test disk -- --nocapture
	SEALDESK_SOAK=1 $(CARGO) test --locked $(FEATURES) --test desk -- --nocapture --test-threads=2 network flood crash

setup: setup-build setup-test

setup-build:
	@scripts/setup build

setup-test:
	@scripts/setup test

clean:
	$(CARGO) clean
	rm -rf tests/github/node_modules tests/webmail/node_modules
