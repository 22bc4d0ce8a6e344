# Two commands do everything on a fresh Debian machine with Rust: `make demo` and `make test`.

# bash, which keeps how long each step took.
SHELL := scripts/step
CARGO := cargo
# One profile for demo and test, so that everything is built once.
FEATURES := --features failpoints
# Tests, whose compilation lints and documents on the way. Cargo compiles anew where CLIPPY_ARGS changed, so it stands here.
LINTED := CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/scripts/lint $(CARGO) test --locked $(FEATURES)
# Tests that need neither the machine for themselves nor long; those that mostly wait run beside the others.
QUICK_TESTS := house jail demo contracts outbox reports understanding exports verbs loops publish smime
WAITING_TESTS := course keeping open hostile simulation
# What `sealdesk --version` says it was built from.
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

.PHONY: help demo test check programs setup setup-build setup-test setup-book install package book bench understanding fuzz soak clean

help:
	@echo "make demo    build, and show the desk at work (no account, no network)"
	@echo "make check   what looks at sources and documents alone: format, lints, documentation, licences, links"
	@echo "make test    every check and test, on real servers; wants root for Postfix"
	@echo "make programs  the desk with Thunderbird, Delta Chat and NeoMutt alone; wants root, too"
	@echo "make install the binary, units and users of this machine (below DESTDIR); then run sealdesk init"
	@echo "make package a Debian package, a tarball, an SBOM, the licences and their checksums, in target/package"
	@echo "make book    the guide, in target/book; its links are checked"
	@echo "make bench   measure, beside gpg on this machine"
	@echo "make understanding   how well reports are read, field by field, over tests/reports"
	@echo "make fuzz    fuzz every parser for FUZZ_S seconds (600)"
	@echo "make soak    the long forms of the fault matrices: hours"
	@echo "make setup   install what the above need, and nothing else"

demo: setup-build
	$(CARGO) build --locked $(FEATURES)
	./target/debug/sealdesk demo --once

test: setup check
	@tests/workflows/lint
	promtool check rules config/alerts.yml
	promtool test rules tests/alerts.yml
	@scripts/beside '$(LINTED) --test disk' '$(LINTED) $(WAITING_TESTS:%=--test %)' \
	  '$(LINTED) --lib --bins $(QUICK_TESTS:%=--test %) && FUZZ_RUNS=2000 scripts/fuzz'
	$(LINTED) --test desk -- --test-threads=3
	$(LINTED) --test page -- --test-threads=2
	$(LINTED) --test programs
	$(LINTED) --test machine -- --nocapture
	@scripts/step --table

# What looks at the sources and the documents, and runs nothing of them: the lints of all targets but the fuzzers, which
# are linted where they are built, and the library's documentation come with the compilation of the tests.
check: setup-build
	$(CARGO) fmt --check
	@scripts/beside '$(LINTED) --no-run' scripts/deny '$(MAKE) --no-print-directory book'

# The mail programs that people have, driven at a desk on real servers.
programs: setup
	$(CARGO) test --locked $(FEATURES) --test programs

# Below DESTDIR nothing is started or made: a package does that.
install: setup-build
	SEALDESK_COMMIT=$(COMMIT) $(CARGO) build --release --locked --bin sealdesk
	target/release/sealdesk manual --out target/manual
	install -D -m 755 target/release/sealdesk $(DESTDIR)/usr/bin/sealdesk
	install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system systemd/*.service systemd/*.socket systemd/*.timer
	install -D -m 644 systemd/sealdesk.sysusers $(DESTDIR)/usr/lib/sysusers.d/sealdesk.conf
	install -D -m 644 systemd/sealdesk.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/sealdesk.conf
	install -D -m 644 -t $(DESTDIR)/usr/share/doc/sealdesk README.md CHANGELOG.md
	install -D -m 644 -t $(DESTDIR)/usr/share/doc/sealdesk/examples config/sealdesk.example.toml config/alerts.yml
	install -D -m 644 -t $(DESTDIR)/usr/share/doc/sealdesk/examples/templates config/templates/*.txt
	for language in de es fr ja pt ru zh; do install -D -m 644 \
	  -t $(DESTDIR)/usr/share/doc/sealdesk/examples/templates/$$language config/templates/$$language/*.txt || exit 1; done
	install -D -m 644 -t $(DESTDIR)/usr/share/man/man1 target/manual/*.1
	install -D -m 644 target/manual/sealdesk.bash $(DESTDIR)/usr/share/bash-completion/completions/sealdesk
	install -D -m 644 -t $(DESTDIR)/usr/share/zsh/vendor-completions target/manual/_sealdesk
	install -D -m 644 -t $(DESTDIR)/usr/share/fish/vendor_completions.d target/manual/sealdesk.fish
	[ -n "$(DESTDIR)" ] || { systemd-sysusers && systemd-tmpfiles --create sealdesk.conf && systemctl daemon-reload; }

# What a release is made of, in target/package.
package: setup-build
	SEALDESK_COMMIT=$(COMMIT) $(CARGO) build --release --locked --bin sealdesk
	scripts/package release

# The guide, in target/book, with every link in it looked at.
book: setup-book
	mdbook build docs
	@scripts/links target/book

bench: setup
	$(CARGO) build --release --locked --bin sealdesk --example opening
	scripts/bench

# Precision and recall of each field, and the letters that fare worst: SEALDESK_WORST of them (20), of SEALDESK_SETS (training,tuning).
understanding: setup-build
	$(CARGO) test --locked $(FEATURES) --test understanding -- --nocapture

# FUZZ_S seconds for each target.
fuzz: setup
	scripts/fuzz

# Every octet, every write with every fault, 300,000 stories, 100,000 letters behind one.
soak: setup
	SEALDESK_SEEDS=0..300000 SEALDESK_TWINS=0..20000 $(CARGO) test --locked $(FEATURES) --test simulation -- --nocapture
	SEALDESK_SOAK=1 $(CARGO) test --locked $(FEATURES) --test disk -- --nocapture
	SEALDESK_SOAK=1 $(CARGO) test --locked $(FEATURES) --test desk -- --nocapture --test-threads=2 network flood crash

setup: setup-build setup-test

setup-build:
	@scripts/setup build

setup-test:
	@scripts/setup test

setup-book:
	@scripts/setup book

clean:
	$(CARGO) clean
	rm -rf tests/*/node_modules tests/*/*/node_modules tests/*/packages
